//! What a close has to wait for before the effects of calls are undone.

use super::conn::Conn;
use super::shared::Phase;
use super::{lock, pace};
use std::time::{Duration, Instant};

impl Conn {
    /// Waits until calls under way are answered, as long as answers come, and a moment at most.
    pub fn await_calls(&self) {
        if self.is_foreign() || self.shared.phase() != Phase::Connected {
            return;
        }
        let begin = Instant::now();
        let (mut left, mut changed) = (usize::MAX, begin);
        loop {
            let now = Instant::now();
            let waiting = lock(&self.shared.calls).waiting();
            if waiting < left {
                (left, changed) = (waiting, now);
            }
            if pace::is_settled(left, now - changed, now - begin) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
