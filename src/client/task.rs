//! Calls that wait for the server: futures, polled on the Tcl thread by the events that they await.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::tcl::event::Timer;

type Work = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// The task that is being polled, so that what it awaits can remember it. Empty between polls.
    static CURRENT: RefCell<Option<Rc<Task>>> = const { RefCell::new(None) };
}

/// A future that has been started.
pub(crate) struct Task {
    work: RefCell<Option<Work>>,
    /// The work that is being polled at this moment is to be dropped instead of kept.
    cancelled: Cell<bool>,
}

impl Task {
    /// Starts `work`; `done` gets the outcome, at once if nothing has to be awaited.
    pub(crate) fn spawn<T: 'static>(work: impl Future<Output = T> + 'static, done: Box<dyn FnOnce(T)>) -> Rc<Task> {
        let work = async move {
            let outcome = work.await;
            done(outcome);
        };
        let task = Rc::new(Task { work: RefCell::new(Some(Box::pin(work))), cancelled: Cell::new(false) });
        task.poll();
        task
    }

    /// Drops the work: what it awaits is cancelled, and `done` is not called.
    pub(crate) fn cancel(&self) {
        self.cancelled.set(true);
        let work = self.work.try_borrow_mut().ok().and_then(|mut work| work.take());
        drop(work);
    }

    fn poll(self: &Rc<Self>) {
        let Some(mut work) = self.work.borrow_mut().take() else { return };
        let outer = CURRENT.replace(Some(Rc::clone(self)));
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        CURRENT.set(outer);
        if polled.is_pending() && !self.cancelled.get() {
            *self.work.borrow_mut() = Some(work);
        }
    }
}

/// A queue between events and the one task that awaits it.
pub(crate) struct Slot<T> {
    items: RefCell<VecDeque<T>>,
    task: RefCell<Option<Rc<Task>>>,
}

impl<T> Slot<T> {
    /// An empty queue.
    pub(crate) fn new() -> Rc<Slot<T>> {
        Rc::new(Slot { items: RefCell::default(), task: RefCell::new(None) })
    }

    /// Adds an item and lets the task that awaits it go on.
    pub(crate) fn push(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        let task = self.task.borrow_mut().take();
        if let Some(task) = task {
            task.poll();
        }
    }

    /// The next item.
    pub(crate) fn next(&self) -> impl Future<Output = T> + '_ {
        std::future::poll_fn(move |_| match self.items.borrow_mut().pop_front() {
            Some(item) => Poll::Ready(item),
            None => {
                *self.task.borrow_mut() = CURRENT.with(|current| current.borrow().clone());
                Poll::Pending
            }
        })
    }
}

/// Waits for so long.
pub(crate) async fn pause(time: Duration) {
    let over = Slot::new();
    let end = Rc::clone(&over);
    // Rounded up: a timer that fires early would be a shorter pause.
    let _timer = Timer::after(time.as_micros().div_ceil(1000) as u64, Box::new(move || end.push(())));
    over.next().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_wakes_its_task() {
        let (slot, seen) = (Slot::new(), Rc::new(RefCell::new(Vec::new())));
        let (from, to) = (Rc::clone(&slot), Rc::clone(&seen));
        slot.push(1);
        let task = Task::spawn(
            async move {
                for _ in 0..3 {
                    let next = from.next().await;
                    to.borrow_mut().push(next);
                }
                "end"
            },
            Box::new({
                let seen = Rc::clone(&seen);
                move |end| seen.borrow_mut().push(i32::from(end == "end") * 100)
            }),
        );
        assert_eq!(*seen.borrow(), [1]);
        slot.push(2);
        slot.push(3);
        slot.push(4);
        assert_eq!(*seen.borrow(), [1, 2, 3, 100]);
        task.cancel();
    }

    #[test]
    fn a_cancelled_task_is_dropped() {
        let slot: Rc<Slot<i32>> = Slot::new();
        let from = Rc::clone(&slot);
        let task = Task::spawn(async move { from.next().await }, Box::new(|_| panic!("cancelled")));
        assert_eq!(Rc::strong_count(&slot), 2);
        task.cancel();
        assert_eq!(Rc::strong_count(&slot), 1);
        slot.push(1);
    }
}
