//! State of a `nats::ordered_consumer` object.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use serde_json::Value as Json;

use crate::bridge::errors::Result;
use crate::classes::connection::state::Connection;
use crate::classes::messages::Messages;
use crate::client::Argument;
use crate::client::follower::Follower;
use crate::tcl::Instance;
use crate::tcl::trace::Guard;

/// Name of the class.
pub(super) const CLASS_NAME: &str = "::nats::ordered_consumer";

/// State of a `nats::ordered_consumer` object, which has either a reader or a follower.
pub(crate) struct Ordered {
    pub(super) connection: Rc<Connection>,
    /// What takes its messages.
    pub(super) reader: OnceCell<Rc<Messages>>,
    /// What it is in version 3.2.1.
    pub(super) follower: OnceCell<Rc<Follower>>,
    pub(super) guard: Rc<Guard>,
    /// Full name of the variable `last_error`.
    pub(super) variable: RefCell<String>,
    /// Name with which it was made.
    pub(super) command: RefCell<String>,
    /// Work to be done when it ends.
    at_end: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Instance for Ordered {
    fn close(&self) {
        self.guard.retire();
        if let Some(reader) = self.reader.get() {
            reader.close();
        }
        if let Some(follower) = self.follower.get() {
            follower.end();
        }
        let at_end = self.at_end.take();
        if let Some(at_end) = at_end {
            at_end();
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

impl Ordered {
    /// Neither a reader nor a follower yet.
    pub(super) fn new(connection: &Rc<Connection>, at_end: Option<Box<dyn FnOnce()>>) -> Ordered {
        Ordered {
            connection: Rc::clone(connection),
            reader: OnceCell::new(),
            follower: OnceCell::new(),
            guard: Guard::new(),
            variable: RefCell::default(),
            command: RefCell::default(),
            at_end: RefCell::new(at_end),
        }
    }

    /// What takes its messages.
    ///
    /// # Errors
    /// `ErrInvalidArg` if it has none.
    pub(super) fn reader(&self) -> Result<&Rc<Messages>> {
        self.reader.get().ok_or_else(|| Argument::WithoutMode.into())
    }

    /// What the server said when it made the present consumer.
    pub(super) fn info(&self) -> Json {
        let source = self.reader.get().and_then(|reader| reader.source().ok());
        source.map(|source| source.info()).or_else(|| self.follower.get().map(|follower| follower.info())).unwrap_or_default()
    }

    /// Name of the present consumer; empty if there is none.
    pub(super) fn name(&self) -> String {
        let source = self.reader.get().and_then(|reader| reader.source().ok());
        source.map(|source| source.name()).or_else(|| self.follower.get().map(|follower| follower.name())).unwrap_or_default()
    }
}
