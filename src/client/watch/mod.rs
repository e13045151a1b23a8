//! A stream that is followed for watches and readers of dialect 2 and of object stores: its initial data and their end, then
//! whatever comes, over all losses of consumers, connections and streams.

mod making;
mod run;
mod state;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub(crate) use state::{Delivered, Reason, Request, Sink};

use super::api::Api;
use super::fault::Fault;
use super::ordered::Feed;
use super::task::Task;
use crate::rules::progress::Progress;
use state::Inner;

/// Time between checks where there are no heartbeats.
const PACE: Duration = Duration::from_millis(5000);

/// Such a stream; dropped, it ends and removes its consumer from the server.
pub(crate) struct Consumer(Rc<Inner>);

impl Consumer {
    /// Nothing is sent yet.
    pub(crate) fn new(api: &Rc<Api>, request: Request, sink: Sink) -> Consumer {
        let pace = if request.heartbeat > 0 { Duration::from_millis(request.heartbeat as u64) } else { PACE };
        let now = Instant::now();
        Consumer(Rc::new(Inner {
            feed: Feed::new(api, &request.stream, &request.access, Progress::order(request.start), pace),
            progress: RefCell::new(Progress::new(request.start)),
            request,
            sink,
            trouble: RefCell::default(),
            begun: Cell::default(),
            mute: Cell::new(false),
            mutes: Cell::new(0),
            connected_at: Cell::new(now),
            probe_at: Cell::new(now),
        }))
    }

    /// Sets what is known of the stream, so that a new one of the same name is recognised.
    pub(crate) fn knows(&self, created: &str, last_seq: u64) {
        let mut order = self.0.feed.consumers.order.borrow_mut();
        let place = order.place();
        order.stream(created, last_seq, place);
    }

    /// [`Consumer::knows`] by asking the server, without waiting for that; a user who may not ask does without.
    pub(crate) fn learn(&self) {
        let inner = Rc::clone(&self.0);
        let work = async move { inner.look_at_stream().await };
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
        self.0.feed.run(run::run(Rc::clone(&self.0)));
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let feed = &self.0.feed;
        feed.end();
        feed.consumers.remove();
    }
}
