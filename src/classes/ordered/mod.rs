//! The ordered consumer (NATS ADR-17) at work: each message of a stream once and in order, whatever happens to the server's consumer.

mod access;
mod follow;
mod make;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub use access::{Access, Form};
pub use make::created;

use crate::bridge::errors::{Error, Result};
use crate::classes::jet_stream::api::JetStream;
use crate::client::Listening;
use crate::client::{Answer, Observer, State};
use crate::client::{Slot, Task};
use crate::engine::{End, Message};
use crate::rules::kv::Start;
use crate::rules::ordered::{Progress, Trouble};
use crate::tcl::event::Timer;

/// Time between looks where no heartbeats are asked for.
const PACE: Duration = Duration::from_millis(5000);

/// Consumers in a row without a sign of life, after which it is not they that fail, but the way to here.
const MUTES: u32 = 2;

/// What to read.
pub struct Request {
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
pub enum Item {
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
    Trouble(String),
    /// An attempt to make a new consumer failed; others follow.
    Failed(Error),
    /// The connection was closed or given up; a later connect resumes.
    Ended(End),
}

/// Takes what is delivered. Must not run scripts.
pub type Sink = Box<dyn Fn(Item)>;

/// What the consumer reacts to.
enum Input {
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

/// An ordered consumer; dropped, it ends and removes its consumer from the server.
pub struct Consumer(Rc<Inner>);

struct Inner {
    js: Rc<JetStream>,
    request: Request,
    sink: Sink,
    inputs: Rc<Slot<Input>>,
    progress: RefCell<Progress>,
    trouble: RefCell<Trouble>,
    /// Number of the present consumer; what comes for earlier ones is stale.
    number: Cell<u64>,
    /// Name of the consumer that may exist on the server.
    name: RefCell<Option<String>>,
    listening: RefCell<Option<Listening>>,
    /// What the present consumer's creation said and nobody was told yet: the initial data end, nothing is to come.
    begun: Cell<(bool, bool)>,
    observer: RefCell<Option<Rc<Observer>>>,
    timer: RefCell<Option<(Instant, Timer)>>,
    task: RefCell<Option<Rc<Task>>>,
    /// A new consumer is needed.
    lost: Cell<bool>,
    stopped: Cell<bool>,
    /// The present consumer has given no sign of life since it was made.
    mute: Cell<bool>,
    /// Consumers in a row that never gave one.
    mutes: Cell<u32>,
    /// The answers to the present consumer's flow control are watched for a refusal.
    probed: Cell<bool>,
    /// Since when the consumer waits for an answer although it had one.
    stalled: Cell<Option<Instant>>,
    /// The last sign of life.
    alive: Cell<Instant>,
    /// When the connection came about.
    connected_at: Cell<Instant>,
    /// When the present consumer was made.
    made_at: Cell<Instant>,
    /// Not before then is a new consumer to be tried.
    retry_at: Cell<Instant>,
    /// Not before then is the server to be asked for a sign of life.
    probe_at: Cell<Instant>,
}

impl Consumer {
    /// Nothing is sent yet.
    pub fn new(js: &Rc<JetStream>, request: Request, sink: Sink) -> Consumer {
        let inputs: Rc<Slot<Input>> = Slot::new();
        let for_observer = Rc::clone(&inputs);
        let observer: Rc<Observer> = Rc::new(move |state| for_observer.push(Input::State(state)));
        js.connection.observe(&observer);
        let now = Instant::now();
        Consumer(Rc::new(Inner {
            js: Rc::clone(js),
            progress: RefCell::new(Progress::new(request.start)),
            request,
            sink,
            inputs,
            trouble: RefCell::default(),
            number: Cell::new(0),
            name: RefCell::default(),
            listening: RefCell::default(),
            begun: Cell::default(),
            observer: RefCell::new(Some(observer)),
            timer: RefCell::default(),
            task: RefCell::default(),
            lost: Cell::new(false),
            stopped: Cell::new(false),
            mute: Cell::new(false),
            mutes: Cell::new(0),
            probed: Cell::new(false),
            stalled: Cell::new(None),
            alive: Cell::new(now),
            connected_at: Cell::new(now),
            made_at: Cell::new(now),
            retry_at: Cell::new(now),
            probe_at: Cell::new(now),
        }))
    }

    /// Tells of the stream as it was found, so that one made anew under its name is recognised.
    pub fn knows(&self, created: &str, last_seq: u64) {
        self.0.progress.borrow_mut().stream(created, last_seq);
    }

    /// [`Consumer::knows`] by asking the server, without waiting for it. Who may not ask goes without.
    pub fn learn(&self) {
        let inner = Rc::downgrade(&self.0);
        let (js, stream, access) = (Rc::clone(&self.0.js), self.0.request.stream.clone(), Rc::clone(&self.0.request.access));
        let work = async move {
            if let Some((created, last_seq)) = access.stream_state(&js, &stream).await?
                && let Some(inner) = inner.upgrade()
            {
                let mut progress = inner.progress.borrow_mut();
                if !progress.knows_stream() {
                    progress.stream(&created, last_seq);
                }
            }
            Ok(())
        };
        Task::spawn(work, Box::new(|_: Result<()>| ()));
    }

    /// Whether there was nothing to read when the consumer was made.
    pub fn found_nothing(&self) -> bool {
        self.0.progress.borrow().found_nothing()
    }

    /// Makes the first consumer; `ms` is the timeout, 0 waits for ever. Nothing is delivered before [`Consumer::follow`].
    ///
    /// # Errors
    /// Those of the server's answer, `ErrPermissions`, `ErrTimeout`, `ErrNoResponders`, `ErrConnectionClosed`.
    pub async fn start(&self, ms: i64) -> Result<()> {
        self.0.make(ms).await
    }

    /// From now on delivers, and keeps itself going.
    pub fn follow(&self) {
        let task = Task::spawn(follow::run(Rc::clone(&self.0)), Box::new(|_| ()));
        if !self.0.stopped.get() {
            self.0.task.replace(Some(task));
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let inner = &self.0;
        inner.stopped.set(true);
        inner.observer.take();
        inner.timer.take();
        inner.listening.take();
        inner.remove();
        let task = inner.task.take();
        if let Some(task) = task {
            task.cancel();
        }
    }
}

impl Inner {
    /// Time between heartbeats; where there are none, between looks after what goes wrong.
    fn pace(&self) -> Duration {
        if self.has_heartbeat() { Duration::from_millis(self.request.heartbeat as u64) } else { PACE }
    }

    fn has_heartbeat(&self) -> bool {
        self.request.heartbeat > 0
    }

    fn connected(&self) -> bool {
        self.js.connection.state() == State::Connected
    }

    fn deliver(&self, item: Item) {
        if !self.stopped.get() {
            (self.sink)(item);
        }
    }
}
