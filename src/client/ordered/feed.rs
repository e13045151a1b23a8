//! What a follower of consumers that push lives on: their inbox, one after the other, the connection's status and the time, in one
//! queue that its task awaits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use super::{Access, Consumers, FlowControl, Made};
use crate::client::api::Api;
use crate::client::calling::Listening;
use crate::client::calls::Answer;
use crate::client::conn::{Observer, State};
use crate::client::fault::Fault;
use crate::client::task::{Slot, Task};
use crate::engine::{End, Message};
use crate::rules::order::Order;
use crate::rules::push::{Control, control, patience};
use crate::tcl::event::Timer;

/// What a follower reacts to. What an earlier consumer still has to say does not reach it.
pub(crate) enum Input {
    /// A message of the stream.
    Message(Message),
    /// A heartbeat: the number of the consumer's last delivery, and whether it waits for an answer, which it has got.
    Heartbeat(Option<u64>, bool),
    /// The consumer has asked for an answer, and got it.
    Flow,
    /// Another status.
    Status,
    /// Answers to flow control do not reach the consumer: it would stop for good, so the next one must be told not to wait.
    FlowRefused,
    /// The consumer can deliver nothing more, because of the connection or for lack of permissions.
    Ended(End),
    /// The connection's status changed.
    State(State),
    /// The timer has fired.
    Tick,
    /// The server is there, or has had time, and all that came before has been handled.
    Present,
    /// The server says nothing at all.
    Absent,
    /// The server is there, and all that the present consumer had sent before has been read.
    Answered,
    /// The number of the last delivery that the present consumer has to make, if that could be had.
    Counted(Option<u64>),
}

/// What is in the queue, with the number of its consumer.
enum Item {
    Came(u64, Answer),
    Refused(u64),
    Answered(u64),
    Counted(u64, Option<u64>),
    Other(Input),
}

/// The queue, and what fills it.
pub(crate) struct Feed {
    /// The API.
    pub api: Rc<Api>,
    /// The consumers.
    pub consumers: Rc<Consumers>,
    items: Rc<Slot<Item>>,
    flow: FlowControl,
    /// Time between heartbeats.
    pub pace: Duration,
    /// Number of the present consumer; what comes for earlier ones is stale.
    number: Cell<u64>,
    listening: RefCell<Option<Listening>>,
    observer: RefCell<Option<Rc<Observer>>>,
    timer: RefCell<Option<(Instant, Timer)>>,
    task: RefCell<Option<Rc<Task>>>,
    stopped: Cell<bool>,
    /// Time of the last sign of life.
    pub alive: Cell<Instant>,
    /// It is being settled whether the consumer is silent.
    settling: Cell<bool>,
}

impl Feed {
    /// No consumer yet; `order` is that of their messages, `pace` the time between their heartbeats.
    pub(crate) fn new(api: &Rc<Api>, stream: &str, access: &Rc<Access>, order: Order, pace: Duration) -> Feed {
        let items: Rc<Slot<Item>> = Slot::new();
        let for_observer = Rc::clone(&items);
        let observer: Rc<Observer> = Rc::new(move |state| for_observer.push(Item::Other(Input::State(state))));
        api.client.observe(&observer);
        Feed {
            api: Rc::clone(api),
            flow: FlowControl::new(access),
            consumers: Rc::new(Consumers::new(api, stream, Rc::clone(access), order)),
            items,
            pace,
            number: Cell::new(0),
            listening: RefCell::default(),
            observer: RefCell::new(Some(observer)),
            timer: RefCell::default(),
            task: RefCell::default(),
            stopped: Cell::new(false),
            alive: Cell::new(Instant::now()),
            settling: Cell::new(false),
        }
    }

    /// Makes a consumer that delivers to an inbox of its own, of the configuration that `config` makes of that.
    ///
    /// # Errors
    /// As [`Consumers::make`]; [`Fault::Closed`].
    pub(crate) async fn make(
        &self,
        config: impl FnOnce(&str) -> Map<String, Json>,
        action: Option<&str>,
        ms: i64,
    ) -> Result<Made, Fault> {
        let client = &self.api.client;
        let inbox = client.engine().new_inbox();
        let number = self.number.get() + 1;
        self.number.set(number);
        let (items, consumers) = (Rc::clone(&self.items), Rc::clone(&self.consumers));
        let take = move |answer| {
            if let Answer::End(End::Refused(problem)) = &answer {
                consumers.refuse_inbox(problem.clone());
            }
            items.push(Item::Came(number, answer));
        };
        self.listening.replace(Some(client.listen(&inbox, Rc::new(take))?));
        let made = self.consumers.make(config(&inbox), action, ms).await.inspect_err(|_| self.leave())?;
        self.alive.set(Instant::now());
        self.flow.begin();
        Ok(made)
    }

    /// Unsubscribes from the present consumer.
    pub(crate) fn leave(&self) {
        self.listening.take();
    }

