//! The order of a stream's messages (NATS ADR-17), as a state machine: which message is the next one, where another consumer has
//! to start in place of one that is lost, when it is tried, and when there is no point in trying. Without clock and connection:
//! the time is handed in. Whatever follows a stream stands on it: watches, ordered consumers of both dialects, readers.

use std::time::{Duration, Instant};

/// How often another consumer is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// First and longest pause between two attempts.
    pauses: (Duration, Duration),
    /// Number of attempts that fail, after which a stream that does not exist is the end.
    suspicion: Option<u32>,
}

/// First and longest pause between two attempts, and least time from one consumer to the next.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Pause of version 3.2.1 between two attempts, unless the connection comes back sooner.
const RETRY_3: Duration = Duration::from_secs(10);

impl Pace {
    /// Soon, and until the stream is known to be gone.
    pub(crate) const SOON: Pace = Pace { pauses: RETRY, suspicion: Some(3) };
    /// Soon, and for ever: the stream may be made again.
    pub(crate) const EVER: Pace = Pace { pauses: RETRY, suspicion: None };
    /// That of version 3.2.1.
    pub(crate) const SELDOM: Pace = Pace { pauses: (RETRY_3, RETRY_3), suspicion: Some(1) };
}

/// Where a consumer has to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Where it was wished.
    AsWished,
    /// At the stream's first message: it is another stream.
    Beginning,
    /// At this sequence of the stream.
    Sequence(u64),
}

impl Start {
    /// The sequence, if it is none of the wish.
    pub(crate) fn sequence(self) -> Option<u64> {
        match self {
            Start::AsWished => None,
            Start::Beginning => Some(1),
            Start::Sequence(sequence) => Some(sequence),
        }
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sorted {
    /// The next one.
    Next,
    /// The next delivery, but of a message of the stream that came before, or of an earlier one. So it is where a consumer of the latest
    /// messages begins anew, and servers deliver one twice while it is written again [seen on 2.9.10].
    Seen,
    /// One of another consumer.
    Other,
    /// One that came before.
    Again,
    /// One before which something is missing.
    Gap,
}

/// The state machine.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pace: Pace,
    /// Whether the place of the first consumer counts until something has come, since the wish means another one each time.
    moves: bool,
    /// Sequence of the stream after which the present wish began.
    began: Option<u64>,
    /// Sequence of the last message.
    last: Option<u64>,
    /// Whether it is another stream of the same name.
    anew: bool,
    /// Creation time of the stream, as its server writes it.
    created: Option<String>,
    /// Name of the present consumer; empty if there is none.
    consumer: String,
    /// Number of its deliveries.
    delivered: u64,
    /// Number of names that were given.
    serial: u64,
    /// Attempts that failed in a row, and the pause after the next one.
    failures: u32,
    pause: Duration,
    not_before: Option<Instant>,
    made_at: Option<Instant>,
}

impl Order {
    /// Nothing is made yet. `moves`: the place of the first consumer counts until something has come, as for the policies `new`
    /// and `last`, which mean another place each time.
    pub(crate) fn new(pace: Pace, moves: bool) -> Order {
        Order {
            pace,
            moves,
            began: None,
            last: None,
            anew: false,
            created: None,
            consumer: String::new(),
            delivered: 0,
            serial: 0,
            failures: 0,
            pause: pace.pauses.0,
            not_before: None,
            made_at: None,
        }
    }

    /// The same, with the place known that counts until something has come: behind this sequence of the stream.
    pub(crate) fn behind(pace: Pace, stream_seq: u64) -> Order {
        Order { began: Some(stream_seq), ..Order::new(pace, true) }
    }

    /// Where the next consumer has to start.
    pub(crate) fn start(&self) -> Start {
        match (self.last, self.began) {
            (Some(last), _) => Start::Sequence(last.saturating_add(1)),
            (None, _) if self.anew => Start::Beginning,
            (None, Some(began)) if self.moves => Start::Sequence(began.saturating_add(1)),
            _ => Start::AsWished,
        }
    }

