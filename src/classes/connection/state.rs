//! State of a `nats::connection` object on its Tcl thread: variables, status, log.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use super::log::Log;
use super::settings::Settings;
use crate::bridge::delivery;
use crate::bridge::errors::{Result, as_dict};
use crate::bridge::json::to_obj;
use crate::bridge::messages::{Coding, Latest};
use crate::bridge::task::Slot;
use crate::client::Fault;
use crate::engine::{CallId, Conn, End, Info, Level, Message, Problem, SubId};
use crate::tcl::event::later;
use crate::tcl::trace::Guard;
use crate::tcl::{self, Home, Interp, Obj};

/// The words of the variable `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No connection, none wanted.
    Closed,
    /// `connect` is trying the servers.
    Connecting,
    /// Connected.
    Connected,
    /// Lost; trying the servers again.
    Reconnecting,
}

impl State {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Reconnecting => "reconnecting",
        }
    }
}

/// Runs for each change of a connection's status, as an event of its own.
pub type Observer = dyn Fn(State);

/// What comes back for a call.
pub enum Answer {
    /// A reply.
    Reply(Message),
    /// The end of the call.
    End(End),
}

/// Runs for each answer of a call.
pub type Handler = Rc<dyn Fn(&Rc<Connection>, Answer)>;

/// Who takes what comes back for a call.
pub enum Pending {
    /// A task that awaits it.
    Slot(Rc<Slot<Answer>>),
    /// A callback form.
    Handler {
        /// Replies that may still come.
        left: Cell<u64>,
        /// What runs for each answer.
        run: Handler,
    },
    /// A part of the library that takes everything on a subject.
    Listener(Handler),
}

/// A subscription's Tcl side.
pub struct Subscription {
    /// Callback prefix; empty if messages are only counted.
    pub callback: Vec<Obj>,
    /// Deliver dicts.
    pub dicts: bool,
    /// Ends after so many deliveries.
    pub max: Cell<Option<u64>>,
    /// Deliveries so far.
    pub count: Cell<u64>,
    /// The latest subject as a value: messages of a subscription often have the same one.
    pub subject: RefCell<Option<Obj>>,
    /// Its callbacks that are on the stack.
    pub depth: Cell<u32>,
    /// Nothing is to be delivered any more.
    pub over: Cell<bool>,
    /// The ID means nothing any more, though what is queued still runs: the connection was closed.
    pub forgotten: Cell<bool>,
}

/// The object's state.
pub struct Connection {
    /// Number in the delivery's registry.
    pub key: u64,
    /// The engine.
    pub engine: Conn,
    /// The interpreter.
    pub home: Rc<Home>,
    /// Options.
    pub settings: RefCell<Settings>,
    /// Where log lines go.
    pub log: Log,
    /// Running subscriptions by their ID, and ended ones until their last message is through.
    pub subscriptions: RefCell<FxHashMap<SubId, Rc<Subscription>>>,
    /// Pending calls.
    pub calls: RefCell<FxHashMap<CallId, Pending>>,
    /// Synchronous `connect`s that wait.
    pub connecting: RefCell<Vec<Rc<Slot<Result<()>>>>>,
    /// The latest subject published to.
    pub latest: RefCell<Latest>,
    /// The latest error was told with the loss of the connection.
    pub loss_told: Cell<bool>,
    /// Callbacks of all subscriptions that are on the stack.
    pub depth: Cell<u32>,
    /// Callbacks of asynchronous calls that are on the stack.
    pub answer_depth: Cell<u32>,
    /// Answers that wait until one of those returns.
    pub held_answers: RefCell<VecDeque<(CallId, Answer)>>,
    /// Words of the callback that runs next: kept, so that a message costs no allocation for them.
    pub words: Cell<Vec<Obj>>,
    /// An empty value, the reply subject of most messages.
    pub empty: Obj,
    /// Number of the current or last `connect`.
    pub epoch: Cell<u64>,
    namespace: String,
    guard: Rc<Guard>,
    state: Cell<State>,
    destroyed: Cell<bool>,
    /// No log lines any more.
    silent: Cell<bool>,
    info_keys: RefCell<Vec<String>>,
    observers: RefCell<Vec<Weak<Observer>>>,
    /// What `last_error` holds.
    last_problem: RefCell<Option<Problem>>,
}

