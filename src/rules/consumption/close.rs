//! Pauses, and the way to the end.

use super::super::pull_plan::Amount;
use super::Consumption;

impl Consumption {
    /// Stops or restarts the pulls.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether it is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// No more pulls.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Whether there are no more pulls.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Nothing will come any more, what is here excepted.
    pub(crate) fn drained(&mut self) {
        self.coming = Amount::default();
        if self.held.msgs == 0 {
            self.end("drained");
        }
    }
}
