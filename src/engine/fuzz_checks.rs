//! What must hold for any bytes whatsoever. The targets of `fuzz/` make up the bytes, the tests below take those of its corpora.

use super::session::input::Input;
use super::url;
use super::wire::header;
use super::wire::info::Info;
use super::wire::parse::{Fault, Head, LARGE, MAX_CONTROL_LINE, MAX_INFO_LINE, MAX_MESSAGE, Op, Parser};
use futures_util::FutureExt;
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

/// Length of the longest stream that is fed a byte at a time, which takes a time that grows with the square.
const MOST_BYTES: usize = 16 * 1024;

/// Room that a read may be offered however few bytes have come.
const ROOM: usize = 64 * 1024;

/// The parser and the read buffer: the same operations however the bytes are cut, and memory only as they arrive.
pub fn parser(stream: &[u8]) {
    let whole = replay(stream, &[usize::MAX]);
    if stream.len() <= MOST_BYTES {
        assert_eq!(replay(stream, &[1]), whole, "byte by byte");
    }
    for most in [9, 500, 100_000] {
        let pieces = cuts(stream, most);
        assert_eq!(replay(stream, &pieces), whole, "in pieces of {pieces:?}");
        assert_eq!(read(stream, &pieces), whole, "read in pieces of {pieces:?}");
    }
}

/// Sizes by chance, the same ones for the same stream.
fn cuts(stream: &[u8], most: usize) -> Vec<usize> {
    let mut hasher = DefaultHasher::new();
    stream.hash(&mut hasher);
    let mut state = hasher.finish();
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % most + 1
    };
    (0..64).map(|_| random()).collect()
}

/// What a stream said, and what ended it.
pub type Replayed = (Vec<String>, Option<Fault>);

/// The operations of a stream that comes in pieces of these sizes, again and again.
pub fn replay(stream: &[u8], pieces: &[usize]) -> Replayed {
    let mut told = Told::default();
    let fault = feed(stream, pieces, &mut told).err();
    (told.operations, fault)
}

fn feed(stream: &[u8], pieces: &[usize], told: &mut Told) -> Result<(), Fault> {
    let (mut parser, mut held, mut rest) = (Parser::default(), Vec::new(), stream);
    for size in pieces.iter().cycle() {
        loop {
            let taken = match told.awaits() {
                Some(need) if held.len() < need => break,
                Some(need) => {
                    told.complete(&held[..need])?;
                    need
                }
                None => match parser.next(&held)? {
                    Some((op, taken)) => {
                        told.add(op);
                        taken
                    }
                    None => break,
                },
            };
            assert!(taken > 0);
            held.drain(..taken);
        }
        let line = if held.len() < 4 || held[..4].eq_ignore_ascii_case(b"INFO") { MAX_INFO_LINE } else { MAX_CONTROL_LINE };
        assert!(told.awaits().is_some() || held.len() < line + LARGE + "\r\n\r\n".len(), "{} bytes are kept", held.len());
        let piece;
        (piece, rest) = rest.split_at((*size).min(rest.len()));
        if piece.is_empty() {
            break;
        }
        held.extend_from_slice(piece);
    }
    Ok(())
}

/// The same through the read buffer of a session.
fn read(stream: &[u8], pieces: &[usize]) -> Replayed {
    let mut told = Told::default();
    let mut source = Source { rest: stream, pieces: pieces.iter().cycle(), came: 0 };
    let fault = understand(&mut Input::new(), &mut source, &mut told).err();
    (told.operations, fault)
}

fn understand<R: AsyncRead + Unpin>(input: &mut Input, source: &mut R, told: &mut Told) -> Result<(), Fault> {
    let mut body = Vec::new();
    loop {
        if let Some(need) = told.awaits() {
            body.extend_from_slice(input.take(need - body.len()));
            if body.len() == need {
                told.complete(&body)?;
                body.clear();
            }
        }
        if told.awaits().is_none()
            && let Some(op) = input.next()?
        {
            told.add(op);
            continue;
        }
        let count = input.read(source).now_or_never().expect("a source is always ready").expect("a source never fails");
        if count == 0 {
            return Ok(());
        }
    }
}

