//! The state of an ordered consumer, its input and its output.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::access::{Access, Form};
use crate::client::api::Api;
use crate::client::calling::Listening;
use crate::client::calls::Answer;
use crate::client::conn::{Observer, State};
use crate::client::fault::Fault;
use crate::client::task::{Slot, Task};
use crate::engine::{End, Message};
use crate::rules::kv::Start;
use crate::rules::progress::{Progress, Trouble};
use crate::tcl::event::Timer;

/// Time between checks where there are no heartbeats.
const PACE: Duration = Duration::from_millis(5000);

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
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reason {
    /// The connection is lost.
    Disconnected,
    /// One consumer after the other is made, but nothing arrives from them.
    Mute,
    /// The request for a new consumer is not answered.
    Unanswered,
    /// A new consumer cannot be made.
    NotMade(Fault),
}

impl Reason {
    /// The reason of a failure to make a consumer, without the subject of the request: that names the consumer, and each failure
    /// would be a new reason.
    pub(super) fn not_made(fault: &Fault) -> Reason {
        match fault {
            Fault::Timeout(_) | Fault::Lost(_) => Reason::Unanswered,
            Fault::NoResponders(_) => Reason::NotMade(Fault::NoResponders(String::new())),
            fault => Reason::NotMade(fault.clone()),
        }
    }
}

/// Takes what is delivered. Must not run scripts.
pub(crate) type Sink = Box<dyn Fn(Delivered)>;

/// What the consumer reacts to.
pub(super) enum Input {
    /// Something came for the consumer of this number.
    Came(u64, Answer),
    /// The connection's status changed.
    State(State),
    /// The timer has fired.
    Tick,
    /// The server is there, and all that it had sent before has been read.
    Present,
    /// The server is there, and all that the consumer of this number had sent before has been read.
    Answered(u64),
    /// The answer to the flow control of the consumer of this number was refused.
    FlowRefused(u64),
}

/// An ordered consumer at work.
pub(super) struct Inner {
    pub(super) api: Rc<Api>,
    pub(super) request: Request,
    pub(super) sink: Sink,
    pub(super) inputs: Rc<Slot<Input>>,
    pub(super) progress: RefCell<Progress>,
    pub(super) trouble: RefCell<Trouble<Reason>>,
    /// Number of the present consumer; what comes for earlier ones is stale.
    pub(super) number: Cell<u64>,
    /// Name of the consumer that may exist on the server.
    pub(super) name: RefCell<Option<String>>,
    pub(super) listening: RefCell<Option<Listening>>,
    /// What the present consumer's creation said and has not been delivered yet: whether the initial data end, whether nothing is
    /// to come.
    pub(super) begun: Cell<(bool, bool)>,
    pub(super) observer: RefCell<Option<Rc<Observer>>>,
    pub(super) timer: RefCell<Option<(Instant, Timer)>>,
    pub(super) task: RefCell<Option<Rc<Task>>>,
    pub(super) stopped: Cell<bool>,
    /// The present consumer has given no sign of life since it was made.
    pub(super) mute: Cell<bool>,
    /// Number of consumers in a row that never gave one.
    pub(super) mutes: Cell<u32>,
    /// The answers to the present consumer's flow control are watched for a refusal.
    pub(super) probed: Cell<bool>,
    /// Start of the time for which the consumer has waited for an answer although it had one.
    pub(super) stalled: Cell<Option<Instant>>,
    /// Time of the last sign of life.
    pub(super) alive: Cell<Instant>,
    /// Time at which the connection was made.
    pub(super) connected_at: Cell<Instant>,
    /// Earliest time to ask the server for a sign of life.
    pub(super) probe_at: Cell<Instant>,
}

impl Inner {
    /// Time between heartbeats, or between checks where there are none.
    pub(super) fn pace(&self) -> Duration {
        if self.has_heartbeat() { Duration::from_millis(self.request.heartbeat as u64) } else { PACE }
    }

    pub(super) fn has_heartbeat(&self) -> bool {
        self.request.heartbeat > 0
    }

    /// Whether a new consumer is needed.
    pub(super) fn is_lost(&self) -> bool {
        self.progress.borrow().order.is_lost()
    }

    pub(super) fn connected(&self) -> bool {
        self.api.client.state() == State::Connected
    }

    pub(super) fn deliver(&self, item: Delivered) {
        if !self.stopped.get() {
            (self.sink)(item);
        }
    }
}
