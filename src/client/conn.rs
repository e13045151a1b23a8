//! A connection as its Tcl thread knows it: its status, and the tasks and observers that wait for a change of it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use super::calls::Calls;
use super::fault::Fault;
use super::task::Slot;
use crate::engine::{CallId, Code, Conn, Problem};
use crate::tcl::event::later;

/// Status that scripts see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is no connection, and none is wanted.
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
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Reconnecting => "reconnecting",
        }
    }
}

/// Runs for each change of a connection's status, as an event of its own.
pub(super) type Observer = dyn Fn(State);

/// Moment of the end of a connection that its owner wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// Calls are under way: what can be ended is to end.
    Near,
    /// What was asked is answered, as far as that can be waited for: the next question.
    Asking,
    /// They are answered, as far as that can be waited for; now their effects may be undone.
    Now,
}

/// Runs when the owner closes the connection; runs no scripts. True if it has asked something whose answer counts.
pub(super) type Leaving = dyn Fn(Parting) -> bool;

/// Runs for each asynchronous error of a connection; runs no scripts.
type Ear = dyn Fn(&Problem);

/// A task that waits for the end of `connect`.
type Connect = Rc<Slot<Result<(), Fault>>>;

/// The tasks that wait for the end of `connect`.
pub(crate) struct Connecting(Vec<Connect>);

impl Connecting {
    /// Ends their wait with the outcome.
    pub(crate) fn end(self, outcome: &Result<(), Fault>) {
        for slot in self.0 {
            slot.push(outcome.clone());
        }
    }
}

/// A connection on its Tcl thread.
pub(crate) struct Client {
    engine: Conn,
    calls: Rc<Calls>,
    state: Cell<State>,
    observers: RefCell<Vec<Weak<Observer>>>,
    ears: RefCell<Vec<Weak<Ear>>>,
    connecting: RefCell<Vec<Connect>>,
    /// Number of the current or last `connect`.
    epoch: Cell<u64>,
    /// Number of the last one that the engine was opened for.
    opened: Cell<u64>,
    /// Calls made since the engine has found no server left, which the status does not show yet.
    unheard: RefCell<Vec<CallId>>,
    /// The server is asked to check subjects strictly.
    pedantic: Cell<bool>,
    /// Run before the connection is closed by its owner, while something can still be sent.
    parting: RefCell<Vec<Weak<Leaving>>>,
    /// Runs when this process turns out to be a fork of the one that has the connection.
    at_fork: RefCell<Option<Rc<dyn Fn()>>>,
}

