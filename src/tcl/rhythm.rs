//! The rhythm of a mailbox.

use std::time::Duration;

/// How a mailbox paces its owner.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Time for which callbacks may follow each other before timers and files get their turn.
    pub slice: Duration,
    /// Number of items in a row after which more are expected.
    pub long_run: u32,
    /// Time to wait for them without sleeping.
    pub linger: Duration,
    /// Number of completions that may precede waiting messages.
    pub burst: u32,
}