impl Connection {
    /// A closed connection with its variables in `namespace`.
    pub fn new(interp: Interp, namespace: String, settings: Settings, log: Log) -> tcl::Result<Rc<Connection>> {
        let (key, engine) = delivery::engine(settings.config(log.level()));
        let guard = Guard::new();
        guard.set(interp, &format!("{namespace}::status"), None, &Obj::text("closed"))?;
        guard.set(interp, &format!("{namespace}::last_error"), None, &Obj::empty())?;
        interp.call(&[Obj::text("array"), Obj::text("set"), Obj::text(&format!("{namespace}::serverInfo")), Obj::empty()])?;
        for name in ["status", "last_error", "serverInfo"] {
            guard.protect(interp, &format!("{namespace}::{name}"));
        }
        Ok(Rc::new(Connection {
            key,
            engine,
            home: Home::new(interp),
            settings: RefCell::new(settings),
            log,
            subscriptions: RefCell::default(),
            calls: RefCell::default(),
            connecting: RefCell::default(),
            latest: RefCell::default(),
            loss_told: Cell::new(false),
            depth: Cell::new(0),
            answer_depth: Cell::new(0),
            held_answers: RefCell::default(),
            words: Cell::default(),
            empty: Obj::empty(),
            epoch: Cell::new(0),
            namespace,
            guard,
            state: Cell::new(State::Closed),
            destroyed: Cell::new(false),
            silent: Cell::new(false),
            info_keys: RefCell::default(),
            observers: RefCell::default(),
            last_problem: RefCell::default(),
        }))
    }

    /// What the variable `status` shows.
    pub fn state(&self) -> State {
        if self.engine.is_foreign() && self.state.get() != State::Closed {
            self.left_in_parent();
        }
        self.state.get()
    }

    /// This process is a fork of the one that has the connection: here it is closed, and nobody will be answered.
    fn left_in_parent(&self) {
        self.state.set(State::Closed);
        self.forget_subscriptions();
        self.forget_callbacks();
        let waiting: Vec<_> = self.calls.take().into_values().collect();
        for pending in waiting {
            if let Pending::Slot(slot) = pending {
                slot.push(Answer::End(End::Closed));
            }
        }
        let connecting = self.connecting.take();
        self.set_state(State::Closed);
        end_connects(connecting, &Err(Fault::Forked.into()));
    }

    /// `ErrConnectionClosed` unless there is or may be a connection.
    pub fn open_or_error(&self) -> Result<()> {
        match self.state() {
            State::Closed if self.engine.is_foreign() => Err(Fault::Forked.into()),
            State::Closed => Err(Fault::Closed.into()),
            _ => Ok(()),
        }
    }

    /// Whether the object is gone.
    pub fn is_destroyed(&self) -> bool {
        self.destroyed.get()
    }

    /// Marks the object as gone; false if it was already.
    pub fn mark_destroyed(&self) -> bool {
        self.guard.retire();
        !self.destroyed.replace(true)
    }

    /// No log lines from now on.
    pub fn silence(&self) {
        self.silent.set(true);
    }

    /// How payloads and subjects are converted now.
    pub fn coding(&self) -> Coding {
        self.settings.borrow().coding()
    }

