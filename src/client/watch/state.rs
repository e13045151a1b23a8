//! The state of a followed stream, and what it delivers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use crate::client::conn::State;
use crate::client::fault::Fault;
use crate::client::ordered::{Access, Feed, Form};
use crate::engine::{End, Message};
use crate::rules::kv::Start;
use crate::rules::progress::{Progress, Trouble};

/// Number of silent consumers in a row after which the path to here is to blame, not the consumers.
pub(super) const MUTES: u32 = 2;

/// What to read.
pub(crate) struct Request {
    /// Stream.
    pub stream: String,
    /// The ways to ask for a consumer, the preferred one first: the others are for users who lack permission for it.
    pub forms: Vec<Form>,
    /// What the server has refused to this user.
    pub access: Rc<Access>,
    /// Where to begin.
    pub start: Start,
    /// Headers without payloads.
    pub headers_only: bool,
    /// Time between heartbeats in ms; 0 for none, and no flow control.
    pub heartbeat: i64,
}

/// What a consumer delivers.
pub(crate) enum Delivered {
    /// A message.
    Message {
        /// As it came.
        message: Message,
        /// Sequence in the stream.
        revision: u64,
        /// Time of storage, ms since the epoch.
        timestamp: i64,
        /// Messages still to come.
        pending: u64,
    },
    /// What was there at the beginning has been delivered. Once.
    CaughtUp,
    /// The consumer lives and has nothing to deliver.
    Quiet,
    /// Trouble, for a reason that has not been told since the trouble began.
    Trouble(Reason),
    /// An attempt to make a new consumer failed; others follow.
    Failed(Fault),
    /// The connection was closed or given up; a later connect resumes.
    Ended(End),
}

/// Reason why nothing is delivered.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The connection is lost.
    Disconnected,
    /// One consumer after the other is made, but nothing arrives from them.
    Mute,
    /// The request for a new consumer is not answered.
    Unanswered,
    /// A new consumer cannot be made.
    NotMade(Fault),
    /// The user may not make one, or may not receive what it delivers to its `inbox`.
    Refused {
        /// Whether it is the inbox.
        inbox: bool,
        /// What the server says.
        fault: Fault,
    },
}

impl Reason {
    /// The reason of a failure to make a consumer, whose `inbox` may be what was refused.
    pub(super) fn not_made(fault: &Fault, inbox: bool) -> Reason {
        match fault {
            Fault::Timeout(_) | Fault::Lost(_) => Reason::Unanswered,
            fault if fault.is_refusal() => Reason::Refused { inbox, fault: fault.clone() },
            fault => Reason::NotMade(fault.clone()),
        }
    }
}

/// Whether they are the same in kind: a refusal names the consumer or its inbox, and each would be a new reason.
impl PartialEq for Reason {
    fn eq(&self, other: &Reason) -> bool {
        match (self, other) {
            (Reason::NotMade(Fault::Engine(one)), Reason::NotMade(Fault::Engine(other))) => one.code == other.code,
            (Reason::NotMade(one), Reason::NotMade(other)) => one == other,
            (Reason::Refused { inbox: one, .. }, Reason::Refused { inbox: other, .. }) => one == other,
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

/// Takes what is delivered. Must not run scripts.
pub(crate) type Sink = Box<dyn Fn(Delivered)>;

/// A stream that is followed.
pub(super) struct Inner {
    pub(super) feed: Feed,
    pub(super) request: Request,
    pub(super) sink: Sink,
    pub(super) progress: RefCell<Progress>,
    pub(super) trouble: RefCell<Trouble<Reason>>,
    /// What the present consumer's creation said and has not been delivered yet: whether the initial data end, whether nothing is
    /// to come.
    pub(super) begun: Cell<(bool, bool)>,
    /// The present consumer has given no sign of life since it was made.
    pub(super) mute: Cell<bool>,
    /// Number of consumers in a row that never gave one.
    pub(super) mutes: Cell<u32>,
    /// Time at which the connection was made.
    pub(super) connected_at: Cell<Instant>,
    /// Earliest time to ask the server for a sign of life.
    pub(super) probe_at: Cell<Instant>,
}

impl Inner {
    pub(super) fn has_heartbeat(&self) -> bool {
        self.request.heartbeat > 0
    }

    pub(super) fn connected(&self) -> bool {
        self.feed.api.client.state() == State::Connected
    }

    pub(super) fn deliver(&self, item: Delivered) {
        if !self.feed.is_stopped() {
            (self.sink)(item);
        }
    }
}
