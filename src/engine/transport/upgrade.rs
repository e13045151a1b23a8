//! The upgrade of an HTTP connection to a WebSocket (RFC 6455, section 4).
//!
//! Not that of the library: an answer that is not as it should be makes it panic.

use super::ahead::ReadAhead;
use super::target::Target;
use crate::engine::cause;
use crate::engine::error::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Limit of the answer, which is kept whole until its end has come.
const LARGEST_ANSWER: usize = 64 * 1024;

/// End of the answer's head.
const END: &[u8] = b"\r\n\r\n";

/// Beginning of any answer.
const START: &[u8] = b"HTTP/1.";

/// Text that a server appends to the key, so that nobody answers by chance.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Asks for the upgrade; the stream that is given back carries frames.
///
/// # Errors
/// `ErrProtocol` if the peer answers anything but yes, or what ended the stream.
pub(super) async fn upgrade<S>(mut stream: S, target: &Target<'_>) -> Result<ReadAhead<S>, Problem>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let address = target.address();
    let mut random = [0; 16];
    if SystemRandom::new().fill(&mut random).is_err() {
        return Err(cause::refused(&address, "the system gives no random bytes"));
    }
    let key = STANDARD.encode(random);
    let written = async {
        stream.write_all(request(target, &key).as_bytes()).await?;
        stream.flush().await
    };
    // A peer that answered before it had read all may have closed: its answer tells more than the socket.
    let written: io::Result<()> = written.await;
    let mut answer = BytesMut::new();
    loop {
        if !answer[..answer.len().min(START.len())].starts_with(&START[..answer.len().min(START.len())]) {
            return Err(cause::protocol(&address));
        }
        if let Some(end) = answer.windows(END.len()).position(|w| w == END) {
            let bytes = answer.split_off(end + END.len()).freeze();
            judge(&answer[..end], &key, &address)?;
            return Ok(ReadAhead { stream, bytes, received: Arc::clone(target.received) });
        }
        if answer.len() > LARGEST_ANSWER {
            return Err(cause::protocol(&address));
        }
        match stream.read_buf(&mut answer).await {
            Ok(0) => return Err(written.map_or_else(|e| cause::of_io(&e, &address), |()| cause::broken(&address))),
            Ok(_) => (),
            Err(e) => return Err(cause::of_io(&e, &address)),
        }
    }
}

fn request(target: &Target<'_>, key: &str) -> String {
    let path = if target.path.is_empty() { "/" } else { target.path };
    let host = host(target);
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    );
    for (name, value) in &target.config.ws_headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}

/// The scheme's own port is left out, as browsers do.
fn host(target: &Target<'_>) -> String {
    let own = target.scheme.default_port();
    let shown = target.address();
    match shown.strip_suffix(&format!(":{own}")) {
        Some(host) if target.port == own => host.to_string(),
        _ => shown,
    }
}

/// Whether the head of an answer says yes.
fn judge(head: &[u8], key: &str, address: &str) -> Result<(), Problem> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse::<u16>().ok());
    match status {
        None => return Err(cause::protocol(address)),
        Some(101) => (),
        Some(other) => return Err(cause::no_upgrade(address, other)),
    }
    let mut proven = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("Sec-WebSocket-Accept") {
            proven = value.trim() == proof(key);
        } else if name.eq_ignore_ascii_case("Sec-WebSocket-Extensions") && !value.trim().is_empty() {
            // None was asked for, and its frames would not be understood.
            return Err(cause::protocol(address));
        }
    }
    if proven { Ok(()) } else { Err(cause::protocol(address)) }
}

/// What shows that the peer has understood the key.
fn proof(key: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key.as_bytes());
    context.update(GUID);
    STANDARD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Config;
    use crate::engine::alive::Pulse;
    use crate::engine::error::Code;
    use crate::engine::url::Scheme;
    use std::sync::LazyLock;

    static PULSE: LazyLock<Arc<Pulse>> = LazyLock::new(Pulse::new);

    fn target<'a>(config: &'a Config, host: &'a str, port: u16, scheme: Scheme, path: &'a str) -> Target<'a> {
        Target { host, port, scheme, path, config, other_names: &[], deadline: None, warn: &|_| (), received: &PULSE }
    }

    #[test]
    fn the_proof_of_the_standard() {
        assert_eq!(proof("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn requests() {
        let headers = vec![("X-b".to_string(), "1".to_string()), ("A".to_string(), String::new())];
        let config = Config { ws_headers: headers, ..Config::default() };
        let text = request(&target(&config, "::1", 81, Scheme::Ws, "/a?b"), "K");
        let expected = "GET /a?b HTTP/1.1\r\nHost: [::1]:81\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Key: K\r\nSec-WebSocket-Version: 13\r\nX-b: 1\r\nA: \r\n\r\n";
        assert_eq!(text, expected);
        for (name, port, scheme, shown) in [
            ("h", 80, Scheme::Ws, "h"),
            ("h", 443, Scheme::Wss, "h"),
            ("::1", 80, Scheme::Ws, "[::1]"),
            ("h", 443, Scheme::Ws, "h:443"),
            ("h", 8080, Scheme::Ws, "h:8080"),
        ] {
            assert_eq!(host(&target(&config, name, port, scheme, "")), shown);
        }
    }

    #[test]
    fn answers() {
        let yes = format!("sec-websocket-accept: {}", proof("K"));
        let code = |lines: &[&str]| judge(lines.join("\r\n").as_bytes(), "K", "h:1").map_err(|p| p.code);
        assert_eq!(code(&["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", &yes]), Ok(()));
        assert_eq!(code(&["HTTP/1.1 101", &yes]), Ok(()));
        let no = Err(Code::Protocol);
        for lines in [
            &["HTTP/1.1 101 Switching Protocols"][..],
            &["HTTP/1.1 200 OK", &yes],
            &["HTTP/1.1 abc", &yes],
            &["HTTP/1.1", &yes],
            &["HTTP/1.1 101", &yes, "Sec-WebSocket-Accept: other"],
            &["HTTP/1.1 101", &yes, "Sec-WebSocket-Extensions: permessage-deflate"],
        ] {
            assert_eq!(code(lines), no, "{lines:?}");
        }
        assert_eq!(judge(b"HTTP/1.1 401 \xff", "K", "h:1").unwrap_err().text, cause::no_upgrade("h:1", 401).text);
    }
}
