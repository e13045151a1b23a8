//! A pending call: what it waits for, and what its time having come means.

use super::CallId;
use super::alive::Pulse;
use super::counted::Counted;
use super::message::{Message, Outgoing};
use super::repeat::{Due, Repetition};
use super::silence::Silence;
use super::subs::Sub;
use super::talk::Talking;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// State of a pull that is asked for again.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Number of messages still wanted.
    pub left: u64,
    /// Bytes that have come, as the server counts them.
    pub bytes: u64,
    /// Time since it began.
    pub elapsed: Duration,
}

/// Makes the payload that asks for the rest of a pull, from the first payload; `None` asks for nothing. Called on the I/O thread.
pub type Renew = fn(&Bytes, Progress) -> Option<Bytes>;

/// Makes the payload that asks for less, and how many messages that is, from the payload that was refused and the code and
/// description of the status; `None` lets the pull end. Called on the I/O thread.
pub type Amend = fn(&Bytes, u16, &str) -> Option<(Bytes, u64)>;

/// Part that an answer plays in a request for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of the answers.
    Answer,
    /// The last of them: it is delivered, and the call ends with [`super::End::Full`].
    Last,
    /// The mark behind the last one: the call ends with it, as [`super::End::Status`].
    Mark,
}

/// Tells the part of an answer. Called on the I/O thread.
pub type Judge = fn(&Message) -> Part;

/// Kind of a call, by what it waits for.
#[derive(Debug)]
pub(super) enum Kind {
    /// One reply through the shared inbox.
    Shared,
    /// Up to `max` replies on an inbox of its own.
    Own {
        /// Its inbox.
        sub: Arc<Sub>,
        /// Replies still wanted.
        left: u64,
    },
    /// As `Own`, ended by any status but 100.
    Pull {
        /// Its inbox.
        sub: Arc<Sub>,
        /// Replies still wanted.
        left: u64,
        /// Bytes that have come.
        bytes: u64,
        /// How it is asked for again.
        again: Box<Again>,
    },
    /// Many answers on an inbox of its own, until one is judged to be the end, or none comes for a while.
    Gather {
        /// Its inbox.
        sub: Arc<Sub>,
        /// Answers that are still taken.
        left: u64,
        /// Tells the end.
        judge: Judge,
        /// Silence after an answer that ends it.
        stall: Option<Duration>,
        /// Time at which the present silence ends it.
        stalled: Option<Instant>,
    },
    /// A conversation.
    Talk(Box<Talking>),
    /// Everything that comes on a subject, until it is cancelled.
    Listen {
        /// Its subscription.
        sub: Arc<Sub>,
        /// Where signs of life are noted; then heartbeats are swallowed.
        pulse: Option<Arc<Pulse>>,
    },
    /// A message that is sent again and again, while there is a connection, until it is cancelled.
    Beat {
        /// The message.
        msg: Box<Outgoing>,
        /// Time between two of them.
        every: Duration,
        /// Time of the next one.
        next: Instant,
    },
    /// A round trip.
    Ping,
    /// The same, which settles whether the silence of a call is the server's or the link's: what the server had sent by then comes before
    /// its answer.
    Settle(CallId),
}

/// How a pull is asked for again.
#[derive(Debug)]
pub(super) struct Again {
    /// After a loss.
    pub renew: Option<Renew>,
    /// After a refusal.
    pub amend: Option<Amend>,
    /// Message with which it was asked for.
    pub msg: Outgoing,
    /// Time of the first.
    pub began: Instant,
}

/// A pending call.
#[derive(Debug)]
pub(super) struct PendingCall {
    /// Kind, by what it waits for.
    pub kind: Kind,
    /// Subject of its message, by which it is recognised when the server refuses it.
    pub subject: Option<Box<str>>,
    /// Time at which it ends by itself.
    pub deadline: Option<Instant>,
    /// Silence that ends it while there is a connection.
    pub silence: Option<Silence>,
    /// How it is repeated.
    pub again: Option<Box<Repetition>>,
    /// Where its outcome is counted, instead of being told.
    pub counted: Option<Counted>,
}

impl PendingCall {
    /// A call that is told, and not repeated.
    pub fn new(kind: Kind, subject: Option<Box<str>>, deadline: Option<Instant>) -> PendingCall {
        PendingCall { kind, subject, deadline, silence: None, again: None, counted: None }
    }

    /// Its own inbox, if it has one.
    pub fn own_inbox(&self) -> Option<&Arc<Sub>> {
        match &self.kind {
            Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub, .. } => Some(sub),
            Kind::Talk(talking) => Some(&talking.sub),
            Kind::Shared | Kind::Ping | Kind::Settle(_) | Kind::Beat { .. } => None,
        }
    }

    /// The same, taken out of it.
    pub fn inbox(self) -> Option<Arc<Sub>> {
        match self.kind {
            Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub, .. } => Some(sub),
            Kind::Talk(talking) => Some(talking.sub),
            Kind::Shared | Kind::Ping | Kind::Settle(_) | Kind::Beat { .. } => None,
        }
    }

    /// Time at which it ends by itself, and whether that is for want of further answers.
    pub fn due(&self) -> (Option<Instant>, bool) {
        match self.kind {
            Kind::Beat { next, .. } => (Some(next), false),
            Kind::Talk(ref talking) => (talking.next, false),
            Kind::Gather { stalled: Some(at), .. } if self.deadline.is_none_or(|deadline| at < deadline) => (Some(at), true),
            _ => {
                let silent = self.silence.and_then(|silence| silence.ends_at());
                ([self.deadline, silent].into_iter().flatten().min(), false)
            }
        }
    }

    /// Decides what its time having come means; `None` for nothing any more. `received` is when something last came from the server.
    pub fn comes_due(&mut self, now: Instant, connected: bool, received: Instant) -> Option<Due> {
        if self.again.as_ref().is_some_and(|again| again.is_due(now)) {
            return Some(Due::Repeat);
        }
        self.due().0.filter(|due| *due <= now)?;
        if self.again.as_mut().is_some_and(|again| again.outlives_timeout()) {
            return Some(Due::Repeat);
        }
        let over = self.deadline.is_some_and(|deadline| deadline <= now);
        let unsettled = connected && !over && self.silence.is_some_and(|silence| silence.since < received);
        Some(if unsettled { Due::Settle } else { Due::End })
    }

    /// Notes what does not count as its silence: time without a connection, that of a round trip that settles it and `is_pending`, and, for a
    /// round trip itself, that up to `received`.
    pub fn hush(&mut self, now: Instant, connected: bool, received: Instant, is_pending: bool) {
        let awaited = matches!(self.kind, Kind::Ping | Kind::Settle(_));
        let Some(silence) = &mut self.silence else { return };
        if !connected {
            // The timeout of a request is the same whether there is a connection or not, and no answer to a round trip comes any more.
            if !awaited && !matches!(self.kind, Kind::Shared) {
                silence.heard(now);
            }
        } else if awaited {
            // On a slow link its answer is behind what still comes.
            silence.since = silence.since.max(received);
        } else if silence.settled_by.is_some() {
            silence.since = now;
            silence.settled_by = silence.settled_by.filter(|_| is_pending);
        }
    }

    /// Whether silence, and not its deadline, ends it now.
    pub fn is_stalled(&self) -> bool {
        self.due().1
    }
}
