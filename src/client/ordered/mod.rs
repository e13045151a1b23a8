//! The ordered consumer (NATS ADR-17) at work: each message of a stream once and in order, whatever happens to the server's
//! consumer.

mod access;
mod flow;
mod follow;
mod inner;
mod make;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

pub(crate) use access::{Access, Form, created};
pub(crate) use inner::{Delivered, Reason, Request, Sink};

use crate::client::api::Api;
use crate::client::conn::Observer;
use crate::client::fault::Fault;
use crate::client::task::{Slot, Task};
use crate::rules::progress::Progress;
use inner::{Inner, Input};

/// An ordered consumer; dropped, it ends and removes its consumer from the server.
pub(crate) struct Consumer(Rc<Inner>);

impl Consumer {
    /// Nothing is sent yet.
    pub(crate) fn new(api: &Rc<Api>, request: Request, sink: Sink) -> Consumer {
        let inputs: Rc<Slot<Input>> = Slot::new();
        let for_observer = Rc::clone(&inputs);
        let observer: Rc<Observer> = Rc::new(move |state| for_observer.push(Input::State(state)));
        api.client.observe(&observer);
        let now = Instant::now();
        Consumer(Rc::new(Inner {
            api: Rc::clone(api),
            progress: RefCell::new(Progress::new(request.start)),
            request,
            sink,
            inputs,
            trouble: RefCell::default(),
            number: Cell::new(0),
            name: RefCell::default(),
            listening: RefCell::default(),
            begun: Cell::default(),
            observer: RefCell::new(Some(observer)),
            timer: RefCell::default(),
            task: RefCell::default(),
            stopped: Cell::new(false),
            mute: Cell::new(false),
            mutes: Cell::new(0),
            probed: Cell::new(false),
            stalled: Cell::new(None),
            alive: Cell::new(now),
            connected_at: Cell::new(now),
            probe_at: Cell::new(now),
        }))
    }

    /// Sets what is known of the stream, so that a new one of the same name is recognised.
    pub(crate) fn knows(&self, created: &str, last_seq: u64) {
        let mut progress = self.0.progress.borrow_mut();
        let place = progress.order.place();
        progress.stream(created, last_seq, place);
    }

    /// [`Consumer::knows`] by asking the server, without waiting for that; a user who may not ask does without.
    pub(crate) fn learn(&self) {
        let inner = Rc::downgrade(&self.0);
        let (api, stream, access) = (Rc::clone(&self.0.api), self.0.request.stream.clone(), Rc::clone(&self.0.request.access));
        let place = self.0.progress.borrow().order.place();
        let work = async move {
            if let Some((created, last_seq)) = access.stream_state(&api, &stream).await?
                && let Some(inner) = inner.upgrade()
            {
                let mut progress = inner.progress.borrow_mut();
                if !progress.order.knows_stream() {
                    progress.stream(&created, last_seq, place);
                }
            }
            Ok(())
        };
        Task::spawn(work, Box::new(|_: Result<(), Fault>| ()));
    }

    /// Whether there was nothing to read when the consumer was made.
    pub(crate) fn found_nothing(&self) -> bool {
        self.0.progress.borrow().found_nothing()
    }

    /// Makes the first consumer; `ms` is the timeout, 0 waits for ever. Nothing is delivered before [`Consumer::follow`].
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn start(&self, ms: i64) -> Result<(), Fault> {
        self.0.make(ms).await
    }

    /// Starts to deliver, and to replace lost consumers.
    pub(crate) fn follow(&self) {
        let task = Task::spawn(follow::run(Rc::clone(&self.0)), Box::new(|_| ()));
        if !self.0.stopped.get() {
            self.0.task.replace(Some(task));
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let inner = &self.0;
        inner.stopped.set(true);
        inner.observer.take();
        inner.timer.take();
        inner.listening.take();
        inner.remove();
        let task = inner.task.take();
        if let Some(task) = task {
            task.cancel();
        }
    }
}
