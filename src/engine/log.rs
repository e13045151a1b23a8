//! Log levels.

/// Severity of a log line; a more severe level compares as smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Default))]
#[repr(u8)]
pub enum Level {
    /// The end of the server pool.
    Error,
    /// Asynchronous errors, dropped messages.
    #[cfg_attr(test, default)]
    Warn,
    /// Connection attempts, success, close.
    Info,
    /// Pool changes, waits, keep-alives, cancelled requests.
    Debug,
}

impl Level {
    /// The word of `-log_level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}
