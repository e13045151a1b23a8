//! Pending requests, pulls and pings, and their deadlines.

use super::CallId;
use super::alive::Pulse;
use super::counted::Counted;
use super::message::{Message, Outgoing};
use super::repeat::{Due, Repetition};
use super::subs::Sub;
use super::talk::Talking;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
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

/// Number above those of all requests: round trips and subscriptions of the library itself are numbered from here.
const ASIDE: CallId = 1 << 40;

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

/// How long a call may hear nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// Greatest length.
    pub most: Duration,
    /// Time of the last sign of life.
    pub since: Instant,
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
    pub fn inbox(self) -> Option<Arc<Sub>> {
        match self.kind {
            Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub, .. } => Some(sub),
            Kind::Talk(talking) => Some(talking.sub),
            Kind::Shared | Kind::Ping | Kind::Beat { .. } => None,
        }
    }

    /// Time at which it ends by itself, and whether that is for want of further answers.
    fn due(&self) -> (Option<Instant>, bool) {
        match self.kind {
            Kind::Beat { next, .. } => (Some(next), false),
            Kind::Talk(ref talking) => (talking.next, false),
            Kind::Gather { stalled: Some(at), .. } if self.deadline.is_none_or(|deadline| at < deadline) => (Some(at), true),
            _ => {
                let silent = self.silence.and_then(|silence| silence.since.checked_add(silence.most));
                ([self.deadline, silent].into_iter().flatten().min(), false)
            }
        }
    }

    /// Decides what its time having come means; `None` for nothing any more.
    fn comes_due(&mut self, now: Instant) -> Option<Due> {
        if self.again.as_ref().is_some_and(|again| again.is_due(now)) {
            return Some(Due::Repeat);
        }
        self.due().0.filter(|due| *due <= now)?;
        let repeated = self.again.as_mut().is_some_and(|again| again.outlives_timeout());
        Some(if repeated { Due::Repeat } else { Due::End })
    }

    /// Whether silence, and not its deadline, ends it now.
    pub fn is_stalled(&self) -> bool {
        self.due().1
    }
}

/// The wildcard inbox of shared requests.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Subject up to and including the last dot.
    pub prefix: String,
    /// Its subscription.
    pub sub: Arc<Sub>,
    /// The server refused the subscription.
    pub refused: bool,
}

/// Number of calls up to which each is looked at.
const FEW: usize = 16;

/// All pending calls of a connection.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last_id: CallId,
    last_aside: CallId,
    pending: FxHashMap<CallId, PendingCall>,
    deadlines: BinaryHeap<Reverse<(Instant, CallId)>>,
    /// The shared inbox, once it is needed.
    pub inbox: Option<Inbox>,
}

impl Calls {
    /// Id of the next request; requests are numbered from 1, without a gap.
    pub fn upcoming(&self) -> CallId {
        self.last_id + 1
    }

    /// Takes an id for a request that is never sent.
    pub fn skip(&mut self) -> CallId {
        self.last_id += 1;
        self.last_id
    }

    /// Adds a request under its id, [`Calls::upcoming`]; the result is that of [`Calls::insert`].
    pub fn add(&mut self, call: PendingCall) -> bool {
        let id = self.skip();
        self.insert(id, call)
    }

    /// An id for anything but a request.
    pub fn next_aside(&mut self) -> CallId {
        self.last_aside += 1;
        ASIDE + self.last_aside
    }

    /// Adds a call; true if its deadline is now the earliest, so that the timer must be woken.
    pub fn insert(&mut self, id: CallId, call: PendingCall) -> bool {
        let earliest = call.due().0.is_some_and(|d| self.wake_at(id, d));
        self.pending.insert(id, call);
        self.compact();
        earliest
    }

    /// Has a call looked at at this time; true if that is now the earliest, so that the timer must be woken.
    pub fn wake_at(&mut self, id: CallId, at: Instant) -> bool {
        let first = self.deadlines.peek().map(|Reverse((first, _))| *first);
        self.deadlines.push(Reverse((at, id)));
        first.is_none_or(|first| at < first)
    }

    /// Deadlines of finished calls stay in the heap until their time: drop them when they are many.
    fn compact(&mut self) {
        if self.deadlines.len() > 2 * self.pending.len() + 1024 {
            let mut heap = std::mem::take(&mut self.deadlines).into_vec();
            heap.retain(|Reverse((_, id))| self.pending.contains_key(id));
            self.deadlines = heap.into();
        }
    }