impl Client {
    /// A closed connection.
    pub(crate) fn new(engine: Conn) -> Rc<Client> {
        Rc::new(Client {
            engine,
            calls: Calls::new(),
            state: Cell::new(State::Closed),
            observers: RefCell::default(),
            ears: RefCell::default(),
            connecting: RefCell::default(),
            epoch: Cell::new(0),
            opened: Cell::new(0),
            unheard: RefCell::default(),
            pedantic: Cell::new(false),
            parting: RefCell::default(),
            at_fork: RefCell::default(),
        })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Conn {
        &self.engine
    }

    /// Its pending calls.
    pub(crate) fn calls(&self) -> &Rc<Calls> {
        &self.calls
    }

    /// The status.
    pub(crate) fn state(&self) -> State {
        if self.state.get() != State::Closed && self.engine.is_foreign() {
            self.left_in_parent();
        }
        self.state.get()
    }

    /// This process is a fork of the one that has the connection: here it is closed, and no answers will come.
    fn left_in_parent(&self) {
        self.set_state(State::Closed);
        self.calls.abandon();
        let waiting = self.take_connecting();
        let told = self.at_fork.borrow().clone();
        if let Some(told) = told {
            told();
        }
        waiting.end(&Err(Fault::Forked));
    }

    /// Has `run` called when the connection is found to be another process's.
    pub(crate) fn at_fork(&self, run: Rc<dyn Fn()>) {
        self.at_fork.replace(Some(run));
    }

    /// Has `run` called at these moments before the owner closes the connection; dropping it ends that. It must not run scripts.
    pub(crate) fn at_parting(&self, run: &Rc<Leaving>) {
        let mut parting = self.parting.borrow_mut();
        parting.retain(|run| run.strong_count() > 0);
        parting.push(Rc::downgrade(run));
    }

    /// The owner is about to close the connection.
    pub(crate) fn part(&self) {
        let parting: Vec<_> = self.parting.take().iter().filter_map(Weak::upgrade).collect();
        if parting.is_empty() {
            return;
        }
        let run_all = |moment| parting.iter().filter(|run| run(moment)).count();
        run_all(Parting::Near);
        // The server stores what it has taken a moment later: nothing undoes that before it is done.
        self.engine.await_calls();
        while run_all(Parting::Asking) > 0 {
            self.engine.await_calls();
        }
        run_all(Parting::Now);
    }

    /// Whether the server is asked to check subjects strictly.
    pub(crate) fn is_pedantic(&self) -> bool {
        self.pedantic.get()
    }

    /// Notes whether the server is asked to check subjects strictly.
    pub(crate) fn set_pedantic(&self, pedantic: bool) {
        self.pedantic.set(pedantic);
    }

    /// Changes the status and tells the observers.
    pub(crate) fn set_state(&self, state: State) {
        self.state.set(state);
        for observer in self.observers.borrow().iter() {
            let observer = Weak::clone(observer);
            later(Box::new(move || {
                if let Some(observer) = observer.upgrade() {
                    observer(state);
                }
            }));
        }
    }

    /// Registers an observer of changes; dropping it ends that.
    pub(crate) fn observe(&self, observer: &Rc<Observer>) {
        let mut observers = self.observers.borrow_mut();
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Rc::downgrade(observer));
    }

    /// Registers what hears of asynchronous errors; dropping it ends that.
    pub(crate) fn hear(&self, ear: &Rc<Ear>) {
        let mut ears = self.ears.borrow_mut();
        ears.retain(|ear| ear.strong_count() > 0);
        ears.push(Rc::downgrade(ear));
    }

    /// Tells of an asynchronous error.
    pub(crate) fn tell(&self, problem: &Problem) {
        let ears: Vec<_> = self.ears.borrow().iter().filter_map(Weak::upgrade).collect();
        for ear in ears {
            ear(problem);
        }
    }

    /// [`Fault::Closed`] unless there is or may be a connection; [`Fault::Forked`] if that belongs to another process.
    pub(crate) fn open_or_fault(&self) -> Result<(), Fault> {
        match self.state() {
            State::Closed if self.engine.is_foreign() => Err(Fault::Forked),
            State::Closed => Err(Fault::Closed),
            _ => Ok(()),
        }
    }

    /// Number of the current or last `connect`, or of the `disconnect` that ended it. Events of an earlier one are stale.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    /// Counts another `connect` or `disconnect`, and gives its number.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.set(self.epoch.get() + 1);
        self.epoch.get()
    }

    /// Starts connecting; the number of this `connect`.
    ///
    /// # Errors
    /// Those of the engine.
    pub(crate) fn open(&self) -> Result<u64, Problem> {
        let epoch = self.next_epoch();
        self.opened.set(epoch);
        self.engine.open(epoch)?;
        Ok(epoch)
    }

    /// Whether the engine refuses a call only because it has given up, which the status does not show yet. Scripts go by the status.
    pub(crate) fn is_behind(&self, problem: &Problem) -> bool {
        problem.code == Code::ConnectionClosed && self.state() != State::Closed && self.epoch() == self.opened.get()
    }

    /// Calls made in that time.
    pub(super) fn unheard(&self) -> &RefCell<Vec<CallId>> {
        &self.unheard
    }

    /// Waits for the end of `connect`.
    pub(crate) fn await_connect(&self) -> Connect {
        let slot = Slot::new();
        self.connecting.borrow_mut().push(Rc::clone(&slot));
        slot
    }

    /// Takes the tasks that wait for the end of `connect`. Must be called before the status is set, since a trace may begin
    /// another one.
    pub(crate) fn take_connecting(&self) -> Connecting {
        Connecting(self.connecting.take())
    }
}
