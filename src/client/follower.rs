//! The ordered consumer of version 3.2.1: it follows a stream, and replaces the server's consumer when that is lost or has left something out.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use super::api::Api;
use super::conn::State;
use super::fault::Fault;
use super::ordered::{Feed, Input};
use crate::engine::Message;
use crate::rules::metadata;
use crate::rules::order::{Order, Pace, Sorted};

/// What to follow.
pub(crate) struct Request {
    /// Stream.
    pub stream: String,
    /// Configuration of the consumer as the server takes it, without its delivery subject.
    pub config: Map<String, Json>,
    /// Time between heartbeats in ms.
    pub heartbeat: i64,
    /// Runs work when everything that has arrived by then has been handled.
    pub behind_arrivals: fn(Box<dyn FnOnce()>),
}

/// What happens.
pub(crate) enum News {
    /// A message of the stream.
    Message {
        /// As it came.
        message: Message,
        /// Sequence in the stream.
        revision: u64,
        /// Time of storage, ms since the epoch.
        timestamp: i64,
        /// Messages still to come.
        pending: u64,
    },
    /// A consumer was made, with so many messages to come.
    Made(u64),
    /// A heartbeat: nothing was missed, and nothing new is there.
    Quiet,
    /// The consumer is lost or left something out: another one is being made.
    Reset(Fault),
    /// No new consumer could be made; there will be another attempt.
    Failed(Fault),
    /// The end: because of this fault, or without one because the connection was closed.
    Stopped(Option<Fault>),
}

/// Why a new consumer is needed.
#[derive(Clone, Copy)]
enum Cause {
    Silence,
    Gap,
    /// It waits for answers that the server refuses.
    Flow,
}

/// Follows a stream until it is stopped.
pub(crate) struct Follower {
    feed: Feed,
    request: Request,
    news: Box<dyn Fn(News)>,
    lost: Cell<Option<Cause>>,
}

impl Follower {
    /// Nothing is sent yet. `news` may run scripts, but not before [`Follower::follow`].
    pub(crate) fn new(api: &Rc<Api>, request: Request, news: Box<dyn Fn(News)>) -> Rc<Follower> {
        let pace = Duration::from_millis(request.heartbeat.max(1) as u64);
        Rc::new(Follower {
            // The place of the first consumer counts whatever was wished: so it does in version 3.2.1.
            feed: Feed::new(api, &request.stream, &Rc::default(), Order::new(Pace::SELDOM, true), pace),
            request,
            news,
            lost: Cell::new(None),
        })
    }

    /// The server's reply to the creation of the present consumer.
    pub(crate) fn info(&self) -> Json {
        self.feed.consumers.info()
    }

    /// Name of the present consumer; empty if there is none.
    pub(crate) fn name(&self) -> String {
        if self.feed.consumers.is_lost() { String::new() } else { self.feed.consumers.name() }
    }

    /// Makes a consumer that delivers to an inbox of its own.
    ///
    /// # Errors
    /// Those of a request to the API.
    pub(crate) async fn make(&self) -> Result<(), Fault> {
        let made = self.feed.make(|inbox| self.config(inbox), Some("create"), self.feed.api.timeout).await?;
        self.tell(News::Made(made.total));
        Ok(())
    }

    /// Configuration of the consumer.
    fn config(&self, inbox: &str) -> Map<String, Json> {
        let mut config = self.request.config.clone();
        config.insert("deliver_subject".into(), inbox.into());
        if self.feed.consumers.access.refuses_flow() {
            config.remove("flow_control");
        }
        if let Some(start) = self.feed.consumers.order.borrow().start().sequence() {
            config.insert("deliver_policy".into(), "by_start_sequence".into());
            config.insert("opt_start_seq".into(), start.into());
        }
        config
    }

    /// Starts to deliver, and to replace lost consumers.
    pub(crate) fn follow(self: &Rc<Self>) {
        self.feed.run(run(Rc::clone(self)));
    }

    /// Ends it. The server removes a consumer to whose inbox nobody listens.
    pub(crate) fn end(&self) {
        self.feed.consumers.order.borrow_mut().lost();
        self.feed.end();
    }

