//! The target of a connection attempt.

use crate::engine::alive::Pulse;
use crate::engine::config::Config;
use crate::engine::url::{self, Scheme};
use std::sync::Arc;
use tokio::time::Instant;

/// Takes a text for the log: something is not as it should be, and the work goes on.
pub(in crate::engine) type Warn<'a> = &'a (dyn Fn(String) + Send + Sync);

/// The target of a connection attempt.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Target<'a> {
    /// Name or address, without brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Decides on TLS and WebSocket.
    pub scheme: Scheme,
    /// Path and query of a WebSocket URL; empty is `/`.
    pub path: &'a str,
    /// Credentials are not looked at here.
    pub config: &'a Config,
    /// Names that may stand in the certificate besides the host.
    pub other_names: &'a [String],
    /// When the caller's patience ends, if ever. The caller is the one who ends all: `timeout_at(deadline, ...)` around
    /// `open` and what follows. It stands here so that a look-up or several addresses without an answer get a text of their own.
    pub deadline: Option<Instant>,
    /// Hears of certificates that cannot be used.
    pub warn: Warn<'a>,
    /// Where it is noted that bytes came.
    pub received: &'a Arc<Pulse>,
}

impl Target<'_> {
    /// `host:port` for texts.
    pub fn address(&self) -> String {
        url::address(self.host, self.port)
    }
}
