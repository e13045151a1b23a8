//! Pending calls to the server, and what takes their answers.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use rustc_hash::FxHashMap;

use super::task::Slot;
use super::turns::Turns;
use crate::engine::{CallId, End, Message};

/// Number of callbacks of asynchronous calls that may be on the stack. With more, Tcl's limit of nested evaluations comes near.
const NESTED_ANSWERS: u32 = 100;

/// An answer to a call.
pub(crate) enum Answer {
    /// A reply.
    Reply(Message),
    /// The end of the call.
    End(End),
}

/// Runs for each answer of a call; may run scripts.
pub(super) type Handler = Rc<dyn Fn(Answer)>;

/// What takes the answers to a call.
enum Pending {
    /// A task that awaits it.
    Slot(Rc<Slot<Answer>>),
    /// The same, together with those to other calls.
    Common(Rc<dyn Fn(CallId, Answer)>),
    /// A task that awaits a round trip.
    RoundTrip(Rc<Slot<Answer>>),
    /// A callback.
    Handler {
        /// Replies that may still come.
        left: Cell<u64>,
        run: Handler,
    },
    /// A part of the library that takes everything on a subject.
    Listener(Handler),
}

impl Pending {
    /// No answers will come any more: tells the task that awaits them.
    fn close(self, id: CallId) {
        match self {
            Pending::Slot(slot) | Pending::RoundTrip(slot) => slot.push(Answer::End(End::Closed)),
            Pending::Common(take) => take(id, Answer::End(End::Closed)),
            Pending::Handler { .. } | Pending::Listener(_) => {}
        }
    }
}

/// The pending calls of a connection.
pub(crate) struct Calls {
    pending: RefCell<FxHashMap<CallId, Pending>>,
    /// Answers that go to callbacks. Those that come while too many callbacks are on the stack wait until one returns.
    turns: Rc<Turns<(CallId, Answer)>>,
    /// What is to run for the owners of counted calls.
    owners: RefCell<FxHashMap<CallId, Rc<dyn Fn()>>>,
    /// No answers come any more: a task that has not heard of that yet may still ask.
    over: Cell<bool>,
}

impl Calls {
    /// No calls.
    pub(crate) fn new() -> Rc<Calls> {
        Rc::new_cyclic(|calls: &Weak<Calls>| {
            let calls = Weak::clone(calls);
            let run = move |(id, answer)| {
                if let Some(calls) = calls.upgrade() {
                    calls.hand_over(id, answer);
                }
            };
            Calls {
                pending: RefCell::default(),
                turns: Turns::released(NESTED_ANSWERS, Rc::new(run)),
                owners: RefCell::default(),
                over: Cell::new(false),
            }
        })
    }

    /// A call whose answers a task awaits.
    pub(super) fn await_answers(&self, id: CallId) -> Rc<Slot<Answer>> {
        let slot = Slot::new();
        self.await_in(id, Pending::Slot(Rc::clone(&slot)));
        slot
    }

    /// A call whose answers a task awaits together with other things; `take` puts them there.
    pub(super) fn await_among(&self, id: CallId, take: &Rc<dyn Fn(CallId, Answer)>) {
        self.await_in(id, Pending::Common(Rc::clone(take)));
    }

    /// A round trip whose answer a task awaits.
    pub(super) fn await_return(&self, id: CallId) -> Rc<Slot<Answer>> {
        let slot = Slot::new();
        self.await_in(id, Pending::RoundTrip(Rc::clone(&slot)));
        slot
    }

    fn await_in(&self, id: CallId, pending: Pending) {
        if self.over.get() {
            pending.close(id);
        } else {
            self.pending.borrow_mut().insert(id, pending);
        }
    }

    /// Forgets the round trips under way, and gives the slots of the tasks that await them.
    pub(super) fn take_round_trips(&self) -> Vec<(CallId, Rc<Slot<Answer>>)> {
        let mut pending = self.pending.borrow_mut();
        let mut taken: Vec<_> = pending
            .iter()
            .filter_map(|(id, pending)| match pending {
                Pending::RoundTrip(slot) => Some((*id, Rc::clone(slot))),
                _ => None,
            })
            .collect();
        taken.sort_unstable_by_key(|(id, _)| *id);
        pending.retain(|_, pending| !matches!(pending, Pending::RoundTrip(_)));
        taken
    }

