//! Options of `nats::connection` and its methods (core-api).

use super::option::{Kind, Opt};

const fn row(name: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Opt {
    Opt { name, kind, default, help }
}

/// The words of `-log_level`, most severe first.
pub const LOG_LEVELS: &[&str] = &["error", "warn", "info", "debug"];

/// Options of `configure`, in the order in which they are read back.
pub const CONNECTION_OPTIONS: &[Opt] = &[
    row("servers", Kind::List, Some(""), "URLs of the server pool; needed to connect, set while closed"),
    row("name", Kind::Str, Some(""), "client name, sent in CONNECT"),
    row("pedantic", Kind::Bool, Some("false"), "report bad publish subjects as a strict server would"),
    row("verbose", Kind::Bool, Some("false"), "accepted; changes nothing that a caller can see"),
    row("randomize", Kind::Bool, Some("true"), "shuffle the pool and drop duplicates when -servers is set"),
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
    row("inbox_prefix", Kind::NonEmpty, Some("_INBOX"), "first tokens of inbox subjects"),
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

/// Options of `ping`.
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
