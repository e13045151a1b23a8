//! How much is asked for in continuous consumption.

use std::time::Duration;

use super::pull::Priority;
use super::pull_status::Limit;

/// An amount of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Messages.
    pub msgs: u64,
    /// Their size.
    pub bytes: u64,
}

impl Amount {
    /// More of it.
    pub(super) fn add(&mut self, other: Amount) {
        self.msgs += other.msgs;
        self.bytes += other.bytes;
    }

    /// Less of it.
    pub(super) fn take(&mut self, other: Amount) {
        self.msgs = self.msgs.saturating_sub(other.msgs);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}

/// What to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Most messages that are asked for and not delivered to the script.
    pub max_msgs: u64,
    /// The same in bytes; then `max_msgs` is no limit.
    pub max_bytes: Option<u64>,
    /// Ask again when less than this is outstanding, in bytes if those are limited.
    pub threshold: u64,
    /// Time of a pull.
    pub expires: Duration,
    /// Time between heartbeats.
    pub heartbeat: Duration,
    /// Number of messages after which it is over.
    pub stop_after: Option<u64>,
    /// Priority group; the identity is kept in here.
    pub priority: Priority,
    /// Whether a consumer that is lost is replaced by another one: then no loss is the end.
    pub renews: bool,
    /// Whether a consumer that is gone is made anew.
    pub recreates: bool,
    /// Whether the server delivers without being asked.
    pub pushed: bool,
}

impl Plan {
    /// Observes a limit of the consumer.
    pub(crate) fn observe(&mut self, limit: Limit) {
        match limit {
            Limit::Batch(most) => self.max_msgs = self.max_msgs.min(most),
            Limit::Bytes(most) => self.max_bytes = self.max_bytes.map(|bytes| bytes.min(most)),
            Limit::Expires(most) => {
                self.expires = self.expires.min(most);
                self.heartbeat = self.heartbeat.min(self.expires / 2);
            }
        }
        let most = self.max_bytes.unwrap_or(self.max_msgs);
        if self.threshold > most {
            self.threshold = most.div_ceil(2);
        }
    }
}