    fn tell(&self, news: News) {
        if !self.feed.is_stopped() {
            (self.news)(news);
        }
    }

    fn stop(&self, fault: Option<Fault>) {
        // It has no name any more.
        self.feed.consumers.order.borrow_mut().lost();
        self.tell(News::Stopped(fault));
        self.end();
    }

    fn heartbeat(&self, last: Option<u64>, stalled: bool) {
        if !self.feed.consumers.order.borrow().heartbeat(last) {
            self.lost.set(Some(Cause::Gap));
        } else if !stalled {
            self.tell(News::Quiet);
        }
    }

    fn data(&self, message: Message) {
        let Some(found) = message.reply().and_then(metadata::parse) else { return };
        let (revision, timestamp, pending) = (found.stream_seq, found.timestamp, found.num_pending);
        // Version 3.2.1 does not look at the consumer's name; nobody else publishes to its inbox.
        let sorted = self.feed.consumers.order.borrow_mut().delivery(found.consumer_seq, revision);
        match sorted {
            Sorted::Seen if pending == 0 => self.tell(News::Quiet),
            Sorted::Seen => {}
            Sorted::Next => self.tell(News::Message { message, revision, timestamp, pending }),
            Sorted::Again | Sorted::Gap => self.lost.set(Some(Cause::Gap)),
            Sorted::Other => {}
        }
    }

    /// Tries to make a consumer until there is one, or no point in trying.
    async fn recover(&self, cause: Cause) {
        self.feed.consumers.order.borrow_mut().lost();
        while !self.feed.is_stopped() {
            self.feed.leave();
            let start = self.feed.consumers.order.borrow().start_seq();
            self.tell(News::Reset(match cause {
                Cause::Silence | Cause::Flow => Fault::ConsumerNotActive(start),
                Cause::Gap => Fault::ConsumerSequenceMismatch(start),
            }));
            if !self.rest().await {
                return;
            }
            let Err(fault) = self.make().await else { return };
            if matches!(fault, Fault::Closed | Fault::ClosedWaiting | Fault::Lost(_)) {
                return self.stop(None);
            }
            if self.feed.consumers.failed(&fault, Duration::ZERO) {
                return self.stop(Some(fault));
            }
            self.tell(News::Failed(fault));
            if !self.rest().await {
                return;
            }
        }
    }

    /// Waits until the next attempt may be made; false if there is none.
    async fn rest(&self) -> bool {
        while !self.feed.is_stopped() {
            let Some(left) = self.feed.consumers.rest() else { return true };
            self.feed.arm(Instant::now() + left);
            match self.feed.next().await {
                Input::State(State::Connected) => self.feed.consumers.order.borrow_mut().returned(),
                Input::State(State::Closed) => self.stop(None),
                _ => {}
            }
        }
        false
    }
}

/// Runs until the follower is stopped.
async fn run(follower: Rc<Follower>) {
    let feed = &follower.feed;
    while !feed.is_stopped() {
        if let Some(cause) = follower.lost.take() {
            follower.recover(cause).await;
            continue;
        }
        if !feed.is_settling() {
            feed.arm(Instant::now() + feed.patience().unwrap_or_default());
        }
        let input = feed.next().await;
        if matches!(input, Input::Message(_) | Input::Heartbeat(..) | Input::Flow | Input::Status) {
            feed.alive.set(Instant::now());
        }
        match input {
            Input::Message(message) => follower.data(message),
            Input::Heartbeat(last, stalled) => follower.heartbeat(last, stalled),
            Input::FlowRefused => follower.lost.set(Some(Cause::Flow)),
            Input::Ended(_) | Input::State(State::Closed) => follower.stop(None),
            Input::Tick if feed.patience().is_none() && !feed.is_settling() => feed.settle(follower.request.behind_arrivals),
            Input::Present if feed.patience().is_none() => follower.lost.set(Some(Cause::Silence)),
            Input::Tick
            | Input::Present
            | Input::Absent
            | Input::Answered
            | Input::Counted(_)
            | Input::Flow
            | Input::Status
            | Input::State(_) => {}
        }
    }
}
