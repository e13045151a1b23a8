//! The progress of a watch: the order of its messages, where the initial data of its start end, and the reasons of trouble. No I/O,
//! no clock.

use super::initial::{End, Initial};
use super::kv::Start;
use super::metadata::AckMetadata;
use super::order::{self, Order, Pace, Sorted};

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is the next one.
    Next {
        /// It was not delivered by an earlier consumer.
        fresh: bool,
        /// Whether the initial data end with it.
        end: End,
    },
    /// Nothing: it is of another consumer, or a repetition.
    Ignore,
    /// Messages are missing before it: a new consumer is needed.
    Gap,
}

/// Meaning of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The consumer lives.
    Alive,
    /// The consumer lives, and the initial data end: nothing of them is left.
    CaughtUp,
    /// Messages are missing before it, or were removed before their delivery: a new consumer is needed.
    Renew,
}

/// Progress through a stream, over all the consumers that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Order of the messages, and the making of consumers.
    pub order: Order,
    wish: Start,
    /// Greatest stream sequence of a message: a consumer of latest entries that is made anew delivers them again.
    seen: u64,
    initial: Initial,
    caught_up: bool,
}

impl Progress {
    /// Nothing seen yet.
    pub(crate) fn new(wish: Start) -> Progress {
        let order = match wish {
            Start::Revision(revision) => Order::behind(Pace::EVER, revision.saturating_sub(1)),
            wish => Order::new(Pace::EVER, wish == Start::New),
        };
        Progress { order, wish, seen: 0, initial: Initial::new(0, 0, false), caught_up: false }
    }

    /// Where the next consumer has to start.
    pub(crate) fn start(&self) -> Start {
        match (self.wish, self.order.start()) {
            // The latest messages as they are now; those already delivered are left out on arrival.
            (Start::LastPerKey, _) if !self.caught_up => Start::LastPerKey,
            (_, order::Start::Sequence(sequence)) => Start::Revision(sequence),
            // Nothing was there at the beginning, so whatever is there now came later.
            (Start::LastPerKey, _) | (_, order::Start::Beginning) => Start::First,
            (wish, order::Start::AsWished) => wish,
        }
    }

    /// [`Order::stream`]
    pub(crate) fn stream(&mut self, created: &str, last_seq: u64, place: Option<u64>) {
        if self.order.stream(created, last_seq, place) {
            self.seen = 0;
        }
    }

    /// A consumer was `made` (ms since the epoch) that had this much to deliver. True if the initial data end here.
    pub(crate) fn consumer(&mut self, name: &str, total: u64, made: i64) -> bool {
        self.order.turn_to(name);
        self.initial = Initial::new(total, made, self.start() == Start::LastPerKey);
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

    /// A message came, whose subject in the stream is this.
    pub(crate) fn message(&mut self, subject: &str, place: &AckMetadata) -> Step {
        match self.order.message(place.consumer, place.consumer_seq, place.stream_seq) {
            Sorted::Other | Sorted::Again => return Step::Ignore,
            Sorted::Gap => return Step::Gap,
            Sorted::Next => {}
        }
        let fresh = place.stream_seq > self.seen;
        self.seen = self.seen.max(place.stream_seq);
        let end = if self.caught_up {
            End::No
        } else {
            self.initial.message(subject, place.consumer_seq, place.timestamp, place.num_pending)
        };
        if end == End::Yes {
            self.catch_up();
        }
        Step::Next { fresh, end }
    }

    fn catch_up(&mut self) {
        self.caught_up = true;
        self.initial.close();
    }

    /// The answer to a round trip came, which [`End::Ask`] wanted of the present consumer.
    pub(crate) fn answered(&mut self) -> End {
        if self.caught_up {
            return End::No;
        }
        let end = self.initial.answered(self.order.delivered());
        if end == End::Yes {
            self.catch_up();
        }
        end
    }

    /// A heartbeat came: the consumer, which waits for an answer if it is `stalled`, has nothing to deliver after `last`.
    pub(crate) fn heartbeat(&mut self, last: Option<u64>, stalled: bool) -> Beat {
        match last {
            last if !self.order.heartbeat(last) => Beat::Renew,
            Some(_) if !stalled => self.nothing_left(),
            _ => Beat::Alive,
        }
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
        self.catch_up();
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
