//! The rules of the ordered consumer (NATS ADR-17): what it has seen, what is missing, where it starts again. No I/O, no clock.

use std::time::Duration;

use super::initial::{End, Initial};
use super::kv::Start;
use super::metadata::AckMetadata;

/// Number of heartbeats that may be missed before something is wrong.
const MISSED: u32 = 3;

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

/// Kind of a message on the consumer's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// A message of the stream.
    Data,
    /// A sign of life.
    Heartbeat {
        /// Sequence of the consumer's last delivery, if it says so.
        last: Option<u64>,
        /// Subject to which an answer must go before a stalled consumer continues.
        stalled: Option<String>,
    },
    /// An answer to its reply subject is wanted.
    Flow,
    /// Another status.
    Other,
}

/// Tells what a message is by its status, description and header lines.
pub(crate) fn control<T: AsRef<str>>(status: Option<u16>, description: &str, headers: impl Iterator<Item = (T, T)>) -> Control {
    match status {
        None => Control::Data,
        Some(100) if description.starts_with("Flow") => Control::Flow,
        Some(100) => {
            let (mut last, mut stalled) = (None, None);
            for (name, value) in headers {
                let (name, value) = (name.as_ref(), value.as_ref());
                if last.is_none() && name.eq_ignore_ascii_case("Nats-Last-Consumer") {
                    last = Some(value.parse().ok());
                } else if stalled.is_none() && name.eq_ignore_ascii_case("Nats-Consumer-Stalled") {
                    stalled = Some(value.to_string());
                }
            }
            Control::Heartbeat { last: last.flatten(), stalled }
        }
        Some(_) => Control::Other,
    }
}

/// Remaining time to wait for a consumer that has been silent for `silence`; `None` if it missed its heartbeats.
pub(crate) fn patience(silence: Duration, heartbeat: Duration) -> Option<Duration> {
    heartbeat.saturating_mul(MISSED).checked_sub(silence).filter(|left| !left.is_zero())
}

/// Progress through a stream, over all the consumers that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    start: Start,
    /// Stream sequence of the last message, 0 before the first.
    last: u64,
    consumer: String,
    /// Number of deliveries of the present consumer.
    delivered: u64,
    initial: Initial,
    caught_up: bool,
    /// Creation time of the stream, as its server writes it.
    created: Option<String>,
}

impl Progress {
    /// Nothing seen yet.
    pub(crate) fn new(start: Start) -> Progress {
        Progress {
            start,
            last: 0,
            consumer: String::new(),
            delivered: 0,
            initial: Initial::new(0, 0, false),
            caught_up: false,
            created: None,
        }
    }

    /// Where the next consumer has to start.
    pub(crate) fn start(&self) -> Start {
        match (self.start, self.last) {
            // The latest messages as they are now; those already delivered are left out on arrival.
            (Start::LastPerKey, _) if !self.caught_up => Start::LastPerKey,
            // Nothing was there at the beginning, so whatever is there now came later.
            (Start::LastPerKey, 0) => Start::First,
            (start, 0) => start,
            (_, last) => Start::Revision(last + 1),
        }
    }

    /// Whether the stream's creation is known, so that another stream of the same name can be told.
    pub(crate) fn knows_stream(&self) -> bool {
        self.created.is_some()
    }

    /// Sets the stream as it is now. One that was recreated, or has lost messages, is read from its beginning.
    pub(crate) fn stream(&mut self, created: &str, last_seq: u64) {
        let other = self.created.as_deref().is_some_and(|known| known != created);
        let behind = match self.start {
            Start::Revision(revision) | Start::Resume(revision) if self.last == 0 => last_seq.saturating_add(1) < revision,
            // Messages may have overtaken the answer to the first look, for which nobody waits.
            _ => self.created.is_some() && last_seq < self.last,
        };
        if other || behind {
            self.last = 0;
            if self.caught_up {
                self.start = Start::First;
            }
        }
        self.created = Some(created.to_string());
    }

    /// A consumer was `made` (ms since the epoch) that had this much to deliver. True if the initial data end here.
    pub(crate) fn consumer(&mut self, name: &str, total: u64, made: i64) -> bool {
        self.consumer = name.to_string();
        self.delivered = 0;
        self.initial = Initial::new(total, made, self.start() == Start::LastPerKey);
        if self.caught_up {
            return false;
        }
        self.caught_up = total == 0 || matches!(self.start, Start::Revision(_) | Start::New);
        self.caught_up
    }

    /// Where the consumer that was made begins, by the last stream sequence that its server counts as delivered.
    pub(crate) fn begins_after(&mut self, stream_seq: u64) {
        if self.start == Start::New {
            self.start = Start::Revision(stream_seq.saturating_add(1));
        }
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
        if place.consumer != self.consumer || place.consumer_seq <= self.delivered {
            return Step::Ignore;
        }
        if place.consumer_seq != self.delivered + 1 {
            return Step::Gap;
        }
        self.delivered = place.consumer_seq;
        let fresh = place.stream_seq > self.last;
        self.last = self.last.max(place.stream_seq);
        let end = if self.caught_up {
            End::No
        } else {
            self.initial.message(subject, self.delivered, place.timestamp, place.num_pending)
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
        let end = self.initial.answered(self.delivered);
        if end == End::Yes {
            self.catch_up();
        }
        end
    }

    /// A heartbeat came: the consumer, which waits for an answer if it is `stalled`, has nothing to deliver after `last`.
    pub(crate) fn heartbeat(&mut self, last: Option<u64>, stalled: bool) -> Beat {
        match last {
            Some(last) if last > self.delivered => Beat::Renew,
            // What was pending has been removed. The server looks for each of the latest entries that it had noted, one for each
            // heartbeat or write [seen on 2.15.1]: what comes after them would be late, and what is left is not known.
            Some(_) if !stalled && !self.caught_up && self.start() == Start::LastPerKey => Beat::Renew,
            Some(_) if !stalled && !self.caught_up => {
                self.catch_up();
                Beat::CaughtUp
            }
            _ => Beat::Alive,
        }
    }

    /// Whether everything has come that the present consumer has delivered so far.
    pub(crate) fn has_seen(&self, consumer_seq: u64) -> bool {
        consumer_seq <= self.delivered
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
#[path = "ordered_tests.rs"]
mod tests;
