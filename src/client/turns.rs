//! Callbacks in order, each as an event of its own, with a limit to how many may be on the stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use crate::rules::pace::SLICE;
use crate::tcl::event::{after_others, later};
use crate::tcl::script::note_script;

/// Function that takes an item when its turn has come.
type Run<T> = Rc<dyn Fn(T)>;

/// Items that wait for their turn.
pub(crate) struct Turns<T> {
    run: RefCell<Option<Run<T>>>,
    queue: RefCell<VecDeque<T>>,
    /// Whether the call that began them has returned.
    released: Cell<bool>,
    /// Whether an event that runs the next one is queued.
    scheduled: Cell<bool>,
    /// Start of the time for which they have followed each other.
    slice: Cell<Option<Instant>>,
    /// Number of them on the stack.
    depth: Cell<u32>,
    /// Greatest number on the stack. With more, Tcl's limit of nested evaluations comes near.
    most: u32,
}

impl<T: 'static> Turns<T> {
    /// An empty queue, of which nothing runs before [`Turns::release`]. `run` may run scripts; `most` of them may be on the
    /// stack.
    pub(crate) fn new(most: u32, run: Run<T>) -> Rc<Turns<T>> {
        Rc::new(Turns {
            run: RefCell::new(Some(run)),
            queue: RefCell::default(),
            released: Cell::new(false),
            scheduled: Cell::new(false),
            slice: Cell::new(None),
            depth: Cell::new(0),
            most,
        })
    }

    /// Turns that need no [`Turns::release`].
    pub(crate) fn released(most: u32, run: Run<T>) -> Rc<Turns<T>> {
        let turns = Turns::new(most, run);
        turns.released.set(true);
        turns
    }

    /// Runs one at once, unless others wait or the stack is full: then it waits for its turn.
    pub(crate) fn take(self: &Rc<Self>, item: T) {
        if self.released.get() && self.depth.get() < self.most && self.queue.borrow().is_empty() {
            return self.run(item);
        }
        self.push(item);
    }

    /// Adds one.
    pub(crate) fn push(self: &Rc<Self>, item: T) {
        if self.has_ended() {
            return;
        }
        self.queue.borrow_mut().push_back(item);
        // One turn for each event: items must not arrive faster than turns run.
        note_script();
        self.schedule();
    }

    /// Whether [`Turns::end`] was called.
    pub(crate) fn has_ended(&self) -> bool {
        self.run.borrow().is_none()
    }

    /// Drops all items; nothing runs any more.
    pub(crate) fn end(&self) {
        // Dropping the values may run code of theirs, so it must not happen while anything is borrowed.
        let gone = (self.run.take(), self.queue.take());
        drop(gone);
    }

    /// Lets turns run, but none before the call that began them has returned. Inside a coroutine that happens in an event that is
    /// queued after this one.
    pub(crate) fn release(self: &Rc<Self>) {
        let turns = Rc::clone(self);
        later(Box::new(move || {
            later(Box::new(move || {
                turns.released.set(true);
                turns.schedule();
            }));
        }));
    }

    /// Does work that may run an event loop, and to which the items behind the present one must not catch up.
    pub(crate) fn hold<R>(self: &Rc<Self>, work: impl FnOnce() -> R) -> R {
        let released = self.released.replace(false);
        let outcome = work();
        self.released.set(released);
        self.schedule();
        outcome
    }

    fn schedule(self: &Rc<Self>) {
        let idle = self.queue.borrow().is_empty() || !self.released.get();
        if idle || self.scheduled.replace(true) {
            return;
        }
        let turns = Rc::clone(self);
        let work = Box::new(move || turns.run_one());
        let since = self.slice.get().unwrap_or_else(Instant::now);
        if since.elapsed() < SLICE {
            self.slice.set(Some(since));
            later(work);
        } else {
            self.slice.set(None);
            after_others(work);
        }
    }

    /// Runs one. The event for the next is queued before that, so that an event loop inside it goes on.
    fn run_one(self: &Rc<Self>) {
        self.scheduled.set(false);
        if self.depth.get() >= self.most || !self.released.get() {
            return;
        }
        let next = self.queue.borrow_mut().pop_front();
        let Some(item) = next else { return };
        if self.queue.borrow().is_empty() {
            self.slice.set(None);
        }
        self.schedule();
        self.run(item);
    }

    fn run(self: &Rc<Self>, item: T) {
        let Some(run) = self.run.borrow().clone() else { return };
        self.depth.set(self.depth.get() + 1);
        run(item);
        self.depth.set(self.depth.get() - 1);
        // Where the stack was full, nothing was scheduled.
        self.schedule();
    }
}
