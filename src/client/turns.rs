//! Callbacks in order, each an event of its own, no more of them on the stack than Tcl can bear.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::tcl::event::{after_others, later};
use crate::tcl::script::note_script;

/// How long callbacks may follow each other before timers and files are looked at.
const SLICE: Duration = Duration::from_millis(1);

/// What is done with one of those that wait.
type Run<T> = Rc<dyn Fn(T)>;

/// What waits for its turn, and what is done with it.
pub(crate) struct Turns<T> {
    run: RefCell<Option<Run<T>>>,
    queue: RefCell<VecDeque<T>>,
    /// The call that began them has returned.
    released: Cell<bool>,
    /// An event that runs the next one is queued.
    scheduled: Cell<bool>,
    /// Since when they have followed each other.
    slice: Cell<Option<Instant>>,
    /// How many are on the stack.
    depth: Cell<u32>,
    /// How many may be: beyond, Tcl's own limit of nested evaluations comes near.
    most: u32,
}

impl<T: 'static> Turns<T> {
    /// Nothing waits yet, and nothing runs before [`Turns::release`]. `run` may run scripts; `most` of them may be on the stack.
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

    /// Takes one at once, unless others wait or the stack is full: then it waits for its turn.
    pub(crate) fn take(self: &Rc<Self>, item: T) {
        if self.depth.get() < self.most && self.queue.borrow().is_empty() {
            return self.run(item);
        }
        self.push(item);
    }

    /// One more.
    pub(crate) fn push(self: &Rc<Self>, item: T) {
        if self.has_ended() {
            return;
        }
        self.queue.borrow_mut().push_back(item);
        // One turn for each event: items must not come in faster than turns run.
        note_script();
        self.schedule();
    }

    /// Whether [`Turns::end`] was called.
    pub(crate) fn has_ended(&self) -> bool {
        self.run.borrow().is_none()
    }

    /// Nothing runs any more.
    pub(crate) fn end(&self) {
        // Values are dropped when nothing is borrowed any more: they may run code of their own.
        let gone = (self.run.take(), self.queue.take());
        drop(gone);
    }

    /// Lets turns run, though none before the call that began them has returned: inside a coroutine that happens in an event which is
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

    /// Runs one; the event for the next is queued before, so that an event loop in there goes on.
    fn run_one(self: &Rc<Self>) {
        self.scheduled.set(false);
        if self.depth.get() >= self.most {
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
