//! State of a `nats::messages` object.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::options::Settings;
use crate::bridge::errors::{Result, shown};
use crate::classes::connection::state::Connection;
use crate::client::messages::{KeptAlive, Source, Told};
use crate::client::{Api, Fault, Slot, Turns};
use crate::engine::{Level, Message};
use crate::tcl::Instance;
use crate::tcl::event::Timer;
use crate::tcl::trace::Guard;

/// Messages that the script deals with.
pub(super) struct Taken {
    pub(super) messages: Vec<Message>,
    /// Dropped when the script has dealt with them.
    _alive: Vec<KeptAlive>,
}

impl Taken {
    /// Messages, and what keeps them alive.
    pub(super) fn new(messages: Vec<Message>, alive: Vec<KeptAlive>) -> Taken {
        Taken { messages, _alive: alive }
    }
}

/// An event for the script.
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) text: String,
    /// Work that begins when the script has been called, at the latest when it waits for something.
    pub(super) then: Option<Box<dyn FnOnce()>>,
}

/// What a waiting call is told.
pub(super) enum Wake {
    /// A message is there, or the end.
    Look,
    /// Its time is over.
    Late,
}

/// A call that waits for a message.
pub(super) struct Waiter {
    /// Where it is told.
    pub(super) slot: Rc<Slot<Wake>>,
}

/// State of a `nats::messages` object.
pub(crate) struct Messages {
    pub(super) connection: Rc<Connection>,
    pub(super) api: Rc<Api>,
    pub(super) settings: Settings,
    pub(super) source: OnceCell<Rc<Source>>,
    pub(super) guard: Rc<Guard>,
    /// Full name of the variable `last_error`.
    pub(super) variable: RefCell<String>,
    /// Full name of the command that calls private methods.
    pub(super) my: RefCell<String>,
    /// What the log calls it; empty if that is not told of its troubles.
    pub(crate) title: RefCell<String>,
    pub(super) turns: Rc<Turns<()>>,
    /// Whether a turn waits.
    pub(super) turn_waits: Cell<bool>,
    pub(super) events: Rc<Turns<Event>>,
    pub(super) waiters: RefCell<VecDeque<Rc<Waiter>>>,
    /// Messages that the script deals with in a body of `each` or a coroutine.
    pub(super) taken: RefCell<FxHashMap<u64, Taken>>,
    /// Number of callbacks that run.
    pub(super) running: Cell<u64>,
    /// Waits for a full batch.
    pub(super) batch_timer: RefCell<Option<Timer>>,
    /// Whether a batch is delivered though it is not full.
    pub(super) batch_due: Cell<bool>,
}

impl Instance for Messages {
    fn close(&self) {
        self.guard.retire();
        if let Some(source) = self.source.get() {
            source.stop(false);
            self.part(source);
        }
        self.turns.end();
        self.batch_timer.take();
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

impl Messages {
    pub(crate) fn source(&self) -> Result<&Rc<Source>> {
        self.source.get().ok_or_else(|| Fault::Closed.into())
    }

    pub(super) fn told(self: &Rc<Self>, told: Told) {
        match told {
            Told::Arrived if self.settings.callback.is_some() => self.arrived(),
            Told::Arrived => self.wake(),
            Told::Event(name, text, fault) => {
                if let Some(fault) = fault {
                    self.note(&fault);
                }
                if self.settings.events.is_some() {
                    self.events.push(Event { name, text, then: None });
                }
            }
            Told::Recreated(name, go_on) if self.settings.events.is_some() => {
                self.events.push(Event { name: "recreated", text: name, then: Some(go_on) });
            }
            Told::Recreated(_, go_on) => go_on(),
            Told::Trouble(fault) => self.note(&fault),
            Told::Ended => {
                self.batch_timer.take();
                self.wake_all();
            }
        }
    }

    /// Writes `last_error`.
    fn note(&self, fault: &Fault) {
        let home = &self.connection.home;
        let (dict, text) = shown(home, fault, str::to_string);
        let variable = self.variable.borrow().clone();
        let Some(kept) = home.live().filter(|_| !variable.is_empty()) else { return };
        if let Err(error) = self.guard.set(kept.interp(), &variable, None, &dict) {
            // An error of a script's own trace.
            kept.interp().background_error(&error);
        }
        let title = self.title.borrow().clone();
        if !title.is_empty() {
            self.connection.log(Level::Warn, || format!("{title}: {text}"));
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // One that no script ever got: its maker was interrupted.
        if let Some(source) = self.source.get() {
            source.stop(false);
        }
    }
}
