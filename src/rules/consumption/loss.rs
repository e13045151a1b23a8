//! The loss of a consumer that is replaced by another one.

use std::time::Instant;

use super::super::pull_plan::Amount;
use super::super::pull_status::Verdict;
use super::{Action, Consumption};

/// Why a consumer is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Heartbeats are missing.
    Silence,
    /// The server says that it is gone, or nobody answers for it.
    Gone,
    /// It left something out.
    Gap,
    /// It waits for answers that the server refuses.
    Flow,
    /// The connection was lost, and is back.
    Connection,
}

impl Consumption {
    /// Takes a status that says that the consumer is gone; false if it does not, or the consumer is not replaced.
    pub(super) fn loses_by(&mut self, verdict: &Verdict) -> bool {
        let gone = match verdict {
            Verdict::Gone => self.plan.renews || self.plan.recreates,
            Verdict::Nobody | Verdict::End => self.plan.renews,
            _ => false,
        };
        if gone {
            self.lose(Loss::Gone);
        }
        gone
    }

    /// The consumer is lost: nothing is asked for until [`Consumption::renewed`].
    pub(crate) fn lose(&mut self, loss: Loss) {
        // An ordered consumer whose last message is here needs no other one.
        if self.over || self.closing || (self.plan.renews && self.is_surplus()) {
            return;
        }
        self.away = true;
        self.coming = Amount::default();
        (self.not_before, self.too_few) = (None, None);
        self.answered();
        self.actions.push_back(Action::Lost(loss));
    }

    /// There is another consumer.
    pub(crate) fn renewed(&mut self, now: Instant) {
        self.away = false;
        self.plan.priority.id = None;
        self.coming = Amount::default();
        self.heard = now;
    }

    /// Whether there is no consumer at the moment.
    pub(crate) fn is_away(&self) -> bool {
        self.away
    }

    /// Whether the server delivers without being asked.
    pub(crate) fn is_pushed(&self) -> bool {
        self.plan.pushed
    }

    /// Whether messages may come that nobody asks for: pushed ones, and those of the next consumer.
    pub(super) fn comes_unasked(&self) -> bool {
        (self.plan.pushed || self.away) && !self.is_surplus() && !self.over && !self.paused
    }
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
