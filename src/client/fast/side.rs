//! What both threads have of a fast batch, and the side that the I/O thread calls.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::client::codes;
use crate::client::fault::{Fault, Waiting};
use crate::engine::{End, Message, Subject, Talk, Turn};
use crate::rules::fast::{End as Ended, Fast as Machine, News, Phase};
use crate::rules::fast_answer::{Op, Refusal, read};
use crate::rules::jetstream_convert::ApiError;

/// Status of a message to whose subject nobody listens.
const NOBODY: u16 = 503;

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        match refusal {
            Refusal::Api(error) => Fault::Api(error),
            Refusal::NoResponders => Fault::NoResponders(String::new()),
        }
    }
}

/// What both threads share.
pub(super) struct State {
    pub(super) machine: Machine,
    /// Subject of the first message, to which pings go.
    pub(super) subject: Option<Subject>,
    /// The final acknowledgement.
    pub(super) ack: Option<Message>,
    /// Why the connection ended it.
    pub(super) fault: Option<Fault>,
    pub(super) news: VecDeque<News>,
    /// News are wanted.
    pub(super) tells: bool,
    /// Somebody waits for a change.
    pub(super) waited_for: bool,
    /// The Tcl thread has been told.
    pub(super) told: bool,
}

/// The side that the I/O thread has.
pub(super) struct Side {
    pub(super) state: Mutex<State>,
    /// What stands before the sequence in reply subjects.
    pub(super) prefix: String,
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Side {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine has to do after an answer, or `changed` by something else.
    fn turn(&self, state: &mut State, ping: Option<u64>, changed: bool) -> Turn {
        let over = matches!(state.machine.phase(), Phase::Over(_));
        let tell = !state.told && (state.waited_for && (changed || over) || !state.news.is_empty());
        state.told |= tell;
        let say = ping.zip(state.subject.as_ref());
        let say = say.map(|(seq, subject)| (subject.clone(), format!("{}{seq}{}", self.prefix, Op::Ping.ending())));
        Turn { say, over, tell }
    }
}

impl Talk for Side {
    fn answer(&self, message: &Message, now: Instant) -> Turn {
        let unheard = message.payload().is_empty() && message.status().is_some_and(|status| status.as_u16() == NOBODY);
        let answer = read(message.subject(), message.payload(), unheard);
        let mut state = self.lock();
        let reaction = state.machine.answer(answer, now);
        if matches!(state.machine.phase(), Phase::Over(Ended::Stored { .. })) {
            state.ack = Some(message.clone());
        }
        if let Some(news) = reaction.news.filter(|_| state.tells) {
            state.news.push_back(news);
        }
        self.turn(&mut state, reaction.ping, true)
    }

    fn tick(&self, now: Instant) -> Turn {
        let mut state = self.lock();
        let ping = state.machine.tick(now).ping;
        self.turn(&mut state, ping, false)
    }

    fn next(&self) -> Option<Instant> {
        self.lock().machine.next()
    }

    fn end(&self, end: &End) -> bool {
        let mut state = self.lock();
        let subject = state.subject.as_ref().map_or("", |subject| subject.as_str()).to_string();
        state.fault = Some(Fault::of_end(end, Waiting::Many(subject)));
        state.machine.give_up();
        self.turn(&mut state, None, true).tell
    }

    fn is_ending(&self) -> bool {
        *self.lock().machine.phase() == Phase::Ending
    }
}

/// What the server answers behind the end of a batch.
pub(super) fn unknown() -> Fault {
    let description = "batch publish ID unknown".to_string();
    Fault::Api(ApiError { code: 400, err_code: codes::BATCH_UNKNOWN, description })
}

/// The fault of a batch that ended without an acknowledgement.
pub(super) fn fault(state: &State, end: &Ended) -> Fault {
    match end {
        _ if state.fault.is_some() => state.fault.clone().unwrap_or(Fault::Closed),
        Ended::Refused(refusal) => refusal.clone().into(),
        Ended::Timeout => Fault::Timeout(Waiting::Acknowledgements),
        Ended::NotAnAck | Ended::Stored { .. } => Fault::NotAnAck,
    }
}
