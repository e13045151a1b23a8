//! Signs of life of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time of the last sign of life, as the I/O thread sees it: a busy script is no dead server.
#[derive(Debug)]
pub struct Pulse {
    start: Instant,
    /// Microseconds since the start.
    last: AtomicU64,
}

impl Pulse {
    /// Life begins.
    pub(super) fn new() -> Arc<Pulse> {
        Arc::new(Pulse { start: Instant::now(), last: AtomicU64::new(0) })
    }

    /// Notes a sign of life.
    pub(super) fn beat(&self) {
        self.last.store(self.start.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// Time of the last one.
    pub fn last(&self) -> Instant {
        self.start + Duration::from_micros(self.last.load(Ordering::Relaxed))
    }
}