    /// From now on the observer is told of changes, as long as somebody else keeps it.
    pub fn observe(&self, observer: &Rc<Observer>) {
        let mut observers = self.observers.borrow_mut();
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Rc::downgrade(observer));
    }

    /// Changes status and its variable; write traces run in here.
    pub fn set_state(&self, state: State) {
        self.state.set(state);
        for observer in self.observers.borrow().iter() {
            let (observer, home) = (Weak::clone(observer), Rc::clone(&self.home));
            later(Box::new(move || {
                let Some(observer) = observer.upgrade() else { return };
                let _kept = home.live();
                observer(state);
            }));
        }
        self.write("status", None, &Obj::text(state.as_str()));
    }

    /// Writes `last_error`: empty, or the problem's dict.
    pub fn set_last_error(&self, problem: Option<&Problem>) {
        self.last_problem.replace(problem.cloned());
        let Some(kept) = self.home.live() else { return };
        let interp = kept.interp();
        let value = problem.map_or_else(Obj::empty, |problem| as_dict(interp, problem));
        self.write("last_error", None, &value);
    }

    /// Notes the cause of the end, unless it was told with the loss already.
    pub fn note_end(&self, problem: &Problem) {
        if !self.loss_told.get() || self.last_problem.borrow().as_ref() != Some(problem) {
            self.report(problem);
        }
    }

    /// Notes an asynchronous error: variable and log.
    pub fn report(&self, problem: &Problem) {
        self.set_last_error(Some(problem));
        self.log(Level::Warn, || problem.text.clone());
    }

    /// Rewrites `serverInfo`, all of it.
    pub fn set_server_info(&self, info: &Info) {
        let fields: Vec<_> = info_fields(info).collect();
        let Some(kept) = self.home.live() else { return };
        let interp = kept.interp();
        let array = format!("{}::serverInfo", self.namespace);
        let gone: Vec<String> = self.info_keys.take().into_iter().filter(|k| !fields.iter().any(|(name, _)| name == k)).collect();
        for key in gone {
            self.guard.unset(interp, &array, &key);
        }
        *self.info_keys.borrow_mut() = fields.iter().map(|(name, _)| name.to_string()).collect();
        for (name, value) in &fields {
            self.write("serverInfo", Some(name), value);
        }
    }

    fn write(&self, name: &str, key: Option<&str>, value: &Obj) {
        let Some(kept) = self.home.live() else { return };
        let interp = kept.interp();
        // An error is that of a script's own trace, or of a namespace on its way out: nobody here can mend it.
        if let Err(error) = self.guard.set(interp, &format!("{}::{name}", self.namespace), key, value)
            && !self.destroyed.get()
        {
            interp.background_error(&error);
        }
    }

    /// Logs a line; `text` is made only if the level is on.
    pub fn log(&self, level: Level, text: impl FnOnce() -> String) {
        self.log_at(SystemTime::now(), level, text);
    }

    /// Logs a line of a moment ago. A connection that is gone logs nothing: its channel may be somebody else's by now.
    pub fn log_at(&self, at: SystemTime, level: Level, text: impl FnOnce() -> String) {
        if self.log.enabled(level)
            && !self.silent.get()
            && let Some(kept) = self.home.live()
        {
            let name = self.settings.borrow().name();
            let name = if name.is_empty() { tail(&self.namespace_name()).to_string() } else { name };
            self.log.write(kept.interp(), &name, at, level, &text());
        }
    }

    fn namespace_name(&self) -> String {
        self.log.object().unwrap_or_else(|| self.namespace.clone())
    }

    /// Callback forms of pending calls are dropped silently.
    pub fn forget_callbacks(&self) {
        let all = self.calls.take();
        let (kept, gone): (FxHashMap<_, _>, FxHashMap<_, _>) =
            all.into_iter().partition(|(_, pending)| matches!(pending, Pending::Slot(_)));
        *self.calls.borrow_mut() = kept;
        drop(gone);
    }

    /// Subscriptions are forgotten: their IDs mean nothing any more, what is queued still runs.
    pub fn forget_subscriptions(&self) {
        for subscription in self.subscriptions.borrow().values() {
            subscription.forgotten.set(true);
        }
    }
}

/// Ends synchronous `connect`s. They were taken before the status was set: a trace may have begun another one.
pub fn end_connects(waiting: Vec<Rc<Slot<Result<()>>>>, outcome: &Result<()>) {
    for slot in waiting {
        slot.push(outcome.clone());
    }
}

fn tail(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The fields of INFO that are there, under the names of the protocol.
pub fn info_fields(info: &Info) -> impl Iterator<Item = (&str, Obj)> {
    info.fields.iter().map(|(name, value)| (name.as_str(), to_obj(value)))
}
