//! Calls that wait for the server, as futures polled on the Tcl thread by the events that they wait for.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::errors::{Result, to_tcl};
use super::patience::PAUSE;
use crate::client::Fault;
use crate::tcl::wait::{Ended, Waiter, wait};
use crate::tcl::{Interp, Obj, Reply};

type Work = Pin<Box<dyn Future<Output = Result<Obj>>>>;
type Done = Box<dyn FnOnce(Result<Obj>)>;

thread_local! {
    /// The task that is being polled: what it awaits remembers it. Empty between polls.
    static CURRENT: RefCell<Option<Rc<Task>>> = const { RefCell::new(None) };
}

/// A future on its way.
pub struct Task {
    work: RefCell<Option<Work>>,
    done: Cell<Option<Done>>,
}

impl Task {
    /// Starts `work`; `done` gets the outcome, at once if nothing has to be waited for.
    pub fn spawn(work: impl Future<Output = Result<Obj>> + 'static, done: Done) -> Rc<Task> {
        let task = Rc::new(Task { work: RefCell::new(Some(Box::pin(work))), done: Cell::new(Some(done)) });
        task.poll();
        task
    }

    /// Drops the work: what it waits for is cancelled, `done` is not called.
    pub fn cancel(&self) {
        self.done.take();
        let work = self.work.try_borrow_mut().ok().and_then(|mut work| work.take());
        drop(work);
    }

    fn poll(self: &Rc<Self>) {
        let Some(mut work) = self.work.borrow_mut().take() else { return };
        let outer = CURRENT.replace(Some(Rc::clone(self)));
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        CURRENT.set(outer);
        match polled {
            Poll::Pending => *self.work.borrow_mut() = Some(work),
            Poll::Ready(outcome) => {
                drop(work);
                if let Some(done) = self.done.take() {
                    done(outcome);
                }
            }
        }
    }
}

/// A queue between events and the one task that awaits it.
pub struct Slot<T> {
    items: RefCell<VecDeque<T>>,
    task: RefCell<Option<Rc<Task>>>,
}

impl<T> Slot<T> {
    /// An empty queue.
    pub fn new() -> Rc<Slot<T>> {
        Rc::new(Slot { items: RefCell::default(), task: RefCell::new(None) })
    }

    /// Adds an item and lets the task that awaits it go on.
    pub fn push(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        let task = self.task.borrow_mut().take();
        if let Some(task) = task {
            task.poll();
        }
    }

    /// The next item.
    pub fn next(&self) -> impl Future<Output = T> + '_ {
        std::future::poll_fn(move |_| match self.items.borrow_mut().pop_front() {
            Some(item) => Poll::Ready(item),
            None => {
                *self.task.borrow_mut() = CURRENT.with(|current| current.borrow().clone());
                Poll::Pending
            }
        })
    }
}

/// Runs `work` and waits for its result: in a nested event loop, or by a yield inside a coroutine.
pub fn block(interp: Interp, work: impl Future<Output = Result<Obj>> + 'static) -> Result<Reply> {
    let waiter = Waiter::new();
    let outcome: Rc<Cell<Option<Result<Obj>>>> = Rc::new(Cell::new(None));
    let done: Done = {
        let (waiter, outcome) = (Rc::clone(&waiter), Rc::clone(&outcome));
        Box::new(move |result| {
            outcome.set(Some(result));
            waiter.complete();
        })
    };
    let task = Task::spawn(work, done);
    let finish = move |interp: Interp, ended: Ended| {
        if ended == Ended::Dropped {
            task.cancel();
        }
        outcome.take().unwrap_or_else(|| Err(Fault::Closed.into())).map_err(|error| to_tcl(interp, error))
    };
    Ok(wait(interp, &waiter, &PAUSE, Box::new(finish))?)
}
