//! Calls to the server and who takes their answers.

use std::cell::Cell;
use std::rc::Rc;

use super::state::{Answer, Connection, Handler, Pending};
use crate::bridge::errors::Result;
use crate::bridge::task::Slot;
use crate::engine::{CallId, Mode, RequestSpec};
use crate::tcl::event::later;
use crate::tcl::script::note_script;

/// Callbacks of asynchronous calls that may be on the stack: beyond, Tcl's own limit of nested evaluations comes near.
const NESTED_ANSWERS: u32 = 100;

/// A call whose answers a task awaits. Dropped before its end, it is cancelled.
pub struct Calling {
    connection: Rc<Connection>,
    id: CallId,
    slot: Rc<Slot<Answer>>,
    /// The first reply is the end as well.
    single: bool,
    ended: Cell<bool>,
}

impl Calling {
    fn new(connection: &Rc<Connection>, id: CallId, single: bool) -> Calling {
        let slot = Slot::new();
        connection.calls.borrow_mut().insert(id, Pending::Slot(Rc::clone(&slot)));
        Calling { connection: Rc::clone(connection), id, slot, single, ended: Cell::new(false) }
    }

    /// The number of the call.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The next answer; none comes after an [`Answer::End`].
    pub async fn next(&self) -> Answer {
        let answer = self.slot.next().await;
        if self.single || matches!(answer, Answer::End(_)) {
            self.ended.set(true);
        }
        answer
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.connection.calls.borrow_mut().remove(&self.id);
        if !self.ended.get() {
            self.connection.engine.cancel(self.id);
        }
    }
}

/// A subscription of the library itself; dropped, it ends.
pub struct Listening {
    connection: Rc<Connection>,
    id: CallId,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let pending = self.connection.calls.borrow_mut().remove(&self.id);
        if pending.is_some() {
            self.connection.engine.cancel(self.id);
        }
    }
}

impl Connection {
    /// Subscribes for the library itself: everything that comes, statuses included, goes to `run`, the end of the connection
    /// as [`Answer::End`] too.
    ///
    /// # Errors
    /// `ErrConnectionClosed`.
    pub fn listen(self: &Rc<Self>, subject: &str, run: Handler) -> Result<Listening> {
        self.open_or_error()?;
        let id = self.engine.listen(subject)?;
        self.calls.borrow_mut().insert(id, Pending::Listener(run));
        Ok(Listening { connection: Rc::clone(self), id })
    }

    /// Sends a request whose answers a task awaits.
    pub fn call(self: &Rc<Self>, spec: RequestSpec) -> Result<Calling> {
        self.open_or_error()?;
        let single = matches!(spec.mode, Mode::Shared);
        let id = self.engine.request(spec)?;
        Ok(Calling::new(self, id, single))
    }

    /// Sends a request whose answers go to a callback form.
    pub fn call_back(self: &Rc<Self>, spec: RequestSpec, run: Handler) -> Result<CallId> {
        self.open_or_error()?;
        let left = match spec.mode {
            Mode::Shared => 1,
            Mode::Own { max } | Mode::Pull { max, .. } => max,
        };
        let id = self.engine.request(spec)?;
        self.calls.borrow_mut().insert(id, Pending::Handler { left: Cell::new(left), run });
        Ok(id)
    }

    /// Sends a round trip.
    pub fn round_trip(self: &Rc<Self>, timeout: Option<std::time::Duration>) -> Calling {
        let id = self.engine.ping(timeout);
        Calling::new(self, id, false)
    }

    /// Ends a callback form silently, for good; false if there is none with this ID.
    pub fn cancel(&self, id: CallId) -> bool {
        let mut calls = self.calls.borrow_mut();
        if !matches!(calls.get(&id), Some(Pending::Handler { .. })) {
            return false;
        }
        let pending = calls.remove(&id);
        drop(calls);
        // The handler's values may run code of their own when they go: not while the map is borrowed.
        drop(pending);
        self.engine.cancel(id);
        true
    }

    /// Takes an answer. Callback forms that are nested too deep wait until one of them returns.
    pub(super) fn answer(self: &Rc<Self>, id: CallId, answer: Answer) {
        if !matches!(self.calls.borrow().get(&id), Some(Pending::Handler { .. })) {
            return self.hand_over(id, answer);
        }
        let full = self.answer_depth.get() >= NESTED_ANSWERS;
        let mut held = self.held_answers.borrow_mut();
        if full || !held.is_empty() {
            note_script();
            return held.push_back((id, answer));
        }
        drop(held);
        self.run_answer(id, answer);
    }

    fn run_answer(self: &Rc<Self>, id: CallId, answer: Answer) {
        self.answer_depth.set(self.answer_depth.get() + 1);
        self.hand_over(id, answer);
        self.answer_depth.set(self.answer_depth.get() - 1);
        if !self.held_answers.borrow().is_empty() {
            let connection = Rc::clone(self);
            // An event of its own: one event, one callback.
            later(Box::new(move || connection.next_held()));
        }
    }

    fn next_held(self: &Rc<Self>) {
        if self.answer_depth.get() >= NESTED_ANSWERS {
            return;
        }
        let held = self.held_answers.borrow_mut().pop_front();
        if let Some((id, answer)) = held {
            let _kept = self.home.live();
            self.run_answer(id, answer);
        }
    }

    /// Hands an answer to whoever waits for it.
    fn hand_over(self: &Rc<Self>, id: CallId, answer: Answer) {
        let mut calls = self.calls.borrow_mut();
        let (slot, handler, over) = match calls.get(&id) {
            None => return,
            Some(Pending::Slot(slot)) => (Some(Rc::clone(slot)), None, false),
            Some(Pending::Handler { left, run }) => {
                left.set(left.get().saturating_sub(1));
                let over = left.get() == 0 || matches!(answer, Answer::End(_));
                (None, Some(Rc::clone(run)), over)
            }
            Some(Pending::Listener(run)) => (None, Some(Rc::clone(run)), matches!(answer, Answer::End(_))),
        };
        let gone = over.then(|| calls.remove(&id));
        drop(calls);
        if let Some(slot) = slot {
            slot.push(answer);
        } else if let Some(run) = handler {
            run(self, answer);
        }
        drop(gone);
    }
}