    /// A call whose answers, at most `left`, go to a callback.
    pub(super) fn call_back(&self, id: CallId, left: u64, run: Handler) {
        self.pending.borrow_mut().insert(id, Pending::Handler { left: Cell::new(left), run });
    }

    /// A call of a part of the library that takes everything.
    pub(super) fn listen(&self, id: CallId, run: Handler) {
        self.pending.borrow_mut().insert(id, Pending::Listener(run));
    }

    /// Forgets a call; false if it has ended.
    pub(super) fn remove(&self, id: CallId) -> bool {
        let gone = self.pending.borrow_mut().remove(&id);
        gone.is_some()
    }

    /// Forgets a call that calls back; false if there is none with this ID.
    pub(super) fn cancel(&self, id: CallId) -> bool {
        let mut pending = self.pending.borrow_mut();
        if !matches!(pending.get(&id), Some(Pending::Handler { .. })) {
            return false;
        }
        let gone = pending.remove(&id);
        drop(pending);
        // Dropping the handler's values may run code of theirs, so it must not happen while the map is borrowed.
        gone.is_some()
    }

    /// Has `run` called when the owner of counted calls has to be told; it must not run scripts.
    pub(super) fn own(&self, owner: CallId, run: Rc<dyn Fn()>) {
        self.owners.borrow_mut().insert(owner, run);
    }

    /// Forgets the owner of counted calls.
    pub(super) fn disown(&self, owner: CallId) {
        let gone = self.owners.borrow_mut().remove(&owner);
        drop(gone);
    }

    /// The owner of counted calls has to be told.
    pub(crate) fn settled(&self, owner: CallId) {
        let run = self.owners.borrow().get(&owner).cloned();
        if let Some(run) = run {
            run();
        }
    }

    /// Forgets all callbacks and listeners.
    pub(crate) fn forget_callbacks(&self) {
        let all = self.pending.take();
        let (kept, gone): (FxHashMap<_, _>, FxHashMap<_, _>) =
            all.into_iter().partition(|(_, pending)| !matches!(pending, Pending::Handler { .. } | Pending::Listener(_)));
        *self.pending.borrow_mut() = kept;
        drop(gone);
    }

    /// No answers will come any more: ends the calls that tasks await, those that they make from now on too, and forgets the others.
    pub(crate) fn abandon(&self) {
        self.over.set(true);
        let all = self.pending.take();
        all.into_iter().for_each(|(id, pending)| pending.close(id));
        let owners: Vec<CallId> = self.owners.borrow().keys().copied().collect();
        owners.into_iter().for_each(|owner| self.settled(owner));
    }

    /// Takes an answer. Where callbacks are nested too deep, it waits until one of them returns.
    pub(crate) fn answer(&self, id: CallId, answer: Answer) {
        let bounded = matches!(self.pending.borrow().get(&id), Some(Pending::Handler { .. }));
        if bounded {
            self.turns.take((id, answer));
        } else {
            self.hand_over(id, answer);
        }
    }

    /// Hands an answer to its task, callback or listener.
    fn hand_over(&self, id: CallId, answer: Answer) {
        let mut pending = self.pending.borrow_mut();
        let (slot, handler, over) = match pending.get(&id) {
            None => return,
            Some(Pending::Slot(slot) | Pending::RoundTrip(slot)) => (Some(Rc::clone(slot)), None, false),
            Some(Pending::Common(take)) => {
                let take = Rc::clone(take);
                drop(pending);
                return take(id, answer);
            }
            Some(Pending::Handler { left, run }) => {
                left.set(left.get().saturating_sub(1));
                let over = left.get() == 0 || matches!(answer, Answer::End(_));
                (None, Some(Rc::clone(run)), over)
            }
            Some(Pending::Listener(run)) => (None, Some(Rc::clone(run)), matches!(answer, Answer::End(_))),
        };
        let gone = over.then(|| pending.remove(&id));
        drop(pending);
        if let Some(slot) = slot {
            slot.push(answer);
        } else if let Some(run) = handler {
            run(answer);
        }
        drop(gone);
    }
}
