//! The object's state, and what its methods have in common.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::{Rc, Weak};

use serde_json::Value as Json;

use super::watch::Watch;
use super::writer::Writer;
use crate::bridge::birth;
use crate::bridge::dialect;
use crate::bridge::errors::{Result, told, words_of};
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::client::object::{Holds, Progress, Store};
use crate::client::{Argument, Fault, Slot, Task};
use crate::engine::Level;
use crate::rules::names::is_bucket;
use crate::rules::option::Name;
use crate::tcl::event::later;
use crate::tcl::{Instance, Obj, Reply};

/// Name of the class.
pub(super) const CLASS_NAME: &str = "::nats::object_store";

/// State of a `nats::object_store` object.
pub(crate) struct ObjectStore {
    /// The JetStream object it was made from.
    pub(super) js: Rc<JetStream>,
    /// The bucket.
    pub(super) store: Rc<Store>,
    /// Calls that call back at their end.
    tasks: RefCell<HashMap<u64, Rc<Task>>>,
    last_task: Cell<u64>,
    watches: RefCell<HashMap<i64, Rc<Watch>>>,
    last_watch: Cell<i64>,
    writers: RefCell<Vec<Weak<Writer>>>,
}

impl Instance for ObjectStore {
    fn close(&self) {
        self.store.leave();
        let tasks = self.tasks.take();
        for task in tasks.values() {
            task.cancel();
        }
        let watches = self.watches.take();
        for watch in watches.values() {
            watch.end();
        }
        let writers = self.writers.take();
        for writer in writers.iter().filter_map(Weak::upgrade) {
            writer.give_up();
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

impl ObjectStore {
    /// Makes the object of a bucket by its stream's configuration, and what that holds; `timeout` replaces that of the JetStream object.
    ///
    /// # Errors
    /// `ErrConnectionClosed` if its parent is gone.
    pub(super) fn make(js: &Rc<JetStream>, name: &str, config: &Json, holds: Holds, timeout: Option<i64>) -> Result<Obj> {
        let api = timeout.map_or_else(|| Rc::clone(&js.api), |ms| Rc::new(js.api.with_timeout(ms)));
        let connection = Rc::downgrade(&js.connection);
        let warn = move |line: String, fault: Option<&Fault>| {
            if let Some(connection) = connection.upgrade() {
                let reason = fault.map(|fault| words_of(&connection.home, fault).1);
                connection.log(Level::Warn, || line + &reason.map(|reason| format!(": {reason}")).unwrap_or_default());
            }
        };
        let state = ObjectStore {
            js: Rc::clone(js),
            store: Rc::new(Store::new(&api, name, config, holds, Rc::new(warn))),
            tasks: RefCell::default(),
            last_task: Cell::new(0),
            watches: RefCell::default(),
            last_watch: Cell::new(0),
            writers: RefCell::default(),
        };
        let kept = js.connection.home.live().ok_or(Fault::Closed)?;
        let born = birth::make(kept.interp(), CLASS_NAME, Rc::new(state))?;
        let command = born.handle.name(kept.interp());
        let dies = dialect::of(kept.interp()).children_die;
        if !dies || js.family.adopt(&js.connection.home, born.handle) { Ok(command) } else { Err(Fault::Closed.into()) }
    }

    /// `ErrConnectionClosed` when the connection is closed or the object is gone.
    pub(super) fn open(&self) -> Result<()> {
        self.store.present()?;
        open_or_error(&self.js)
    }

    /// Keeps a running watch, and gives its ID.
    pub(super) fn watched(&self, watch: Rc<Watch>) -> i64 {
        let id = self.last_watch.get() + 1;
        self.last_watch.set(id);
        self.watches.borrow_mut().insert(id, watch);
        id
    }

    /// Remembers a channel that is to be given up with the object.
    pub(super) fn writes(&self, writer: &Rc<Writer>) {
        let mut writers = self.writers.borrow_mut();
        writers.retain(|writer| writer.strong_count() > 0);
        writers.push(Rc::downgrade(writer));
    }

    /// Gives up a watch; `None` if there is none with this ID.
    pub(super) fn forget_watch(&self, id: i64) -> Option<Rc<Watch>> {
        self.watches.borrow_mut().remove(&id)
    }

    /// Timeout of a call in ms.
    pub(super) fn timeout(&self, call: &Invocation, option: Name) -> i64 {
        call.options.given_int(option).unwrap_or(self.store.api.timeout)
    }

    /// A function that runs a command prefix with two numbers.
    pub(super) fn progress(&self, call: &Invocation, option: Name) -> Result<Option<Progress>> {
        let Some(given) = call.options.given(option) else { return Ok(None) };
        let (words, connection) = (prefix(&given.obj)?, Rc::clone(&self.js.connection));
        Ok(Some(Box::new(move |bytes, total| connection.run_callback(&words, [Obj::uint(bytes), Obj::int(total)]))))
    }

    /// Runs `work`: the call waits for its result, or has it told to the `callback` option's command.
    pub(super) fn run(
        self: &Rc<Self>,
        call: &Invocation,
        callback: Name,
        work: impl Future<Output = Result<Obj>> + 'static,
    ) -> Result<Reply> {
        let Some(given) = call.options.given(callback) else { return block(call.interp, work) };
        let words = prefix(&given.obj)?;
        let id = self.last_task.get() + 1;
        self.last_task.set(id);
        let (target, connection) = (Rc::downgrade(self), Rc::clone(&self.js.connection));
        let done = move |outcome: Result<Obj>| {
            if let Some(state) = Weak::upgrade(&target) {
                state.tasks.borrow_mut().remove(&id);
            }
            let Some(kept) = connection.home.live() else { return };
            let args = match outcome {
                Ok(value) => [value, Obj::empty()],
                Err(error) => [Obj::empty(), told(kept.interp(), error)],
            };
            connection.run_callback(&words, args);
        };
        // Not before this call has returned.
        let begin = Slot::new();
        let start = Rc::clone(&begin);
        let task = Task::spawn(
            async move {
                begin.next().await;
                work.await
            },
            Box::new(done),
        );
        self.tasks.borrow_mut().insert(id, task);
        later(Box::new(move || start.push(())));
        Ok(Reply::Empty)
    }
}

/// A bucket's name.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn bucket_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_bucket(&name) { Ok(name) } else { Err(Argument::BucketName(name).into()) }
}

/// An object's name.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn object_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if name.is_empty() { Err(Argument::ObjectName.into()) } else { Ok(name) }
}
