//! An ordered consumer: it follows a stream, and replaces the server's consumer when that is lost or has left something out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use super::api::Api;
use super::calling::Listening;
use super::calls::Answer;
use super::codes;
use super::conn::{Observer, State};
use super::fault::Fault;
use super::ordered::Access;
use super::task::{Slot, Task};
use crate::engine::Message;
use crate::rules::metadata;
use crate::rules::order::{Order, Pace, Sorted};
use crate::rules::push::{Control, control, patience};
use crate::tcl::event::Timer;

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

/// What the follower reacts to.
enum Input {
    /// Something came for the consumer of this number.
    Came(u64, Answer),
    /// The connection's status changed.
    State(State),
    /// The consumer has been silent too long, as far as a timer can tell.
    Tick,
    /// Everything that had arrived by that time has been handled.
    Behind,
    /// Time for another attempt.
    Retry,
    /// An answer to the flow control of the consumer of this number was refused.
    FlowRefused(u64),
}

/// Follows a stream until it is stopped.
pub(crate) struct Follower {
    api: Rc<Api>,
    request: Request,
    news: Box<dyn Fn(News)>,
    inputs: Rc<Slot<Input>>,
    order: RefCell<Order>,
    info: RefCell<Json>,
    name: RefCell<String>,
    /// Number of the present consumer; what comes for earlier ones is stale.
    number: Cell<u64>,
    listening: RefCell<Option<Listening>>,
    observer: RefCell<Option<Rc<Observer>>>,
    timer: RefCell<Option<Timer>>,
    task: RefCell<Option<Rc<Task>>>,
    lost: Cell<Option<Cause>>,
    /// Time of the last sign of life.
    alive: Cell<Instant>,
    /// Whether the present consumer has asked for an answer to flow control.
    asked: Cell<bool>,
    /// What the server refuses.
    access: Access,
    stopped: Cell<bool>,
}

impl Follower {
    /// Nothing is sent yet. `news` may run scripts, but not before [`Follower::follow`].
    pub(crate) fn new(api: &Rc<Api>, request: Request, news: Box<dyn Fn(News)>) -> Rc<Follower> {
        let inputs: Rc<Slot<Input>> = Slot::new();
        let for_observer = Rc::clone(&inputs);
        let observer: Rc<Observer> = Rc::new(move |state| for_observer.push(Input::State(state)));
        api.client.observe(&observer);
        Rc::new(Follower {
            api: Rc::clone(api),
            request,
            news,
            inputs,
            // Whatever was wished: so has it version 3.2.1.
            order: RefCell::new(Order::new(Pace::SELDOM, true)),
            info: RefCell::default(),
            name: RefCell::default(),
            number: Cell::new(0),
            listening: RefCell::default(),
            observer: RefCell::new(Some(observer)),
            timer: RefCell::default(),
            task: RefCell::default(),
            lost: Cell::new(None),
            alive: Cell::new(Instant::now()),
            asked: Cell::new(false),
            access: Access::default(),
            stopped: Cell::new(false),
        })
    }

    /// The server's reply to the creation of the present consumer.
    pub(crate) fn info(&self) -> Json {
        self.info.borrow().clone()
    }

    /// Name of the present consumer; empty if there is none.
    pub(crate) fn name(&self) -> String {
        self.name.borrow().clone()
    }

    /// Makes a consumer that delivers to an inbox of its own.
    ///
    /// # Errors
    /// Those of a request to the API.
    pub(crate) async fn make(&self) -> Result<(), Fault> {
        let client = &self.api.client;
        let inbox = client.engine().new_inbox();
        let number = self.number.get() + 1;
        self.number.set(number);
        let inputs = Rc::clone(&self.inputs);
        let take = move |answer| inputs.push(Input::Came(number, answer));
        self.listening.replace(Some(client.listen(&inbox, Rc::new(take))?));
        let rest = format!("CONSUMER.CREATE.{}", self.request.stream);
        let reply = match self.api.json(&rest, self.creation(&inbox)).await {
            Ok(reply) => reply,
            Err(fault) => {
                self.listening.take();
                return Err(fault);
            }
        };
        let name = reply.get("name").and_then(Json::as_str).filter(|_| reply.get("num_pending").is_some_and(Json::is_u64));
        let Some(name) = name.map(str::to_string) else {
            self.listening.take();
            return Err(Fault::ReplyIncomplete);
        };
        let count = |path: &str| reply.pointer(path).and_then(Json::as_u64).unwrap_or_default();
        let pending = count("/num_pending") + count("/delivered/consumer_seq");
        let mut order = self.order.borrow_mut();
        order.turn_to(&name);
        order.made(Instant::now(), count("/delivered/stream_seq"));
        drop(order);
        self.name.replace(name);
        self.info.replace(reply);
        self.alive.set(Instant::now());
        self.asked.set(false);
        self.tell(News::Made(pending));
        Ok(())
    }

    /// Body of the request that makes the consumer.
    fn creation(&self, inbox: &str) -> String {
        let mut config = self.request.config.clone();
        config.insert("deliver_subject".into(), inbox.into());
        if self.access.refuses_flow() {
            config.remove("flow_control");
        }
        if let Some(start) = self.order.borrow().start().sequence() {
            config.insert("deliver_policy".into(), "by_start_sequence".into());
            config.insert("opt_start_seq".into(), start.into());
        }
        self.api.consumer_request(&self.request.stream, config, Some("create"))
    }

