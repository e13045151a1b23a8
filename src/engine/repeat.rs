//! Requests that are sent again under their number where nobody listens yet, or nobody answered in time (NATS ADR-22).

use super::message::{Message, Outgoing};
use std::time::{Duration, Instant};

/// How a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Number of repetitions; `None` for as many as its time allows.
    pub times: Option<u64>,
    /// Time from the answer that nobody listens to the repetition.
    pub wait: Duration,
    /// A request that nobody answered in time is repeated, too, with the same time again.
    pub at_timeout: bool,
}

/// What happens to a call whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It ends.
    End,
    /// It is sent again.
    Repeat,
    /// Something else came while it heard nothing: a round trip settles which of them was silent.
    Settle,
}

/// The repetitions that a pending request has left.
#[derive(Debug)]
pub(super) struct Repetition {
    /// The message.
    pub msg: Outgoing,
    left: Option<u64>,
    repeat: Repeat,
    timeout: Option<Duration>,
    /// The server's latest answer that nobody listens.
    unheard: Option<Message>,
    /// When to ask again after it.
    at: Option<Instant>,
}

impl Repetition {
    /// Repetitions of a request with this time for its answer.
    pub fn new(msg: Outgoing, timeout: Option<Duration>, repeat: Repeat) -> Repetition {
        Repetition { msg, left: repeat.times, repeat, timeout, unheard: None, at: None }
    }

    /// Counts a repetition; false if none is left.
    fn take(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Nobody listens: the time at which the request is repeated and its new deadline, if it gets one; the answer back if it is
    /// not repeated.
    pub fn unheard(
        &mut self,
        answer: Message,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<(Instant, Option<Instant>), Message> {
        // Where silence is no end, an outage that the server tells of is none either.
        let outlives = self.repeat.at_timeout;
        let at = now.checked_add(self.repeat.wait).filter(|at| outlives || deadline.is_none_or(|deadline| *at < deadline));
        match at {
            Some(at) if self.take() => {
                self.unheard = Some(answer);
                self.at = Some(at);
                Ok((at, self.timeout.filter(|_| outlives).and_then(|timeout| at.checked_add(timeout))))
            }
            _ => Err(answer),
        }
    }

    /// Whether the request is repeated now, because nobody listened.
    pub fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Whether the request is repeated, since nobody answered in time.
    pub fn outlives_timeout(&mut self) -> bool {
        self.repeat.at_timeout && self.take()
    }

    /// The request is sent again; gives its new deadline, if it gets one.
    pub fn repeated(&mut self, now: Instant) -> Option<Instant> {
        match self.at.take() {
            Some(_) => None,
            None => self.timeout.and_then(|timeout| now.checked_add(timeout)),
        }
    }

    /// The answer that nobody listens, if there was one.
    pub fn last_unheard(&mut self) -> Option<Message> {
        self.unheard.take()
    }
}
