//! Options of `nats::connection` and its methods (core-api).

use super::option::{Kind, Opt};

const fn row(name: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Opt {
    Opt { name, kind, default, help, since: None }
}

/// The words of `-log_level`, most severe first.
pub const LOG_LEVELS: &[&str] = &["error", "warn", "info", "debug"];

/// Options of `configure`, in the order in which they are read back.
pub const CONNECTION_OPTIONS: &[Opt] = &[
    row("servers", Kind::List, Some(""), "URLs of the server pool; needed to connect, set while closed"),
    row("name", Kind::Str, Some(""), "client name, sent in CONNECT"),
    row("pedantic", Kind::Bool, Some("false"), "ask the server to check subjects strictly; what it finds is ErrBadSubject"),
    row("verbose", Kind::Bool, Some("false"), "ask the server for +OK; changes nothing that a caller can see"),
    row("randomize", Kind::Bool, Some("true"), "shuffle the pool and drop duplicates when -servers is set"),
    row("ignore_discovered", Kind::Bool, Some("false"), "leave servers alone that a server's INFO names"),
    row("connect_timeout", Kind::Timeout, Some("2000"), "ms for one attempt at one server, handshakes included"),
    row("reconnect_time_wait", Kind::Timeout, Some("2000"), "least ms between two attempts at the same server"),
    row("max_reconnect_attempts", Kind::Int, Some("60"), "failed attempts before a server leaves the pool; -1 never"),
    row("ping_interval", Kind::Timeout, Some("120000"), "ms between keep-alives"),
    row("max_outstanding_pings", Kind::Count, Some("2"), "unanswered keep-alives before the connection is stale"),
    row("echo", Kind::Bool, Some("true"), "receive one's own messages"),
    row("tls_opts", Kind::Dict, Some(""), "-cafile -cadir -certfile -keyfile -require -servername"),
    row("user", Kind::Str, Some(""), "user for servers whose URL has no credentials"),
    row("password", Kind::Str, Some(""), "password that belongs to -user"),
    row("token", Kind::Str, Some(""), "token for servers whose URL has no credentials"),
    row("secure", Kind::Bool, Some("false"), "refuse a server without TLS"),
    row("check_subjects", Kind::Bool, Some("true"), "check subjects before they are sent"),
    row("dictmsg", Kind::Bool, Some("false"), "deliver messages as dicts unless told otherwise"),
    row("utf8_convert", Kind::Bool, Some("false"), "payloads are text, UTF-8 on the wire; otherwise bytes"),
    row("request_timeout", Kind::Timeout, Some("0"), "default ms for request; 0 waits for ever"),
    row("custom_reconnect_delay", Kind::Str, Some(""), "command prefix that returns the ms to wait for a server dict"),
    row("credentials", Kind::Str, Some(""), "a .creds file: user JWT and NKey seed"),
    row("nkey_seed", Kind::Str, Some(""), "NKey seed SU... or file:path"),
    row("tls_first", Kind::Bool, Some("false"), "TLS handshake before INFO"),
    row("ws_headers", Kind::Dict, Some(""), "headers of the WebSocket upgrade: name -> value"),
    row("inbox_prefix", Kind::SubjectPrefix, Some("_INBOX"), "first tokens of inbox subjects"),
    row("reconnect_buf_size", Kind::Int, Some("-1"), "bytes that may wait without a connection; -1 no limit"),
    row("pending_msgs_limit", Kind::Int, Some("524288"), "messages a subscription may have queued; -1 no limit"),
    row("pending_bytes_limit", Kind::Int, Some("67108864"), "bytes a subscription may have queued; -1 no limit"),
];

/// Options of the constructor.
pub const CONSTRUCTOR_OPTIONS: &[Opt] = &[
    row("logger", Kind::Str, Some(""), "object of tcllib's logger package that takes the lines"),
    row("log_chan", Kind::NonEmpty, Some("stdout"), "channel of the log"),
    row("log_level", Kind::Enum(LOG_LEVELS), Some("warn"), "least severe level that is logged"),
];

/// Options of `publish`.
pub const PUBLISH_OPTIONS: &[Opt] =
    &[row("reply", Kind::Str, None, "reply subject"), row("header", Kind::Dict, None, "headers: name -> list of values")];

/// Options of `subscribe`.
pub const SUBSCRIBE_OPTIONS: &[Opt] = &[
    row("callback", Kind::Command, None, "command prefix: subject message replyTo"),
    row("queue", Kind::Str, None, "queue group"),
    row("max_msgs", Kind::Count, None, "end after so many messages; 0 no limit"),
    row("dictmsg", Kind::Bool, None, "deliver dicts; default is the connection's -dictmsg"),
    row("post", Kind::Bool, None, "accepted: callbacks are always delivered as events"),
];

/// Options of `unsubscribe`.
pub const UNSUBSCRIBE_OPTIONS: &[Opt] =
    &[row("max_msgs", Kind::Count, None, "end after so many messages, counted from the start of the subscription")];

/// Options of `request_msg`.
pub const REQUEST_MSG_OPTIONS: &[Opt] = &[
    row("timeout", Kind::Timeout, None, "ms; default is -request_timeout, 0 waits for ever"),
    row("callback", Kind::Str, None, "command prefix: timedOut reply"),
    row("dictmsg", Kind::Bool, None, "reply as dict; default is the connection's -dictmsg"),
    row("max_msgs", Kind::Count, None, "up to so many replies, as dicts"),
];

/// Options of `request`.
pub const REQUEST_OPTIONS: &[Opt] = &[
    REQUEST_MSG_OPTIONS[0],
    REQUEST_MSG_OPTIONS[1],
    REQUEST_MSG_OPTIONS[2],
    REQUEST_MSG_OPTIONS[3],
    row("header", Kind::Dict, None, "headers: name -> list of values"),
];

/// Options of `ping` and `rtt`.
pub const PING_OPTIONS: &[Opt] = &[row("timeout", Kind::Timeout, Some("10000"), "ms")];

/// Keys of `-tls_opts` that mean something here.
pub const TLS_KEYS: &[&str] = &["cafile", "cadir", "certfile", "keyfile", "require", "servername"];

/// Options of the TclTLS package that have no meaning here: accepted with a warning.
pub const TLS_IGNORED: &[&str] = &[
    "alpn",
    "cert",
    "cipher",
    "ciphers",
    "ciphersuites",
    "command",
    "dhparams",
    "key",
    "model",
    "password",
    "post_handshake",
    "request",
    "securitylevel",
    "server",
    "session_id",
    "ssl2",
    "ssl3",
    "tls1",
    "tls1.1",
    "tls1.2",
    "tls1.3",
    "validatecommand",
];

/// Headers of a WebSocket upgrade that are not the caller's to set: they say how to read what follows.
const WS_RESERVED: &[&str] = &[
    "host",
    "upgrade",
    "connection",
    "content-length",
    "transfer-encoding",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
];

/// Checks the names and values of `-ws_headers`.
///
/// # Errors
/// A text that names the header; never its value, which may be a secret.
pub fn check_ws_headers(headers: &[(String, String)]) -> Result<(), String> {
    for (index, (name, value)) in headers.iter().enumerate() {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(format!("Invalid header name in ws_headers : {name}"));
        }
        if WS_RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(format!("The header {name} in ws_headers is not for the caller to set"));
        }
        if headers[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(format!("The header {name} is twice in ws_headers"));
        }
        if value.bytes().any(|b| (b < b' ' && b != b'\t') || b == 0x7f) {
            return Err(format!("Invalid value of the header {name} in ws_headers"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ws_headers() {
        let check = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
            check_ws_headers(&pairs)
        };
        assert_eq!(check(&[("Authorization", "Bearer a.b-c="), ("X-Empty", ""), ("x_1", "\u{e9}\t ~")]), Ok(()));
        for name in ["", "a b", "a:", "a\r\nb", "\u{e9}", "a\0"] {
            assert_eq!(check(&[(name, "v")]), Err(format!("Invalid header name in ws_headers : {name}")));
        }
        for value in ["a\r\nB: c", "a\n", "\0", "\x7f", "\x1b"] {
            assert_eq!(check(&[("A", value)]), Err("Invalid value of the header A in ws_headers".into()));
        }
        for name in ["Host", "SEC-WEBSOCKET-KEY", "connection"] {
            assert_eq!(check(&[(name, "v")]), Err(format!("The header {name} in ws_headers is not for the caller to set")));
        }
        assert_eq!(check(&[("A", "1"), ("a", "2")]), Err("The header a is twice in ws_headers".into()));
    }
}
