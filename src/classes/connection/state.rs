//! State of a `nats::connection` object on its Tcl thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::log::Log;
use super::settings::Settings;
use super::subscriptions::Subscriptions;
use super::variables::Variables;
use crate::bridge::callbacks::Callbacks;
use crate::bridge::delivery;
use crate::bridge::family::Family;
use crate::bridge::messages::{Coding, Latest};
use crate::client::{Answer, Calling, Client, Fault, State};
use crate::engine::{CallId, Conn, Level, Problem, RequestSpec};
use crate::tcl::{Home, Interp, Obj, Result};

/// The object's state.
pub(crate) struct Connection {
    /// Number in the registry of `bridge/delivery`.
    pub key: u64,
    /// The connection, free of Tcl.
    pub client: Rc<Client>,
    /// The interpreter.
    pub home: Rc<Home>,
    /// Options.
    pub settings: RefCell<Settings>,
    /// Variables that show scripts what happens.
    pub variables: Variables,
    /// Subscriptions.
    pub subscriptions: Subscriptions,
    /// Runs the callbacks.
    pub callbacks: Callbacks,
    /// The latest subject published to.
    pub latest: RefCell<Latest>,
    /// Objects that die with this one.
    pub family: Family,
    log: Log,
    destroyed: Cell<bool>,
}

impl Connection {
    /// A closed connection with its variables in `namespace`.
    ///
    /// # Errors
    /// What Tcl says if the variables cannot be made.
    pub(crate) fn new(interp: Interp, namespace: String, settings: Settings, log: Log) -> Result<Rc<Connection>> {
        let home = Home::new(interp);
        let variables = Variables::new(interp, &home, namespace)?;
        let (key, engine) = delivery::engine(settings.config(log.level()));
        let client = Client::new(engine);
        client.set_pedantic(settings.is_pedantic());
        let connection = Rc::new(Connection {
            key,
            client,
            callbacks: Callbacks::new(&home),
            home,
            settings: RefCell::new(settings),
            variables,
            subscriptions: Subscriptions::default(),
            latest: RefCell::default(),
            family: Family::default(),
            log,
            destroyed: Cell::new(false),
        });
        let weak = Rc::downgrade(&connection);
        connection.client.at_fork(Rc::new(move || {
            if let Some(connection) = weak.upgrade() {
                connection.subscriptions.forget();
                connection.variables.set_status(State::Closed);
            }
        }));
        Ok(connection)
    }

    /// Hands the options to the engine.
    pub(crate) fn configure(&self, settings: &Settings) {
        self.engine().configure(settings.config(self.log_level()));
        self.client.set_pedantic(settings.is_pedantic());
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Conn {
        self.client.engine()
    }

    /// The status, as the variable `status` shows it.
    pub(crate) fn state(&self) -> State {
        self.client.state()
    }

    /// [`Fault::Closed`] unless there is or may be a connection.
    ///
    /// # Errors
    /// That; [`Fault::Forked`].
    pub(crate) fn open_or_error(&self) -> std::result::Result<(), Fault> {
        self.client.open_or_fault()
    }

    /// Whether the object is gone.
    pub(crate) fn is_destroyed(&self) -> bool {
        self.destroyed.get()
    }

    /// Marks the object as gone; false if it was already.
    pub(crate) fn mark_destroyed(&self) -> bool {
        self.variables.retire();
        !self.destroyed.replace(true)
    }

    /// How payloads and subjects are converted now.
    pub(crate) fn coding(&self) -> Coding {
        self.settings.borrow().coding()
    }

    /// Changes the status and its variable; write traces run in here.
    pub(crate) fn set_state(&self, state: State) {
        self.client.set_state(state);
        self.variables.set_status(state);
    }

    /// Notes an asynchronous error: variable and log.
    pub(crate) fn report(&self, problem: &Problem) {
        self.variables.set_last_error(Some(problem));
        self.log(Level::Warn, || problem.text.clone());
    }

    /// Least severe level that is logged.
    pub(crate) fn log_level(&self) -> Level {
        self.log.level()
    }

    /// Ends the log: the channel's name may stand for another one later.
    pub(crate) fn silence(&self) {
        self.log.silence();
    }

    /// Logs a line; `text` is made only if the level is on.
    pub(crate) fn log(&self, level: Level, text: impl FnOnce() -> String) {
        self.log_at(SystemTime::now(), level, text);
    }

    /// Logs a line of an earlier moment.
    pub(crate) fn log_at(&self, at: SystemTime, level: Level, text: impl FnOnce() -> String) {
        if self.log.enabled(level)
            && let Some(kept) = self.home.live()
        {
            let name = self.settings.borrow().name();
            self.log.write(kept.interp(), &name, at, level, &text());
        }
    }

    /// Runs a callback at global level.
    pub(crate) fn run_callback(&self, prefix: &[Obj], args: impl IntoIterator<Item = Obj>) {
        self.callbacks.run(prefix, args);
    }

    /// [`Client::call`]
    pub(crate) fn call(&self, spec: RequestSpec) -> std::result::Result<Calling, Fault> {
        self.client.call(spec)
    }

    /// [`Client::call_back`] with a function that needs the connection.
    pub(crate) fn call_back(
        self: &Rc<Self>,
        spec: RequestSpec,
        run: impl Fn(&Rc<Connection>, Answer) + 'static,
    ) -> std::result::Result<CallId, Fault> {
        let connection = Rc::clone(self);
        self.client.call_back(spec, Rc::new(move |answer| run(&connection, answer)))
    }

    /// [`Client::round_trip`]
    pub(crate) fn round_trip(&self, timeout: Option<Duration>) -> Calling {
        self.client.round_trip(timeout)
    }

    /// [`Client::cancel`]
    pub(crate) fn cancel(&self, id: CallId) -> bool {
        self.client.cancel(id)
    }
}
