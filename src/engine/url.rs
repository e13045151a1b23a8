//! Server URLs: `[scheme://][user:password@|token@]host[:port][/]`.

use super::error::{Code, Problem};
use std::net::Ipv6Addr;

/// Scheme of a server URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain TCP, TLS if the server asks for it.
    Nats,
    /// TLS required.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Scheme {
    /// The word before `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Nats => "nats",
            Scheme::Tls => "tls",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        }
    }

    /// Whether the transport is a WebSocket; those do not mix with others in one pool.
    pub fn is_websocket(self) -> bool {
        matches!(self, Scheme::Ws | Scheme::Wss)
    }

    /// The port of a URL that names none.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Nats | Scheme::Tls => 4222,
            Scheme::Ws => 80,
            Scheme::Wss => 443,
        }
    }
}

/// Credentials in a URL, taken as written.
#[derive(Clone, PartialEq, Eq)]
pub enum UrlAuth {
    /// None.
    None,
    /// `token@`
    Token(String),
    /// `user:password@`
    User(String, String),
}

// Hand-written so that no secret can reach a log through `{:?}`.
impl std::fmt::Debug for UrlAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            UrlAuth::None => "None",
            UrlAuth::Token(_) => "Token(***)",
            UrlAuth::User(..) => "User(***)",
        })
    }
}

/// A parsed URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The scheme.
    pub scheme: Scheme,
    /// The host as written, without brackets.
    pub host: String,
    /// The port, the scheme's default if left out.
    pub port: u16,
    /// Credentials.
    pub auth: UrlAuth,
}

/// Parses one URL.
///
/// # Errors
/// `ErrInvalidArg`, `Invalid URL <as given, user info as ***>`.
pub fn parse(text: &str) -> Result<Url, Problem> {
    parse_parts(text).ok_or_else(|| Problem::new(Code::InvalidArg, format!("Invalid URL {}", hide_auth(text))))
}

/// The URL with its user info replaced by `***`.
fn hide_auth(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}"),
        None => text.to_string(),
    }
}

fn parse_parts(text: &str) -> Option<Url> {
    let (scheme, rest) = match text.split_once("://") {
        Some(("nats", rest)) => (Scheme::Nats, rest),
        Some(("tls", rest)) => (Scheme::Tls, rest),
        Some(("ws", rest)) => (Scheme::Ws, rest),
        Some(("wss", rest)) => (Scheme::Wss, rest),
        // A password may hold `://`: what comes before it is a scheme only if it looks like one.
        Some((word, _)) if !word.contains(['@', ':']) => return None,
        _ => (Scheme::Nats, text),
    };
    // Passwords may hold an `@`, hosts may not.
    let (auth, address) = match rest.rsplit_once('@') {
        Some((info, address)) => (parse_auth(info)?, address),
        None => (UrlAuth::None, rest),
    };
    let (host, port) = split_port(address.strip_suffix('/').unwrap_or(address))?;
    let port = match port {
        Some(digits) => parse_port(digits)?,
        None => scheme.default_port(),
    };
    Some(Url { scheme, host, port, auth })
}

fn parse_auth(info: &str) -> Option<UrlAuth> {
    match info.split_once(':') {
        Some(("", _)) => None,
        Some((user, password)) => Some(UrlAuth::User(user.to_string(), password.to_string())),
        None if info.is_empty() => None,
        None => Some(UrlAuth::Token(info.to_string())),
    }
}

fn split_port(address: &str) -> Option<(String, Option<&str>)> {
    if let Some(inner) = address.strip_prefix('[') {
        let (host, rest) = inner.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = match rest {
            "" => None,
            _ => Some(rest.strip_prefix(':')?),
        };
        return Some((host.to_string(), port));
    }
    let (host, port) = match address.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (address, None),
    };
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    (!host.is_empty() && host.chars().all(fits)).then(|| (host.to_string(), port))
}

fn parse_port(digits: &str) -> Option<u16> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|p| *p != 0)
}

/// `host:port`, with brackets around an IPv6 address.
pub fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        let url = parse("localhost").unwrap();
        assert_eq!((url.scheme, url.host.as_str(), url.port), (Scheme::Nats, "localhost", 4222));
        assert_eq!(url.auth, UrlAuth::None);
        assert_eq!(parse("tls://h:1/").unwrap().port, 1);
        assert_eq!(parse("ws://h").unwrap().port, 80);
        let url = parse("nats://[::1]:4333").unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", 4333));
        assert_eq!(parse("[::1]").unwrap().port, 4222);
        let url = parse("u:p%40@x@h:5").unwrap();
        assert_eq!(url.auth, UrlAuth::User("u".into(), "p%40@x".into()));
        assert_eq!(parse("nats://tok@h").unwrap().auth, UrlAuth::Token("tok".into()));
        assert_eq!(parse("u:a://b@h").unwrap().auth, UrlAuth::User("u".into(), "a://b".into()));
    }

    #[test]
    fn bad() {
        for text in [
            "", "nats://", "http://h", "h:x", "h:0", "h:65536", "h:+1", "h:", "h/path", "h//", "::1", "[::1", "[x]:1", "@h",
            ":p@h", "a b", "h?x",
        ] {
            let problem = parse(text).expect_err(text);
            assert_eq!(problem.code, Code::InvalidArg);
            assert_eq!(problem.text, format!("Invalid URL {}", hide_auth(text)));
        }
    }

    #[test]
    fn secrets_hidden() {
        assert_eq!(parse("nats://u:secret@h:x").unwrap_err().text, "Invalid URL nats://***@h:x");
        assert_eq!(parse("tok@h/x").unwrap_err().text, "Invalid URL ***@h/x");
    }

    #[test]
    fn addresses() {
        assert_eq!(address("h", 1), "h:1");
        assert_eq!(address("::1", 1), "[::1]:1");
    }
}