    /// Ids of the calls whose message went to this subject, or whose replies come to this one, oldest first.
    pub fn refused(&self, subject: &str) -> Vec<CallId> {
        let shared = self.inbox.as_ref().and_then(|inbox| subject.strip_prefix(&inbox.prefix));
        let by_reply = shared.and_then(|token| token.parse().ok());
        self.those(|id, call| {
            let own = match &call.kind {
                Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub, .. } => {
                    sub.subject() == subject
                }
                Kind::Talk(talking) => talking.sub.subject() == subject,
                Kind::Shared => by_reply == Some(id) || shared == Some("*"),
                Kind::Ping | Kind::Beat { .. } => false,
            };
            own || call.subject.as_deref() == Some(subject)
        })
    }

    /// Ids of the calls of which something is true, oldest first.
    pub fn those(&self, is_one: impl Fn(CallId, &PendingCall) -> bool) -> Vec<CallId> {
        let mut ids: Vec<CallId> = self.pending.iter().filter(|(id, call)| is_one(**id, call)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a call is pending.
    pub fn contains(&self, id: CallId) -> bool {
        self.pending.contains_key(&id)
    }

    /// Number of calls that are pending.
    pub fn count(&self) -> usize {
        self.pending.len()
    }

    /// Number of calls that wait for an answer.
    pub fn waiting(&self) -> usize {
        let waits = |call: &&PendingCall| match &call.kind {
            Kind::Talk(talking) => talking.talk.is_ending(),
            kind => !matches!(kind, Kind::Listen { .. } | Kind::Beat { .. }),
        };
        self.pending.values().filter(waits).count()
    }

    /// Whether no call waits for an answer: the pending ones only listen. With many calls it is assumed that one waits.
    pub fn is_quiet(&self) -> bool {
        let listens = |call: &PendingCall| matches!(call.kind, Kind::Listen { .. } | Kind::Beat { .. } | Kind::Talk(_));
        self.pending.len() <= FEW && self.pending.values().all(listens)
    }

    /// A pending call.
    pub fn get_mut(&mut self, id: CallId) -> Option<&mut PendingCall> {
        self.pending.get_mut(&id)
    }

    /// Removes a call.
    pub fn remove(&mut self, id: CallId) -> Option<PendingCall> {
        self.pending.remove(&id)
    }

    /// An answer came to a call that many answer: its silence begins anew. True if it is now due earlier than any other, so that
    /// the timer must be woken.
    pub fn heard(&mut self, id: CallId, now: Instant) -> bool {
        let Some(call) = self.pending.get_mut(&id) else { return false };
        let Kind::Gather { stall: Some(stall), stalled, .. } = &mut call.kind else { return false };
        let before = std::mem::replace(stalled, now.checked_add(*stall));
        let (due, stalls) = call.due();
        // Once there is an entry for its silence, it is put off when its time comes.
        let Some(due) = due.filter(|_| stalls && before.is_none()) else { return false };
        self.wake_at(id, due)
    }

    /// Takes a call off the timer whose time has come, or which has heard nothing for too long, which counts only while
    /// `connected`; and says what for.
    pub fn pop_due(&mut self, now: Instant, connected: bool) -> Option<(CallId, Due)> {
        while let Some(&Reverse((at, id))) = self.deadlines.peek() {
            let Some(call) = self.pending.get_mut(&id) else {
                self.deadlines.pop();
                continue;
            };
            if at > now {
                return None;
            }
            self.deadlines.pop();
            if let Some(silence) = call.silence.as_mut().filter(|_| !connected) {
                silence.since = now;
            }
            if let Some(due) = call.comes_due(now) {
                return Some((id, due));
            }
            // A sign of life does not move the deadline in the heap; a call that is repeated has an entry for its new time.
            if let Some(due) = call.due().0.filter(|_| call.again.is_none()) {
                self.deadlines.push(Reverse((due, id)));
            }
        }
        None
    }

    /// The earliest deadline, possibly of a call that is finished by now.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.peek().map(|Reverse((d, _))| *d)
    }

    /// Ids of round trips under way, oldest first.
    pub fn probes(&self) -> Vec<CallId> {
        self.ids(|c| matches!(c.kind, Kind::Ping))
    }

    /// Ids of all calls that are no round trips, oldest first.
    pub fn requests(&self) -> Vec<CallId> {
        self.ids(|c| !matches!(c.kind, Kind::Ping))
    }

    /// Ids of the calls that many answer, oldest first.
    pub fn gathering(&self) -> Vec<CallId> {
        self.ids(|c| matches!(c.kind, Kind::Gather { .. } | Kind::Talk(_)))
    }

    fn ids(&self, fits: impl Fn(&PendingCall) -> bool) -> Vec<CallId> {
        let fits = self.pending.iter().filter(|(_, c)| fits(c));
        let mut ids: Vec<CallId> = fits.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
