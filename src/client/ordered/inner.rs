//! The state of an ordered consumer, and what goes in and out.

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
use crate::rules::ordered::{Progress, Trouble};
use crate::tcl::event::Timer;

/// Time between looks where no heartbeats are asked for.
const PACE: Duration = Duration::from_millis(5000);

/// Consumers in a row without a sign of life, after which it is not they that fail, but the way to here.
pub(super) const MUTES: u32 = 2;

/// What to read.
pub(crate) struct Request {
    /// Stream.
    pub stream: String,
    /// The ways to ask for a consumer, the preferred one first: the others are for users who may not.
    pub forms: Vec<Form>,
    /// What the server refused to this user before.
    pub access: Rc<Access>,
    /// Where to begin.
    pub start: Start,
    /// Headers without payloads.
    pub headers_only: bool,
    /// Time between heartbeats in ms; 0 for none, and no flow control.
    pub heartbeat: i64,
}

/// What a consumer delivers.
pub(crate) enum Item {
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
    /// Trouble for a reason that was not told since it began.
    Trouble(Reason),
    /// An attempt to make a new consumer failed; others follow.
    Failed(Fault),
    /// The connection was closed or given up; a later connect resumes.
    Ended(End),
}

/// Why nothing is delivered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reason {
    /// The connection is lost.
    Disconnected,
    /// Consumers are made one after the other, and nothing arrives from them.
    Mute,
    /// The request for a new consumer is not answered.
    Unanswered,
    /// A new consumer cannot be made.
    NotMade(Fault),
}

impl Reason {
    /// The reason of a failure to make a consumer. The subject of the request names the consumer, and would make a new reason of each.
    pub(super) fn not_made(fault: &Fault) -> Reason {
        match fault {
            Fault::Timeout(_) | Fault::Lost(_) => Reason::Unanswered,
            Fault::NoResponders(_) => Reason::NotMade(Fault::NoResponders(String::new())),
            fault => Reason::NotMade(fault.clone()),
        }
    }
}

/// Takes what is delivered. Must not run scripts.
pub(crate) type Sink = Box<dyn Fn(Item)>;

/// What the consumer reacts to.
pub(super) enum Input {
    /// Something came for the consumer of this number.
    Came(u64, Answer),
    /// The connection's status changed.
    State(State),
    /// A time that was waited for.
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
    /// What the present consumer's creation said and nobody was told yet: the initial data end, nothing is to come.
    pub(super) begun: Cell<(bool, bool)>,
    pub(super) observer: RefCell<Option<Rc<Observer>>>,
    pub(super) timer: RefCell<Option<(Instant, Timer)>>,
    pub(super) task: RefCell<Option<Rc<Task>>>,
    /// A new consumer is needed.
    pub(super) lost: Cell<bool>,
    pub(super) stopped: Cell<bool>,
    /// The present consumer has given no sign of life since it was made.
    pub(super) mute: Cell<bool>,
    /// Consumers in a row that never gave one.
    pub(super) mutes: Cell<u32>,
    /// The answers to the present consumer's flow control are watched for a refusal.
    pub(super) probed: Cell<bool>,
    /// Since when the consumer waits for an answer although it had one.
    pub(super) stalled: Cell<Option<Instant>>,
    /// The last sign of life.
    pub(super) alive: Cell<Instant>,
    /// When the connection came about.
    pub(super) connected_at: Cell<Instant>,
    /// When the present consumer was made.
    pub(super) made_at: Cell<Instant>,
    /// Not before then is a new consumer to be tried.
    pub(super) retry_at: Cell<Instant>,
    /// Not before then is the server to be asked for a sign of life.
    pub(super) probe_at: Cell<Instant>,
}

impl Inner {
    /// Time between heartbeats; where there are none, between looks after what goes wrong.
    pub(super) fn pace(&self) -> Duration {
        if self.has_heartbeat() { Duration::from_millis(self.request.heartbeat as u64) } else { PACE }
    }

    pub(super) fn has_heartbeat(&self) -> bool {
        self.request.heartbeat > 0
    }

    pub(super) fn connected(&self) -> bool {
        self.api.client.state() == State::Connected
    }

    pub(super) fn deliver(&self, item: Item) {
        if !self.stopped.get() {
            (self.sink)(item);
        }
    }
}