/// A peer whose bytes are there in pieces.
struct Source<'a, P> {
    rest: &'a [u8],
    pieces: P,
    came: usize,
}

impl<'a, P: Iterator<Item = &'a usize> + Unpin> AsyncRead for Source<'a, P> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        assert!(room > 0 && room <= ROOM.max(2 * self.came), "room for {room} bytes after {}", self.came);
        let size = self.pieces.next().map_or(0, |size| *size);
        let (piece, rest) = self.rest.split_at(size.min(self.rest.len()).min(room));
        buf.put_slice(piece);
        self.rest = rest;
        self.came += piece.len();
        Poll::Ready(Ok(()))
    }
}

/// What a parser has said.
#[derive(Default)]
struct Told {
    operations: Vec<String>,
    /// A large message whose bytes are awaited.
    large: Option<(String, usize)>,
}

impl Told {
    /// Number of bytes that a large message needs, with its end.
    fn awaits(&self) -> Option<usize> {
        self.large.as_ref().map(|(_, need)| *need)
    }

    fn add(&mut self, op: Op<'_>) {
        self.operations.push(match op {
            Op::Message(head, body) => {
                check_message(&head, body);
                format!("{}:{}", shown(&head), header::text(body))
            }
            Op::Large(head) => {
                assert!(head.total_len >= LARGE);
                self.large = Some((shown(&head), head.total_len + 2));
                return;
            }
            Op::Info(json) => format!("INFO {}", header::text(json)),
            Op::Error(text) => format!("-ERR {}", header::text(text)),
            Op::Ping | Op::Pong | Op::Ok => format!("{op:?}"),
        });
    }

    /// The bytes that were awaited.
    fn complete(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let (head, _) = self.large.take().expect("a large message is awaited");
        let body = bytes.strip_suffix(b"\r\n").ok_or(Fault::PayloadEnd)?;
        self.operations.push(format!("{head}:{}", header::text(body)));
        Ok(())
    }
}

fn shown(head: &Head<'_>) -> String {
    let Head { subject, sid, reply, header_len, total_len } = head;
    assert!(*header_len <= *total_len && *total_len <= MAX_MESSAGE);
    format!("{} {sid} [{}] {header_len}/{total_len}", header::text(subject), header::text(reply))
}

/// A message is what its own line says, and reads the same when it is written as servers do.
fn check_message(head: &Head<'_>, body: &[u8]) {
    assert_eq!(body.len(), head.total_len);
    assert!(!head.subject.is_empty());
    let mut line = if head.header_len == 0 { b"MSG ".to_vec() } else { b"HMSG ".to_vec() };
    line.extend_from_slice(head.subject);
    line.extend_from_slice(format!(" {} ", head.sid).as_bytes());
    line.extend_from_slice(head.reply);
    if head.header_len > 0 {
        line.extend_from_slice(format!(" {}", head.header_len).as_bytes());
    }
    line.extend_from_slice(format!(" {}\r\n", head.total_len).as_bytes());
    line.extend_from_slice(body);
    line.extend_from_slice(b"\r\n");
    assert_eq!(Parser::default().next(&line), Ok(Some((Op::Message(*head, body), line.len()))));
}

/// A header block: what is read of it can be sent and reads the same again.
pub fn header(block: &[u8]) {
    let lines: Vec<(String, String)> = header::lines(block).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    for (name, value) in &lines {
        assert!(!name.is_empty() && !name.contains([':', '\n']) && !value.contains('\n'), "{name}: {value}");
    }
    assert_eq!(header::stored(block), if header::is_block(block) { lines.clone() } else { Vec::new() });
    if let Some(status) = header::status(block) {
        assert!(header::text(block).contains(&status.to_string()), "{status}");
    }
    assert!(!header::description(block).contains('\n'));

    let sendable: Vec<_> = lines.into_iter().filter(|(name, value)| header::is_name(name) && header::is_value(value)).collect();
    let mut sent = Vec::new();
    header::write(&mut sent, &sendable);
    assert_eq!(sent.len(), header::block_len(&sendable));
    assert!(header::is_block(&sent) && header::status(&sent).is_none() && header::description(&sent).is_empty());
    assert_eq!(header::stored(&sent), sendable);
}