    /// Starts to deliver, and to replace lost consumers.
    pub(crate) fn follow(self: &Rc<Self>) {
        let task = Task::spawn(run(Rc::clone(self)), Box::new(|_| ()));
        if !self.stopped.get() {
            self.task.replace(Some(task));
        }
    }

    /// Ends it. The server removes a consumer to whose inbox nobody listens.
    pub(crate) fn end(&self) {
        self.stopped.set(true);
        self.name.take();
        self.observer.take();
        self.timer.take();
        self.listening.take();
        let task = self.task.take();
        if let Some(task) = task {
            task.cancel();
        }
    }

    fn tell(&self, news: News) {
        if !self.stopped.get() {
            (self.news)(news);
        }
    }

    fn stop(&self, fault: Option<Fault>) {
        self.name.take();
        self.tell(News::Stopped(fault));
        self.end();
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.request.heartbeat.max(1) as u64)
    }

    /// Remaining time that the consumer may be silent.
    fn patience(&self) -> Option<Duration> {
        patience(self.alive.get().elapsed(), self.heartbeat())
    }

    /// Makes sure that a timer is set. One that fires too early does no harm, so messages need not move it.
    fn arm(&self) {
        if self.timer.borrow().is_none() {
            self.wait(self.patience().unwrap_or_default().as_millis() as u64 + 1, || Input::Tick);
        }
    }

    fn wait(&self, ms: u64, input: fn() -> Input) {
        let inputs = Rc::clone(&self.inputs);
        self.timer.replace(Some(Timer::after(ms, Box::new(move || inputs.push(input())))));
    }

    fn came(&self, message: Message) {
        self.alive.set(Instant::now());
        let status = message.status().map(|status| status.as_u16());
        let control = control(status, &message.description().unwrap_or_default(), message.headers());
        match control {
            Control::Data => self.data(message),
            Control::Heartbeat { last, stalled } => {
                if let Some(subject) = &stalled {
                    self.answer(subject);
                }
                if !self.order.borrow().heartbeat(last) {
                    self.lost.set(Some(Cause::Gap));
                } else if stalled.is_none() {
                    self.tell(News::Quiet);
                }
            }
            Control::Flow => {
                if self.asked.replace(true) {
                    // The server asks again only after an answer.
                    self.access.prove_flow();
                }
                if let Some(subject) = message.reply() {
                    self.answer(subject);
                }
            }
            Control::Other => {}
        }
    }

    fn data(&self, message: Message) {
        let Some(found) = message.reply().and_then(metadata::parse) else { return };
        let (revision, timestamp, pending) = (found.stream_seq, found.timestamp, found.num_pending);
        // Version 3.2.1 does not look at the consumer's name; nobody else publishes to its inbox.
        let sorted = self.order.borrow_mut().delivery(found.consumer_seq, revision);
        match sorted {
            Sorted::Next => self.tell(News::Message { message, revision, timestamp, pending }),
            Sorted::Again | Sorted::Gap => self.lost.set(Some(Cause::Gap)),
            Sorted::Other => {}
        }
    }

    /// Answers the server's flow control.
    fn answer(&self, subject: &str) {
        let (inputs, number) = (Rc::clone(&self.inputs), self.number.get());
        self.access.answer_flow(&self.api.client, subject, move || inputs.push(Input::FlowRefused(number)));
    }

    /// Tries to make a consumer until there is one, or no point in trying.
    async fn recover(&self, cause: Cause) {
        self.order.borrow_mut().lost();
        while !self.stopped.get() {
            self.listening.take();
            self.timer.take();
            self.name.take();
            let start = self.order.borrow().start_seq();
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
            let missing = fault.err_code() == Some(codes::STREAM_NOT_FOUND);
            if self.order.borrow_mut().failed(Instant::now(), missing, Duration::ZERO) {
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
        let left = self.order.borrow().patience(Instant::now());
        if let Some(left) = left {
            self.wait(left.as_millis() as u64 + 1, || Input::Retry);
            loop {
                match self.inputs.next().await {
                    Input::State(State::Connected) => self.order.borrow_mut().returned(),
                    Input::Retry => {}
                    Input::State(State::Closed) => self.stop(None),
                    _ if !self.stopped.get() => continue,
                    _ => {}
                }
                break;
            }
        }
        !self.stopped.get()
    }
}

/// Runs until the follower is stopped.
async fn run(follower: Rc<Follower>) {
    while !follower.stopped.get() {
        if let Some(cause) = follower.lost.take() {
            follower.recover(cause).await;
            continue;
        }
        follower.arm();
        match follower.inputs.next().await {
            Input::Came(number, _) if number != follower.number.get() => {}
            Input::Came(_, Answer::Reply(message)) => follower.came(message),
            Input::Came(_, Answer::End(_)) | Input::State(State::Closed) => follower.stop(None),
            Input::Tick => {
                follower.timer.take();
                if follower.patience().is_none() {
                    // The script may have kept away from the event loop, or a lot may be queued.
                    let inputs = Rc::clone(&follower.inputs);
                    (follower.request.behind_arrivals)(Box::new(move || inputs.push(Input::Behind)));
                }
            }
            Input::Behind if follower.patience().is_none() => follower.lost.set(Some(Cause::Silence)),
            Input::FlowRefused(number) if number == follower.number.get() => {
                follower.access.refuse_flow();
                follower.lost.set(Some(Cause::Flow));
            }
            Input::Behind | Input::Retry | Input::State(_) | Input::FlowRefused(_) => {}
        }
    }
}