    /// The sequence of [`Order::start`]; where it is that of the wish, the one behind which the first consumer stood.
    pub(crate) fn start_seq(&self) -> u64 {
        self.start().sequence().unwrap_or_else(|| self.began.map_or(1, |began| began.saturating_add(1)))
    }

    /// The next consumer's name, where it is not the server that gives one.
    pub(crate) fn next_name(&mut self, nuid: &str) -> String {
        self.serial += 1;
        format!("{nuid}_{}", self.serial)
    }

    /// From now on the messages of this consumer count.
    pub(crate) fn turn_to(&mut self, consumer: &str) {
        self.consumer = consumer.to_string();
        self.delivered = 0;
    }

    /// It was made, behind this sequence of the stream.
    pub(crate) fn made(&mut self, now: Instant, stream_seq: u64) {
        self.began.get_or_insert(stream_seq);
        self.forgive();
        self.made_at = Some(now);
    }

    fn forgive(&mut self) {
        (self.failures, self.pause, self.not_before) = (0, self.pace.pauses.0, None);
    }

    /// It could not be made; `missing` if the server says that there is no such stream. The next attempt is not made before
    /// `least` is over. True if that is the end.
    pub(crate) fn failed(&mut self, now: Instant, missing: bool, least: Duration) -> bool {
        self.failures += 1;
        self.consumer.clear();
        self.not_before = Some(now + self.pause.max(least));
        self.pause = (self.pause * 2).min(self.pace.pauses.1);
        missing && self.pace.suspicion.is_some_and(|suspicion| self.failures >= suspicion)
    }

    /// The consumer is lost: another one is made, but not in a tight loop.
    pub(crate) fn lost(&mut self) {
        self.consumer.clear();
        self.not_before = self.made_at.map(|made| made + RETRY.0);
    }

    /// The connection is back, so that what failed before may be tried at once, and a consumer is made anew.
    pub(crate) fn returned(&mut self) {
        self.consumer.clear();
        self.forgive();
    }

    /// Whether there is no consumer.
    pub(crate) fn is_lost(&self) -> bool {
        self.consumer.is_empty()
    }

    /// Time to wait before the next attempt.
    pub(crate) fn patience(&self, now: Instant) -> Option<Duration> {
        let left = self.not_before?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// A message came.
    pub(crate) fn message(&mut self, consumer: &str, consumer_seq: u64, stream_seq: u64) -> Sorted {
        if consumer == self.consumer { self.delivery(consumer_seq, stream_seq) } else { Sorted::Other }
    }

    /// [`Order::message`] where only the present consumer's messages come.
    pub(crate) fn delivery(&mut self, consumer_seq: u64, stream_seq: u64) -> Sorted {
        if consumer_seq <= self.delivered {
            return Sorted::Again;
        }
        if consumer_seq != self.delivered + 1 {
            return Sorted::Gap;
        }
        self.delivered = consumer_seq;
        if self.last.is_some_and(|last| stream_seq <= last) {
            return Sorted::Seen;
        }
        self.last = Some(stream_seq);
        Sorted::Next
    }

    /// Number of deliveries of the present consumer that came.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// A heartbeat of a push consumer came; false if it tells of another last message than the one that came.
    pub(crate) fn heartbeat(&self, last: Option<u64>) -> bool {
        last.is_none_or(|last| last == self.delivered)
    }

    /// Sequence that the stream has reached at least, as far as its messages tell.
    pub(crate) fn place(&self) -> Option<u64> {
        self.last.or(self.began.filter(|_| self.moves && !self.anew))
    }

    /// Whether the stream's creation is known, so that another stream of the same name can be told.
    pub(crate) fn knows_stream(&self) -> bool {
        self.created.is_some()
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
            self.anew = true;
        }
        other || shorter
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
