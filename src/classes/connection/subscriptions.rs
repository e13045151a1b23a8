//! The subscriptions of a connection on the Tcl thread: whose callbacks run, how many may be on the stack, when they end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::bridge::callbacks::Callbacks;
use crate::bridge::messages::{Coding, dict_in, payload_in};
use crate::engine::{Message, SubId};
use crate::tcl::Obj;

/// Number of callbacks of one subscription that may be on the stack. With more, Tcl's limit of nested evaluations comes near.
/// Other subscriptions go on: one of them may be what the callbacks wait for.
pub(crate) const NESTED_CALLBACKS: u32 = 32;

/// A part of the library that takes the messages of a subscription.
pub(crate) struct Sink {
    /// Takes a message; may run scripts.
    pub take: Box<dyn Fn(Message)>,
    /// Whether it has room for another one; [`crate::bridge::delivery::release`] tells when it has again.
    pub has_room: Box<dyn Fn() -> bool>,
    /// The last message has been taken.
    pub ended: Box<dyn Fn()>,
}

/// What takes the messages of a subscription.
enum Taker {
    /// Nobody: they are counted.
    None,
    /// A callback prefix, and whether it gets dicts.
    Callback(Vec<Obj>, bool),
    /// A part of the library.
    Sink(Sink),
}

/// One subscription.
pub(crate) struct Subscription {
    taker: Taker,
    /// Number of deliveries after which it ends.
    max: Cell<Option<u64>>,
    /// Number of deliveries so far.
    count: Cell<u64>,
    /// The latest subject as a value, since messages of a subscription often have the same one.
    subject: RefCell<Option<Obj>>,
    /// Number of its callbacks that are on the stack.
    depth: Cell<u32>,
    /// Whether it has ended, so that nothing is delivered any more.
    over: Cell<bool>,
    /// Whether its connection was closed: the ID is invalid, though callbacks of queued messages still run.
    forgotten: Cell<bool>,
}

impl Subscription {
    /// A subscription that has had no message yet.
    pub(crate) fn new(callback: Vec<Obj>, dicts: bool, max: Option<u64>) -> Subscription {
        let taker = if callback.is_empty() { Taker::None } else { Taker::Callback(callback, dicts) };
        Subscription::of(taker, max)
    }

    /// One whose messages a part of the library takes.
    pub(crate) fn into_sink(sink: Sink) -> Subscription {
        Subscription::of(Taker::Sink(sink), None)
    }

    fn of(taker: Taker, max: Option<u64>) -> Subscription {
        Subscription {
            taker,
            max: Cell::new(max),
            count: Cell::new(0),
            subject: RefCell::default(),
            depth: Cell::new(0),
            over: Cell::new(false),
            forgotten: Cell::new(false),
        }
    }

    /// Whether messages are only counted.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.taker, Taker::None)
    }

    /// Ends it after `max` messages counted from its start, or now. Gives the number still to come; `None` if it has ended.
    pub(crate) fn limit(&self, max: Option<u64>) -> Option<u64> {
        let max = max.filter(|max| self.count.get() < *max);
        match max {
            Some(_) => self.max.set(max),
            None => self.over.set(true),
        }
        max
    }

    /// Counts a message; false if it is beyond the limit.
    fn admit(&self) -> bool {
        if self.over.get() {
            return false;
        }
        let count = self.count.get() + 1;
        self.count.set(count);
        if self.max.get().is_some_and(|max| count >= max) {
            self.over.set(true);
        }
        true
    }

    fn subject_value(&self, subject: &str) -> Obj {
        let mut latest = self.subject.borrow_mut();
        if let Some(value) = latest.as_ref().filter(|value| value.raw_str() == subject.as_bytes()) {
            return value.clone();
        }
        let value = Obj::text(subject);
        *latest = Some(value.clone());
        value
    }
}

/// The subscriptions of a connection.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// Running ones by their ID, and ended ones until their last message has been handled.
    table: RefCell<FxHashMap<SubId, Rc<Subscription>>>,
    /// Number of callbacks of all of them that are on the stack.
    depth: Cell<u32>,
    /// Number of those that a part of the library takes.
    sinks: Cell<usize>,
}

impl Subscriptions {
    /// Adds one.
    pub(crate) fn add(&self, id: SubId, subscription: Subscription) {
        if matches!(subscription.taker, Taker::Sink(_)) {
            self.sinks.set(self.sinks.get() + 1);
        }
        self.table.borrow_mut().insert(id, Rc::new(subscription));
    }

    /// A script's one with this ID, if that is still valid.
    pub(crate) fn find(&self, id: SubId) -> Option<Rc<Subscription>> {
        let found = self.table.borrow().get(&id).cloned();
        found.filter(|s| !s.over.get() && !s.forgotten.get() && !matches!(s.taker, Taker::Sink(_)))
    }

    /// Drops what is queued of one.
    pub(crate) fn discard(&self, id: SubId) {
        if let Some(subscription) = self.table.borrow().get(&id) {
            subscription.over.set(true);
        }
    }

    /// Removes one whose last message has been handled.
    pub(crate) fn remove(&self, id: SubId) {
        let ended = self.table.borrow_mut().remove(&id);
        let Some(ended) = ended else { return };
        if let Taker::Sink(sink) = &ended.taker {
            self.sinks.set(self.sinks.get() - 1);
            (sink.ended)();
        }
    }

    /// Makes all IDs invalid; callbacks of queued messages still run.
    pub(crate) fn forget(&self) {
        for subscription in self.table.borrow().values() {
            subscription.forgotten.set(true);
        }
    }

    /// Whether another callback of the subscription may be put on the stack.
    pub(crate) fn has_room(&self, id: SubId) -> bool {
        let shallow = self.depth.get() < NESTED_CALLBACKS;
        // Nothing is on the stack in most cases.
        if shallow && self.sinks.get() == 0 {
            return true;
        }
        let subscription = self.table.borrow().get(&id).cloned();
        subscription.is_none_or(|subscription| {
            let room = shallow || subscription.depth.get() < NESTED_CALLBACKS;
            room && match &subscription.taker {
                Taker::Sink(sink) => subscription.over.get() || (sink.has_room)(),
                Taker::None | Taker::Callback(..) => true,
            }
        })
    }

    /// Has the message taken, by a callback in most cases; true if one has run.
    pub(crate) fn deliver(&self, callbacks: &Callbacks, coding: Coding, id: SubId, message: Message) -> bool {
        let Some(subscription) = self.table.borrow().get(&id).cloned() else { return false };
        if !subscription.admit() || subscription.is_silent() {
            return false;
        }
        subscription.depth.set(subscription.depth.get() + 1);
        self.depth.set(self.depth.get() + 1);
        match &subscription.taker {
            Taker::None => {}
            Taker::Callback(prefix, dicts) => {
                let args = [
                    subscription.subject_value(message.subject()),
                    if *dicts { dict_in(coding, &message, id) } else { payload_in(coding, message.payload()) },
                    message.reply().map_or_else(|| callbacks.empty().clone(), Obj::text),
                ];
                callbacks.run(prefix, args);
            }
            Taker::Sink(sink) => (sink.take)(message),
        }
        self.depth.set(self.depth.get() - 1);
        subscription.depth.set(subscription.depth.get() - 1);
        true
    }
}
