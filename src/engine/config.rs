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

/// What a loss of the connection means, which differs between owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Whether only a server whose last attempt failed is waited for, counted from that failure; otherwise any server is, counted
    /// from its last attempt or success.
    pub wait_for_failed: bool,
    /// Whether a round trip under way outlives the loss: the owner ends it once it is known how the loss ends.
    pub keep_pings: bool,
    /// Whether a connection that was reset has its own error; otherwise that of one that was closed.
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
    /// Whether the server is asked to check subjects strictly.
    pub pedantic: bool,
    /// Whether the server is asked for `+OK` after each operation; nothing a caller sees depends on it.
    pub verbose: bool,
    /// Limit of one attempt at one server, look-up and handshakes included; zero is no limit.
    pub connect_timeout: Duration,
    /// Least time between two attempts at the same server.
    pub reconnect_time_wait: Duration,
    /// What a loss means.
    pub losses: Losses,
    /// Number of failed attempts after which a server leaves the pool; negative: it never does.
    pub max_reconnect_attempts: i64,
    /// Keep-alive period; zero switches keep-alives off.
    pub ping_interval: Duration,
    /// Number of unanswered keep-alives after which the connection is stale; zero counts as one.
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
    /// Whether servers without TLS are refused.
    pub secure: bool,
    /// `.creds` file: user JWT and NKey seed.
    pub credentials: Option<PathBuf>,
    /// NKey seed, or `file:<path>`.
    pub nkey_seed: Option<String>,
    /// Whether the TLS handshake comes before INFO.
    pub tls_first: bool,
    /// Headers of the WebSocket upgrade, names and values.
    pub ws_headers: Vec<(String, String)>,
    /// Whether the pool is shuffled, and with it the servers that an INFO names.
    pub randomize: bool,
    /// Whether servers that an INFO names are ignored.
    pub ignore_discovered: bool,
    /// First tokens of inbox subjects.
    pub inbox_prefix: String,
    /// Number of bytes that may wait while there is no connection; negative: no limit.
    pub reconnect_buf_size: i64,
    /// Number of messages that a subscription may have queued; negative: no limit.
    pub pending_msgs_limit: i64,
    /// Number of bytes of payloads and headers that a subscription may have queued; negative: no limit.
    pub pending_bytes_limit: i64,
    /// Whether the listener is asked for the wait before each reconnection attempt.
    pub custom_delay: bool,
    /// Least severe level that is logged; other lines are not even formatted.
    pub log_level: Level,
}

// Hand-written so that no secret can reach a log through `{:?}`.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("secure", &self.secure).finish_non_exhaustive()
    }
}
