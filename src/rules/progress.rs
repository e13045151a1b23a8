//! The progress of a watch: where the initial data of its start end, and the reasons of trouble. No I/O, no clock.

use super::initial::{End, Initial};
use super::kv::Start;
use super::metadata::AckMetadata;
use super::order::{self, Order, Pace};

/// Meaning of a heartbeat that tells of no other message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The consumer lives.
    Alive,
    /// The consumer lives, and the initial data end: nothing of them is left.
    CaughtUp,
    /// Messages were removed before their delivery: a new consumer is needed.
    Renew,
}

/// Progress through a stream, over all the consumers that it takes, beside the [`Order`] of its messages.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    wish: Start,
    /// Greatest stream sequence of a message: a consumer of latest entries that is made anew delivers them again.
    seen: u64,
    initial: Initial,
    caught_up: bool,
    /// Number of consumers made for keys that the one before had not brought.
    renewed: u32,
}

/// Number of them after which the initial data are taken as they are: keys may have been removed.
const RENEWALS: u32 = 2;

impl Progress {
    /// Nothing seen yet.
    pub(crate) fn new(wish: Start) -> Progress {
        Progress { wish, seen: 0, initial: Initial::new(0, 0, false), caught_up: false, renewed: 0 }
    }

    /// The order of the messages of such a wish.
    pub(crate) fn order(wish: Start) -> Order {
        match wish {
            Start::Revision(revision) => Order::behind(Pace::EVER, revision.saturating_sub(1)),
            wish => Order::new(Pace::EVER, wish == Start::New),
        }
    }

    /// Where the next consumer has to start.
    pub(crate) fn start(&self, order: &Order) -> Start {
        match (self.wish, order.start()) {
            // The latest messages as they are now; those already delivered are left out on arrival.
            (Start::LastPerKey, _) if !self.caught_up => Start::LastPerKey,
            (_, order::Start::Sequence(sequence)) => Start::Revision(sequence),
            // Nothing was there at the beginning, so whatever is there now came later.
            (Start::LastPerKey, _) | (_, order::Start::Beginning) => Start::First,
            (wish, order::Start::AsWished) => wish,
        }
    }

    /// It is another stream of the same name.
    pub(crate) fn anew(&mut self) {
        self.seen = 0;
    }

    /// A consumer was `made` (ms since the epoch) that had this much to deliver. True if the initial data end here.
    pub(crate) fn consumer(&mut self, total: u64, made: i64) -> bool {
        self.initial = Initial::new(total, made, self.wish == Start::LastPerKey && !self.caught_up);
        if self.caught_up {
            return false;
        }
        self.caught_up = total == 0 || matches!(self.wish, Start::Revision(_) | Start::New);
        self.caught_up
    }

    /// Whether there was nothing to read when the present consumer was made.
    pub(crate) fn found_nothing(&self) -> bool {
        self.initial.is_empty()
    }

    /// Whether the initial data have ended.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// The next message came, whose subject in the stream is this: whether it was not delivered by an earlier consumer, and
    /// whether the initial data end with it.
    pub(crate) fn message(&mut self, subject: &str, place: &AckMetadata) -> (bool, End) {
        let fresh = place.stream_seq > self.seen;
        self.seen = self.seen.max(place.stream_seq);
        if self.caught_up {
            return (fresh, End::No);
        }
        let end = self.initial.message(subject, place.consumer_seq, place.timestamp, place.num_pending);
        (fresh, self.noted(end))
    }

    fn noted(&mut self, mut end: End) -> End {
        if end == End::Renew {
            self.renewed += 1;
            if self.renewed > RENEWALS {
                end = End::Yes;
            }
        }
        if end == End::Yes {
            self.caught_up = true;
            self.initial.close();
        }
        end
    }

    /// The answer to a round trip came, which [`End::Ask`] wanted of the present consumer, after so many deliveries.
    pub(crate) fn answered(&mut self, delivered: u64) -> End {
        if self.caught_up {
            return End::No;
        }
        let end = self.initial.answered(delivered);
        self.noted(end)
    }

    /// The information came that [`End::Count`] wanted of the present consumer, after so many deliveries: the number of the last one
    /// that was to come then.
    pub(crate) fn counted(&mut self, last: Option<u64>, delivered: u64) -> End {
        if self.caught_up {
            return End::No;
        }
        let end = self.initial.counted(last, delivered);
        self.noted(end)
    }

    /// The consumer has nothing more to deliver.
    pub(crate) fn nothing_left(&mut self) -> Beat {
        if self.caught_up {
            return Beat::Alive;
        }
        // What was pending has been removed. The server looks for each of the latest entries that it had noted, one for each
        // heartbeat or write [seen on 2.15.1]: what comes after them would be late, and what is left is not known.
        if self.wish == Start::LastPerKey {
            return Beat::Renew;
        }
        self.noted(End::Yes);
        Beat::CaughtUp
    }
}

/// Reasons of trouble that have been told since it began.
#[derive(Clone, Debug)]
pub(crate) struct Trouble<R>(Vec<R>);

impl<R> Default for Trouble<R> {
    fn default() -> Trouble<R> {
        Trouble(Vec::new())
    }
}

impl<R: Clone + PartialEq> Trouble<R> {
    /// Notes a reason; true if it is new.
    pub(crate) fn is_new(&mut self, reason: &R) -> bool {
        let new = self.lacks(reason);
        if new {
            self.0.push(reason.clone());
        }
        new
    }

    /// Whether this reason has not been told yet.
    pub(crate) fn lacks(&self, reason: &R) -> bool {
        !self.0.contains(reason)
    }

    /// The trouble is over; true if there was any.
    pub(crate) fn end(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
