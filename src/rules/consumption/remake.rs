//! A consumer that is made anew when it is gone.

use std::time::{Duration, Instant};

use super::super::pull_plan::Amount;
use super::{Action, CROWDED, Consumption, Loss, NOBODY, doubled};

/// Least time between two questions for the consumer's floor.
const LOOK: Duration = Duration::from_secs(5);

impl Consumption {
    /// The server says that there is no such consumer.
    pub(crate) fn missing(&mut self, description: &str) {
        if !self.plan.recreates {
            self.end(description);
        } else if !self.away {
            self.lose(Loss::Gone);
        }
    }

    /// The consumer could not be made: the time to wait. What was refused is refused for longer than what nobody answered.
    pub(crate) fn not_remade(&mut self, refused: bool) -> Duration {
        if refused { doubled(&mut self.crowded, CROWDED) } else { doubled(&mut self.nobody, NOBODY) }
    }

    /// Messages that came and were not delivered to the script are dropped: the next consumer delivers them.
    pub(crate) fn dropped(&mut self, amount: Amount) {
        self.held.take(amount);
        self.arrived = self.arrived.saturating_sub(amount.msgs);
    }

    /// Asks for the consumer's floor, if the script has got on since the last time.
    pub(super) fn look_for_floor(&mut self, now: Instant) {
        let due = self.looked.is_none_or(|(at, delivered)| now >= at + LOOK && delivered < self.delivered);
        if self.plan.recreates && due {
            if self.looked.is_some() {
                self.actions.push_back(Action::AskInfo);
            }
            self.looked = Some((now, self.delivered));
        }
    }
}
