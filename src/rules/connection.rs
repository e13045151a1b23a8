//! Options of `nats::connection` and its methods (docs/core.md).

use super::option::{Kind, Opt, joined, preset, row};

/// Words of `-log_level`, most severe first.
pub(crate) const LOG_LEVELS: &[&str] = &["error", "warn", "info", "debug"];

/// Options of `configure`, in the order in which they are read back.
pub(crate) const CONNECTION_OPTIONS: &[Opt] = &[
    preset(
        "servers",
        Kind::List,
        "",
        "the server pool, needed to connect; can be set only while closed. `nats://`, `tls://` or no scheme; *new:* `ws://` and `wss://`, with a path and a query for gateways, not mixed with others. `user:password@` or `token@`, taken as written; port 4222 if left out; IPv6 addresses in brackets. One bad URL refuses the whole list",
    ),
    preset("name", Kind::Str, "", "client name, sent to the server; initially that of the constructor"),
    preset(
        "pedantic",
        Kind::Bool,
        "false",
        "the server checks subjects strictly; what it finds is the asynchronous `ErrBadSubject`",
    ),
    preset("verbose", Kind::Bool, "false", "the server answers `+OK` to everything; changes nothing else that a script can see"),
    preset(
        "randomize",
        Kind::Bool,
        "true",
        "shuffle the pool and drop duplicate URLs when `-servers` is set. In one call `-servers` is applied last",
    ),
    preset("ignore_discovered", Kind::Bool, "false", "*new:* ignore servers announced by an INFO"),
    preset("connect_timeout", Kind::Timeout, "2000", "limit of one attempt at one server: TCP, TLS and NATS handshakes together"),
    preset("reconnect_time_wait", Kind::Timeout, "2000", "least time between two attempts at the same server"),
    preset("max_reconnect_attempts", Kind::Int, "60", "failed attempts at one server before it leaves the pool; -1 never"),
    preset("ping_interval", Kind::Timeout, "120000", "time between keep-alives"),
    preset("max_outstanding_pings", Kind::Count, "2", "unanswered keep-alives before the connection counts as stale"),
    preset("echo", Kind::Bool, "true", "receive what the connection itself publishes"),
    preset("tls_opts", Kind::Dict, "", "see [below](#tls-options)"),
    preset("user", Kind::Str, "", "user for servers whose URL has no credentials"),
    preset("password", Kind::Str, "", "the password that belongs to `-user`"),
    preset("token", Kind::Str, "", "token for servers whose URL has no credentials"),
    preset("secure", Kind::Bool, "false", "refuse a server without TLS"),
    preset("check_subjects", Kind::Bool, "true", "check subjects before they are sent; see [Subjects](#subjects)"),
    preset("dictmsg", Kind::Bool, "false", "deliver messages as dicts unless told otherwise"),
    preset(
        "utf8_convert",
        Kind::Bool,
        "false",
        "payloads are text, UTF-8 on the wire; otherwise bytes. Can be switched while connected",
    ),
    preset("request_timeout", Kind::Timeout, "0", "default for `request`; 0 waits for ever"),
    preset(
        "custom_reconnect_delay",
        Kind::Str,
        "",
        "command prefix, called with a [server dict](#the-server-pool); returns the ms to wait instead of `-reconnect_time_wait`",
    ),
    preset("credentials", Kind::Str, "", "*new:* a `.creds` file (user JWT and NKey seed)"),
    preset("nkey_seed", Kind::Str, "", "*new:* NKey seed, `SU...`, or `file:<path>` of a file with one"),
    preset("tls_first", Kind::Bool, "false", "*new:* TLS handshake before the server's INFO"),
    preset(
        "ws_headers",
        Kind::Dict,
        "",
        "*new:* headers of the WebSocket upgrade, name -> value, for `ws://` and `wss://`: `{Authorization {Bearer ...}}`. Values are sent as UTF-8. `ErrInvalidArg`: a name that is no HTTP token, is there twice, or belongs to the upgrade itself (`Host`, `Upgrade`, `Connection`, `Sec-WebSocket-Key` ...); a value with control characters",
    ),
    preset(
        "inbox_prefix",
        Kind::SubjectPrefix,
        "_INBOX",
        "*new:* first tokens of inbox subjects; a valid subject without wildcards, else `ErrInvalidArg`",
    ),
    preset(
        "reconnect_buf_size",
        Kind::Int,
        "-1",
        "*new:* most bytes that may wait to be sent; `publish` beyond that raises `ErrReconnectBufExceeded` and queues nothing; -1 no limit",
    ),
    preset(
        "pending_msgs_limit",
        Kind::Int,
        "524288",
        "*new:* messages that a subscription may have queued; more are dropped, with `ErrSlowConsumer`; -1 no limit",
    ),
    preset(
        "pending_bytes_limit",
        Kind::Int,
        "67108864",
        "*new:* the same in bytes of payloads and headers; a queued message takes up to 224 bytes of memory more, so at the default limits a subscription holds at most 64 + 112 MiB",
    ),
];