/// INFO: an object or nothing; its fields as they came, and the typed ones among them.
pub fn info(json: &[u8]) {
    let value = serde_json::from_slice::<Value>(json).unwrap_or_default();
    let (info, object) = (Info::parse(json), value.as_object());
    assert_eq!(info.is_some(), object.is_some());
    let (Some(info), Some(object)) = (info, object) else { return };
    assert!(object.iter().filter(|(_, value)| !value.is_null()).eq(&info.fields));
    assert_ne!(info.max_payload, Some(0));
    assert_ne!(info.nonce.as_deref(), Some(""));
    for (name, urls) in [("connect_urls", &info.connect_urls), ("ws_connect_urls", &info.ws_connect_urls)] {
        let among = |url: &String| info.fields[name].as_array().is_some_and(|list| list.contains(&url.as_str().into()));
        assert!(urls.iter().all(among));
    }
    let written = serde_json::to_vec(&info.fields).expect("JSON can be written");
    assert_eq!(Info::parse(&written), Some(info));
}

/// A URL: its parts make the same URL again; an error tells no credentials.
pub fn url(text: &str) {
    let url = match url::parse(text) {
        Ok(url) => url,
        Err(problem) => {
            check_secrets(text, &problem.text);
            return;
        }
    };
    assert!(!url.host.is_empty() && url.port > 0);
    assert_eq!(url.path.is_empty(), !url.scheme.is_websocket());
    assert!(!url.path.contains(|c: char| !c.is_ascii_graphic()));
    let auth = match &url.auth {
        url::UrlAuth::None => String::new(),
        url::UrlAuth::Token(token) => format!("{token}@"),
        url::UrlAuth::User(user, password) => format!("{user}:{password}@"),
    };
    let again = format!("{}://{auth}{}{}", url.scheme.as_str(), url::address(&url.host, url.port), url.path);
    assert_eq!(url::parse(&again), Ok(url), "{again}");
}

/// No part of the credentials is told, unless it stands elsewhere in the URL, too.
fn check_secrets(text: &str, told: &str) {
    let told = told.strip_prefix("Invalid URL ").expect("the text of an invalid URL");
    let after_scheme = match text.split_once("://") {
        Some((word, rest)) if !word.contains([':', '@']) => rest,
        _ => text,
    };
    let Some((secret, public)) = after_scheme.rsplit_once('@') else { return };
    for part in secret.split([':', '@', '/', '?']).filter(|part| part.len() > 3 && !public.contains(part)) {
        let scheme = text.len() - after_scheme.len();
        assert!(text[..scheme].contains(part) || !told.contains(part), "{told}");
    }
}

#[cfg(test)]
mod corpora {
    use std::path::Path;

    /// Runs a check on each file of a corpus; the last name printed is the one that failed.
    fn each(target: &str, check: impl Fn(&[u8])) {
        let folder = Path::new(env!("PROJECT_ROOT")).join("fuzz/corpus").join(target);
        let mut count = 0;
        for file in std::fs::read_dir(&folder).expect("there is a corpus") {
            let path = file.expect("a file").path();
            println!("{}", path.display());
            check(&std::fs::read(&path).expect("it can be read"));
            count += 1;
        }
        assert!(count > 0);
    }

    #[test]
    fn parser() {
        each("parser", super::parser);
    }

    #[test]
    fn header() {
        each("header", super::header);
    }

    #[test]
    fn info() {
        each("info", super::info);
    }

    #[test]
    fn url() {
        each("url", |bytes| super::url(std::str::from_utf8(bytes).expect("URLs are text")));
    }
}
