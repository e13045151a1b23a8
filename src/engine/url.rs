//! Server URLs: `[scheme://][user:password@|token@]host[:port][/]`, for WebSockets with a path and a query.

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

    /// Port of a URL that names none.
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
    /// Path and query of a WebSocket URL, `/` if it has none; otherwise empty.
    pub path: String,
    /// Credentials.
    pub auth: UrlAuth,
}

/// Parses one URL.
///
/// # Errors
/// `ErrInvalidArg`, `Invalid URL <as given, user info and the query of a WebSocket URL as ***>`.
pub fn parse(text: &str) -> Result<Url, Problem> {
    parse_parts(text).ok_or_else(|| Problem::new(Code::InvalidArg, format!("Invalid URL {}", hide_auth(text))))
}

/// The URL with its user info, and the query of a WebSocket URL, replaced by `***`: either may hold a secret.
fn hide_auth(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((word, rest)) if is_scheme(word) => (format!("{word}://"), rest),
        _ => (String::new(), text),
    };
    let (hidden, rest) = match rest.rsplit_once('@') {
        Some((_, host)) => ("***@", host),
        None => ("", rest),
    };
    match rest.split_once('?') {
        Some((path, _)) if matches!(scheme.as_str(), "ws://" | "wss://") => format!("{scheme}{hidden}{path}?***"),
        _ => format!("{scheme}{hidden}{rest}"),
    }
}

/// Whether the text before `://` is a scheme, be it one that nobody knows; a password may hold `://`, too.
fn is_scheme(word: &str) -> bool {
    !word.contains(['@', ':'])
}

fn parse_parts(text: &str) -> Option<Url> {
    let (scheme, rest) = match text.split_once("://") {
        Some(("nats", rest)) => (Scheme::Nats, rest),
        Some(("tls", rest)) => (Scheme::Tls, rest),
        Some(("ws", rest)) => (Scheme::Ws, rest),
        Some(("wss", rest)) => (Scheme::Wss, rest),
        Some((word, _)) if is_scheme(word) => return None,
        _ => (Scheme::Nats, text),
    };
    if scheme.is_websocket() {
        return parse_websocket(scheme, rest);
    }
    // Passwords may hold an `@`, hosts may not.
    let (auth, address) = match rest.rsplit_once('@') {
        Some((info, address)) => (parse_auth(info)?, address),
        None => (UrlAuth::None, rest),
    };
    let address = address.strip_suffix('/').unwrap_or(address);
    place(scheme, auth, address, String::new())
}

/// The path begins at the first `/` or `?`, but a password may hold these, too: then what follows the last `@` counts.
fn parse_websocket(scheme: Scheme, rest: &str) -> Option<Url> {
    let read = |start: usize| {
        let end = rest[start..].find(['/', '?']).map_or(rest.len(), |found| start + found);
        let path = parse_path(&rest[end..])?;
        let (auth, address) = match rest[..end].rsplit_once('@') {
            Some((info, address)) => (parse_auth(info)?, address),
            None => (UrlAuth::None, &rest[..end]),
        };
        place(scheme, auth, address, path)
    };
    read(0).or_else(|| read(rest.rfind('@')?))
}

fn place(scheme: Scheme, auth: UrlAuth, address: &str, path: String) -> Option<Url> {
    let (host, port) = split_port(address)?;
    let port = match port {
        Some(digits) => parse_port(digits)?,
        None => scheme.default_port(),
    };
    Some(Url { scheme, host, port, path, auth })
}

/// What may stand in a request line as it is.
fn parse_path(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?[]".contains(&b);
    let slash = if text.starts_with('/') { "" } else { "/" };
    text.bytes().all(fits).then(|| format!("{slash}{text}"))
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
        assert_eq!(parse("wss://h").unwrap().port, 443);
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
    fn websocket_paths() {
        for (text, host, port, path) in [
            ("ws://h", "h", 80, "/"),
            ("ws://h/", "h", 80, "/"),
            ("wss://h:1/a/b", "h", 1, "/a/b"),
            ("wss://h/a//b/", "h", 443, "/a//b/"),
            ("ws://[::1]:2/a?b=c&d=%20", "::1", 2, "/a?b=c&d=%20"),
            ("ws://h?x=a@b", "h", 80, "/?x=a@b"),
            ("ws://h:1/p?u=ws://k:2/", "h", 1, "/p?u=ws://k:2/"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.path.as_str(), url.auth), (host, port, path, UrlAuth::None), "{text}");
        }
        let user = |password: &str| UrlAuth::User("u".into(), password.into());
        for (text, auth, path) in [
            ("ws://u:p@h/x", user("p"), "/x"),
            ("ws://u:p@x@h/x@y", user("p@x"), "/x@y"),
            ("ws://u:p/s?s@h/x", user("p/s?s"), "/x"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((&url.auth, url.host.as_str(), url.path.as_str()), (&auth, "h", path), "{text}");
        }
        for text in
            ["ws://h/a b", "ws://h/a#b", "ws://h/\u{e9}", "ws://h/a\r\nX: y", "ws://h:x/p", "ws:///p", "ws://h/\"", "ws://h/a\\b"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("nats://h/").unwrap().path, "");
    }

    #[test]
    fn secrets_hidden() {
        assert_eq!(parse("ws://u:secret@h:x/p?token=secret").unwrap_err().text, "Invalid URL ws://***@h:x/p?***");
        assert_eq!(parse("nats://u:secret@h:x").unwrap_err().text, "Invalid URL nats://***@h:x");
        assert_eq!(parse("tok@h/x").unwrap_err().text, "Invalid URL ***@h/x");
        assert_eq!(parse("u:secret://more@h:x").unwrap_err().text, "Invalid URL ***@h:x");
    }

    #[test]
    fn addresses() {
        assert_eq!(address("h", 1), "h:1");
        assert_eq!(address("::1", 1), "[::1]:1");
    }
}
