//! How long a call may hear nothing, and what settles whether that is the server's silence or a slow link's: no I/O, no clock.

use super::CallId;
use std::time::{Duration, Instant};

/// Least and greatest time without a byte that the answer to a round trip has.
const PROBE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(2000));

/// Time without a byte that the answer to a round trip has which settles a silence of this length.
pub fn probe(silence: Duration) -> Duration {
    silence.clamp(PROBE.0, PROBE.1)
}

/// How long a call may hear nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// Greatest length.
    pub most: Duration,
    /// Time of the last sign of life.
    pub since: Instant,
    /// Round trip that settles it, where something else came meanwhile.
    pub settled_by: Option<CallId>,
}

impl Silence {
    /// It begins now.
    pub fn new(most: Duration) -> Silence {
        Silence { most, since: Instant::now(), settled_by: None }
    }

    /// A sign of life.
    pub fn heard(&mut self, now: Instant) {
        (self.since, self.settled_by) = (now, None);
    }

    pub fn ends_at(&self) -> Option<Instant> {
        self.since.checked_add(self.most)
    }
}
