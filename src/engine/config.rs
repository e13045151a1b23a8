//! The options of a connection that the engine needs.

use super::log::Level;
use std::path::PathBuf;
use std::time::Duration;

/// TLS settings (`-tls_opts`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// File with trusted CA certificates (PEM).
    pub cafile: Option<PathBuf>,
    /// Folder whose files are trusted CA certificates (PEM).
    pub cadir: Option<PathBuf>,
    /// Client certificate chain (PEM).
    pub certfile: Option<PathBuf>,
    /// Private key of the client certificate (PEM, not encrypted).
    pub keyfile: Option<PathBuf>,
    /// Whether the server's certificate is verified.
    pub require: bool,
    /// Name to look for in the certificate instead of the host.
    pub servername: Option<String>,
}

impl Default for TlsConfig {
    fn default() -> TlsConfig {
        TlsConfig { cafile: None, cadir: None, certfile: None, keyfile: None, require: true, servername: None }
    }
}

/// What a loss means. Owners differ in what they are used to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Only a server whose last attempt failed is waited for, from that failure on; otherwise any, from its last attempt or
    /// success on.
    pub wait_for_failed: bool,
    /// A round trip that is under way outlives the loss: the owner ends it when it is known how the loss ends.
    pub keep_pings: bool,
    /// A connection that was reset has an error of its own; otherwise it was closed.
    pub tell_resets: bool,
}

/// Options of a connection. Their defaults are told in one table, `rules/connection.rs`; unit tests do with zeros.
///
/// Most take effect at the next connection attempt; the limits and the log level at once.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub struct Config {
    /// Client name in CONNECT; empty: none is sent.
    pub name: String,
    /// Ask the server to check subjects strictly.
    pub pedantic: bool,
    /// Ask the server for `+OK` after each operation; nothing a caller sees depends on it.
    pub verbose: bool,
    /// For one attempt at one server, look-up and handshakes included; zero is no limit.
    pub connect_timeout: Duration,
    /// Least time between two attempts at the same server.
    pub reconnect_time_wait: Duration,
    /// What a loss means.
    pub losses: Losses,
    /// Failed attempts before a server leaves the pool; negative: never.
    pub max_reconnect_attempts: i64,
    /// Keep-alive period; zero switches keep-alives off.
    pub ping_interval: Duration,
    /// Unanswered keep-alives before the connection is stale; zero counts as one.
    pub max_outstanding_pings: u64,
    /// Whether the server sends us our own messages.
    pub echo: bool,
    /// TLS settings.
    pub tls: TlsConfig,
    /// User for servers whose URL has no credentials.
    pub user: Option<String>,
    /// Password that belongs to `user`.
    pub password: Option<String>,
    /// Token for servers whose URL has no credentials.
    pub token: Option<String>,
    /// Refuse servers without TLS.
    pub secure: bool,
    /// `.creds` file: user JWT and NKey seed.
    pub credentials: Option<PathBuf>,
    /// NKey seed, or `file:<path>`.
    pub nkey_seed: Option<String>,
    /// TLS handshake before INFO.
    pub tls_first: bool,
    /// Headers of the WebSocket upgrade, names and values.
    pub ws_headers: Vec<(String, String)>,
    /// Whether the pool is shuffled, and with it the servers that an INFO names.
    pub randomize: bool,
    /// Leave servers alone that an INFO names.
    pub ignore_discovered: bool,
    /// First tokens of inbox subjects.
    pub inbox_prefix: String,
    /// Bytes that may wait while there is no connection; negative: no limit.
    pub reconnect_buf_size: i64,
    /// Messages a subscription may have queued; negative: no limit.
    pub pending_msgs_limit: i64,
    /// Payload and header bytes a subscription may have queued; negative: no limit.
    pub pending_bytes_limit: i64,
    /// Ask the listener for the wait before each reconnection attempt.
    pub custom_delay: bool,
    /// Lines below this level are not even formatted.
    pub log_level: Level,
}

// Hand-written so that no secret can reach a log through `{:?}`.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("secure", &self.secure).finish_non_exhaustive()
    }
}