/// Options of the constructor.
pub(crate) const CONSTRUCTOR_OPTIONS: &[Opt] = &[
    preset(
        "logger",
        Kind::Str,
        "",
        "object of tcllib's `logger` package that takes the lines; `-log_chan` and `-log_level` do nothing then",
    ),
    preset("log_chan", Kind::NonEmpty, "stdout", "channel for log lines"),
    preset("log_level", Kind::Enum(LOG_LEVELS), "warn", "least severe level that is logged"),
];

/// Options of `publish`.
pub(crate) const PUBLISH_OPTIONS: &[Opt] =
    &[row("reply", Kind::Str, "reply subject"), row("header", Kind::Dict, "headers: name to list of values")];

/// Options of `subscribe`.
pub(crate) const SUBSCRIBE_OPTIONS: &[Opt] = &[
    row("callback", Kind::Command, "invoked as `prefix subject message replyTo`; without it messages are counted and dropped"),
    row("queue", Kind::Str, "queue group: each message goes to one of its members"),
    row("max_msgs", Kind::Count, "end after so many messages; 0 no limit"),
    row(
        "dictmsg",
        Kind::Bool,
        "`message` is a message dict in place of the payload; by default as `-dictmsg` of the connection says",
    ),
    row("post", Kind::Bool, "accepted; callbacks are always delivered as events"),
];

/// Options of `unsubscribe`.
pub(crate) const UNSUBSCRIBE_OPTIONS: &[Opt] =
    &[row("max_msgs", Kind::Count, "end after so many messages, counted from the start of the subscription")];

/// Options of `request_msg`.
pub(crate) const REQUEST_MSG_OPTIONS: &[Opt] = &[
    row("timeout", Kind::Timeout, "`-request_timeout` of the connection by default; 0 waits for ever"),
    row(
        "callback",
        Kind::Str,
        "command prefix: return a request ID at once; `prefix timedOut reply` is invoked later. The empty string means none",
    ),
    row(
        "dictmsg",
        Kind::Bool,
        "the reply is a message dict in place of the payload; by default as `-dictmsg` of the connection says",
    ),
    row("max_msgs", Kind::Count, "up to so many replies, always message dicts, on an inbox of their own"),
];

/// Options of `request`.
pub(crate) const REQUEST_OPTIONS: &[Opt] = &joined::<{ REQUEST_MSG_OPTIONS.len() + 1 }>(
    REQUEST_MSG_OPTIONS,
    &[row("header", Kind::Dict, "headers: name to list of values")],
);

/// Options of `ping` and `rtt`.
pub(crate) const PING_OPTIONS: &[Opt] = &[preset("timeout", Kind::Timeout, "10000", "ms")];

/// Keys of `-tls_opts`.
pub(crate) const TLS_KEYS: &[&str] = &["cafile", "cadir", "certfile", "keyfile", "require", "servername"];

/// Options of the TclTLS package without a meaning here: accepted with a warning.
pub(crate) const TLS_IGNORED: &[&str] = &[
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

/// Headers of a WebSocket upgrade that the caller must not set, because they say how to read what follows.
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
pub(crate) fn check_ws_headers(headers: &[(String, String)]) -> Result<(), String> {
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