    /// The next input.
    pub(crate) async fn next(&self) -> Input {
        loop {
            let present = |number: u64| number == self.number.get();
            return match self.items.next().await {
                Item::Came(number, Answer::Reply(message)) if present(number) => self.came(message),
                Item::Came(number, Answer::End(end)) if present(number) => Input::Ended(end),
                Item::Refused(number) if present(number) => {
                    self.consumers.access.refuse_flow();
                    Input::FlowRefused
                }
                Item::Answered(number) if present(number) => Input::Answered,
                Item::Counted(number, last) if present(number) => Input::Counted(last),
                Item::Came(..) | Item::Refused(_) | Item::Answered(_) | Item::Counted(..) => continue,
                Item::Other(Input::Tick) => {
                    self.timer.take();
                    Input::Tick
                }
                Item::Other(input) => {
                    if matches!(input, Input::Present | Input::Absent) {
                        self.settling.set(false);
                    }
                    input
                }
            };
        }
    }

    fn came(&self, message: Message) -> Input {
        let status = message.status().map(|status| status.as_u16());
        let control = control(status, &message.description().unwrap_or_default(), message.headers());
        match control {
            Control::Data => {
                self.flow.message();
                Input::Message(message)
            }
            Control::Heartbeat { last, stalled: None } => Input::Heartbeat(last, false),
            Control::Heartbeat { last, stalled: Some(subject) } => {
                if self.flow.stalled(subject, self.pace) {
                    self.answer();
                } else {
                    self.items.push(Item::Refused(self.number.get()));
                }
                Input::Heartbeat(last, true)
            }
            Control::Flow => {
                self.flow.request(message.reply());
                self.answer();
                Input::Flow
            }
            Control::Other => Input::Status,
        }
    }

    fn answer(&self) {
        let (items, number) = (Rc::clone(&self.items), self.number.get());
        self.flow.answer(&self.api.client, move || items.push(Item::Refused(number)));
    }

    /// The consumer seems to be silent: [`Input::Present`] comes when it is clear whether it is.
    pub(crate) fn settle(&self, behind: fn(Box<dyn FnOnce()>)) {
        let items = Rc::clone(&self.items);
        self.settling.set(true);
        let then = Box::new(move || items.push(Item::Other(Input::Present)));
        self.api.client.settle(self.pace, self.alive.get(), behind, then);
    }

    /// The server seems to be silent: [`Input::Present`] or [`Input::Absent`] comes when it is clear whether it is.
    pub(crate) fn probe(&self) {
        let items = Rc::clone(&self.items);
        self.settling.set(true);
        let trip = self.api.client.probe(self.pace);
        let work = async move {
            match trip.next().await {
                Answer::Reply(_) | Answer::End(End::Pong(_)) => Input::Present,
                Answer::End(_) => Input::Absent,
            }
        };
        Task::spawn(work, Box::new(move |input| items.push(Item::Other(input))));
    }

    /// Whether one of them is still to come.
    pub(crate) fn is_settling(&self) -> bool {
        self.settling.get()
    }

    /// What pushes [`Input::Answered`], unless there is another consumer by then.
    pub(crate) fn answered(&self) -> Box<dyn FnOnce()> {
        let (items, number) = (Rc::clone(&self.items), self.number.get());
        Box::new(move || items.push(Item::Answered(number)))
    }

    /// What pushes [`Input::Counted`], unless there is another consumer by then.
    pub(crate) fn counted(&self) -> Box<dyn FnOnce(Option<u64>)> {
        let (items, number) = (Rc::clone(&self.items), self.number.get());
        Box::new(move |last| items.push(Item::Counted(number, last)))
    }

    /// Remaining time that the present consumer may be silent.
    pub(crate) fn patience(&self) -> Option<Duration> {
        patience(self.alive.get().elapsed(), self.pace)
    }

    /// Makes sure that [`Input::Tick`] comes at this time. One that comes too early does no harm, so messages need not move it.
    pub(crate) fn arm(&self, at: Instant) {
        if self.timer.borrow().as_ref().is_some_and(|(armed, _)| *armed <= at) {
            return;
        }
        let items = Rc::clone(&self.items);
        // Rounded up: a timer that fires a fraction of a millisecond early would only be set again.
        let ms = at.saturating_duration_since(Instant::now()).as_millis() as u64 + 1;
        let timer = Timer::after(ms, Box::new(move || items.push(Item::Other(Input::Tick))));
        self.timer.replace(Some((at, timer)));
    }

    /// Runs the task that takes the inputs.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + 'static) {
        let task = Task::spawn(work, Box::new(|()| ()));
        if !self.stopped.get() {
            self.task.replace(Some(task));
        }
    }

    /// Whether it has ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The end of it, and of the task. The consumer is left to the server.
    pub(crate) fn end(&self) {
        self.stopped.set(true);
        self.observer.take();
        self.timer.take();
        self.leave();
        let task = self.task.take();
        if let Some(task) = task {
            task.cancel();
        }
    }
}
