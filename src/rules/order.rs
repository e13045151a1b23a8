//! The ordered consumer that scripts use (NATS ADR-17), as a state machine: which message is the next one, where another consumer
//! has to start, and when it is tried. Without clock and connection: the time is handed in.

use std::time::{Duration, Instant};

/// First and longest pause between two attempts to make a consumer, and least time from one consumer to the next.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Number of attempts that fail, after which a stream that does not exist is the end.
const SUSPICION: u32 = 3;

/// Where a consumer has to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Where the script said.
    AsWished,
    /// At this sequence of the stream.
    Sequence(u64),
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sorted {
    /// The next one.
    Next,
    /// One of another consumer.
    Other,
    /// One before which something is missing, or that came before.
    Gap,
}

/// The state machine.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Whether the wish means another place each time it is made, as `new` and `last` do.
    moves: bool,
    /// Sequence of the stream after which the present wish began.
    began: Option<u64>,
    /// Sequence of the last message.
    last: Option<u64>,
    /// Where another stream of the same name begins.
    anew: Option<u64>,
    /// Creation time of the stream, as its server writes it.
    created: Option<String>,
    /// Name of the present consumer; empty if there is none.
    consumer: String,
    /// Number of its deliveries.
    delivered: u64,
    /// Number of consumers that were tried.
    serial: u64,
    /// Attempts that failed in a row, and the pause after the last one.
    failures: u32,
    pause: Duration,
    not_before: Option<Instant>,
    made_at: Option<Instant>,
}

impl Order {
    /// Nothing is made yet. `moves`: the wish means another place each time it is made.
    pub(crate) fn new(moves: bool) -> Order {
        Order {
            moves,
            began: None,
            last: None,
            anew: None,
            created: None,
            consumer: String::new(),
            delivered: 0,
            serial: 0,
            failures: 0,
            pause: RETRY.0,
            not_before: None,
            made_at: None,
        }
    }

    /// Where the next consumer has to start.
    pub(crate) fn start(&self) -> Start {
        match (self.last, self.anew, self.began) {
            (Some(last), ..) => Start::Sequence(last.saturating_add(1)),
            (None, Some(first), _) => Start::Sequence(first),
            (None, None, Some(began)) if self.moves => Start::Sequence(began.saturating_add(1)),
            _ => Start::AsWished,
        }
    }

    /// Sequence behind the place where the present wish began, as far as that is known.
    pub(crate) fn wished(&self) -> u64 {
        self.began.map_or(1, |began| began.saturating_add(1))
    }

    /// The next consumer's name.
    pub(crate) fn try_next(&mut self, nuid: &str) -> String {
        self.serial += 1;
        self.consumer = format!("{nuid}_{}", self.serial);
        self.delivered = 0;
        self.consumer.clone()
    }

    /// It was made, behind this sequence of the stream.
    pub(crate) fn made(&mut self, now: Instant, stream_seq: u64) {
        self.began.get_or_insert(stream_seq);
        (self.failures, self.pause, self.not_before) = (0, RETRY.0, None);
        self.made_at = Some(now);
    }

    /// It could not be made; `missing` if the server says that there is no such stream. True if that is the end.
    pub(crate) fn failed(&mut self, now: Instant, missing: bool) -> bool {
        self.failures += 1;
        self.consumer.clear();
        self.not_before = Some(now + self.pause);
        self.pause = (self.pause * 2).min(RETRY.1);
        missing && self.failures >= SUSPICION
    }

    /// The consumer is lost: another one is made, but not in a tight loop.
    pub(crate) fn lost(&mut self) {
        self.consumer.clear();
        self.not_before = self.made_at.map(|made| made + RETRY.0);
    }

    /// The connection is back, so that what failed before may be tried at once.
    pub(crate) fn returned(&mut self) {
        self.consumer.clear();
        (self.failures, self.pause, self.not_before) = (0, RETRY.0, None);
    }

    /// Time to wait before the next attempt.
    pub(crate) fn patience(&self, now: Instant) -> Option<Duration> {
        let left = self.not_before?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// A message came.
    pub(crate) fn message(&mut self, consumer: &str, consumer_seq: u64, stream_seq: u64) -> Sorted {
        if consumer != self.consumer {
            return Sorted::Other;
        }
        if consumer_seq != self.delivered + 1 {
            return Sorted::Gap;
        }
        self.delivered = consumer_seq;
        self.last = Some(stream_seq);
        Sorted::Next
    }

    /// A heartbeat of a push consumer came; false if it tells of a message that did not.
    pub(crate) fn heartbeat(&self, last: Option<u64>) -> bool {
        last.is_none_or(|last| last == self.delivered)
    }

    /// Sequence that the stream has reached at least, as far as its messages tell.
    pub(crate) fn place(&self) -> Option<u64> {
        self.last.or(self.began.filter(|_| self.moves && self.anew.is_none()))
    }

    /// The stream as it is now; `place` is [`Order::place`] of the time at which it was asked for, because messages may overtake
    /// the answer. True if it is another one of the same name, or has become shorter than what was read of it: then it is read
    /// from its beginning.
    pub(crate) fn stream(&mut self, created: &str, last_seq: u64, place: Option<u64>) -> bool {
        let other = self.created.as_deref().is_some_and(|known| known != created);
        let shorter = place.is_some_and(|place| last_seq < place);
        self.created = Some(created.to_string());
        if other || shorter {
            self.last = None;
            self.anew = Some(1);
        }
        other || shorter
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
