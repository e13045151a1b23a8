//! The state machine of `rules` with its connection, inbox, buffer and timer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::client::api::Api;
use crate::client::calling::{Listening, timeout};
use crate::client::calls::Answer;
use crate::client::codes::{CONSUMER_NOT_FOUND, STREAM_NOT_FOUND};
use crate::client::conn::{Observer, State};
use crate::client::fault::{Fault, Waiting};
use crate::client::task::Task;
use crate::engine::{Message, Outgoing, Pulse, Subject};
use crate::rules::consumption::{Action, Consumption};
use crate::rules::metadata;
use crate::rules::pull::PullRequest;
use crate::rules::pull_plan::{Amount, Plan};
use crate::rules::pull_status::verdict;
use crate::tcl::event::Timer;

/// Time in ms after which what is on its way to a former inbox is no longer waited for.
const LAST_WORDS: i64 = 10_000;

/// Reason of the end where the connection was closed.
pub(crate) const CLOSED: &str = "closed";

/// What happens.
pub(crate) enum Told {
    /// A message is in the buffer.
    Arrived,
    /// An event, by its name and text, and what `last_error` says of it.
    Event(&'static str, String, Option<Fault>),
    /// The end.
    Ended,
}

/// Where messages come from.
pub(crate) struct Origin {
    /// The API.
    pub api: Rc<Api>,
    /// Stream.
    pub stream: String,
    /// Consumer.
    pub consumer: String,
    /// Runs work when everything that has arrived by then has been handled.
    pub behind_arrivals: fn(Box<dyn FnOnce()>),
}

/// Subscription for the answers to requests.
pub(super) struct Inbox {
    pub(super) subject: Subject,
    pub(super) listening: Listening,
    pub(super) pulse: Arc<Pulse>,
}

/// A consumer whose messages are asked for as they are taken.
pub(crate) struct Source {
    pub(super) origin: Origin,
    pub(super) subject: Subject,
    pub(super) machine: RefCell<Consumption>,
    /// Whether messages may tell a pin.
    pub(super) pinned: bool,
    pub(super) buffer: RefCell<VecDeque<Message>>,
    pub(super) buffered_bytes: Cell<u64>,
    pub(super) redelivered: Cell<u64>,
    pub(super) inbox: RefCell<Option<Inbox>>,
    /// Number of the inbox.
    pub(super) number: Cell<u64>,
    pub(super) observer: RefCell<Option<Rc<Observer>>>,
    pub(super) timer: RefCell<Option<(Instant, Timer)>>,
    pub(super) reason: RefCell<String>,
    pub(super) tell: Box<dyn Fn(Told)>,
}

fn amount(message: &Message) -> Amount {
    Amount { msgs: 1, bytes: message.full_len() as u64 }
}

impl Source {
    /// Nothing is asked for yet. `tell` may run scripts.
    pub(crate) fn new(origin: Origin, plan: Plan, tell: Box<dyn Fn(Told)>) -> Rc<Source> {
        let subject = origin.api.subject(&format!("CONSUMER.MSG.NEXT.{}.{}", origin.stream, origin.consumer));
        let pinned = plan.priority.group.is_some();
        Rc::new(Source {
            subject: Subject::from(subject),
            origin,
            machine: RefCell::new(Consumption::new(plan, Instant::now())),
            pinned,
            buffer: RefCell::default(),
            buffered_bytes: Cell::new(0),
            redelivered: Cell::new(0),
            inbox: RefCell::default(),
            number: Cell::new(0),
            observer: RefCell::default(),
            timer: RefCell::default(),
            reason: RefCell::default(),
            tell,
        })
    }

    /// Asks for the first messages.
    ///
    /// # Errors
    /// [`Fault::Closed`]
    pub(crate) fn start(self: &Rc<Self>) -> Result<(), Fault> {
        let client = &self.origin.api.client;
        let target = Rc::downgrade(self);
        let observer: Rc<Observer> = Rc::new(move |state| {
            if let Some(source) = target.upgrade() {
                source.status_changed(state);
            }
        });
        client.observe(&observer);
        self.observer.replace(Some(observer));
        self.take_inbox()?;
        if client.state() != State::Connected {
            self.machine.borrow_mut().disconnected();
        }
        self.act();
        Ok(())
    }

    fn take_inbox(self: &Rc<Self>) -> Result<(), Fault> {
        let client = &self.origin.api.client;
        let subject = client.engine().new_inbox();
        let number = self.number.get() + 1;
        self.number.set(number);
        let target = Rc::downgrade(self);
        let take = move |answer| {
            if let Some(source) = target.upgrade() {
                source.came(number, answer);
            }
        };
        let (listening, pulse) = client.listen_to_pulls(&subject, Rc::new(take))?;
        self.inbox.replace(Some(Inbox { subject: Subject::from(subject), listening, pulse }));
        Ok(())
    }

    fn came(self: &Rc<Self>, number: u64, answer: Answer) {
        match answer {
            // Its observer tells of the end of the connection.
            Answer::End(_) => {}
            // A message has the consumer's subject for answers; what the server says of a pull has none.
            Answer::Reply(message) if message.reply().is_some() => self.message(number, message),
            Answer::Reply(status) => {
                let Some(code) = status.status().filter(|_| number == self.number.get()) else { return };
                let text = status.description().unwrap_or_default();
                let verdict = verdict(code.as_u16(), &text, status.headers());
                self.machine.borrow_mut().status(Instant::now(), code.as_u16(), &text, verdict);
                self.act();
            }
        }
    }

    fn message(self: &Rc<Self>, number: u64, message: Message) {
        let mut machine = self.machine.borrow_mut();
        if machine.is_over() || machine.is_surplus() {
            drop(machine);
            return self.answer(&message, "-NAK");
        }
        let late = number != self.number.get();
        let pin = if self.pinned && !late && message.has_headers() {
            message.headers().find(|(name, _)| name == "Nats-Pin-Id").map(|(_, pin)| pin.into_owned())
        } else {
            None
        };
        let size = amount(&message).bytes;
        if late {
            machine.late_message(size);
        } else {
            machine.message(size, pin.as_deref());
        }
        drop(machine);
        let again = message.reply().and_then(metadata::parse).is_some_and(|found| found.num_delivered > 1);
        self.redelivered.set(self.redelivered.get() + u64::from(again));
        self.buffered_bytes.set(self.buffered_bytes.get() + size);
        self.buffer.borrow_mut().push_back(message);
        if pin.is_some() {
            self.act();
        }
        (self.tell)(Told::Arrived);
    }

    fn status_changed(self: &Rc<Self>, state: State) {
        match state {
            State::Connected => {
                self.machine.borrow_mut().reconnected(Instant::now());
                self.event("reconnected", String::new(), None);
            }
            State::Reconnecting => {
                self.machine.borrow_mut().disconnected();
                self.event("disconnected", String::new(), None);
            }
            State::Closed => self.machine.borrow_mut().end(CLOSED),
            State::Connecting => {}
        }
        self.act();
    }

    pub(super) fn event(&self, name: &'static str, text: String, fault: Option<Fault>) {
        (self.tell)(Told::Event(name, text, fault));
    }

    /// Does what the state machine wants, and sets the timer.
    pub(super) fn act(self: &Rc<Self>) {
        loop {
            let action = self.machine.borrow_mut().poll(Instant::now());
            let Some(action) = action else { break };
            match action {
                Action::Pull(request) => self.pull(&request),
                Action::NewInbox => self.change_inbox(),
                Action::AskInfo => self.ask(),
                Action::Warn(code, text) => self.event("warning", text.clone(), Some(Fault::of_status(code, &text))),
                Action::Missed => self.event("heartbeat_missed", String::new(), Some(self.silence())),
                Action::Pinned(pin) => self.event("pinned", pin, None),
                Action::Unpinned(pin) => self.event("unpinned", pin, None),
                Action::End(reason) => return self.finish(reason),
            }
        }
        self.arm();
    }

    /// The fault of a server that does not answer.
    pub(crate) fn silence(&self) -> Fault {
        let Origin { stream, consumer, .. } = &self.origin;
        let subject = self.subject.as_str().to_string();
        Fault::Timeout(Waiting::Pull { stream: stream.clone(), consumer: consumer.clone(), subject })
    }

    fn pull(&self, request: &PullRequest) {
        let inbox = self.inbox.borrow();
        let Some(inbox) = inbox.as_ref() else { return };
        // The times were checked.
        let Ok(payload) = request.payload() else { return };
        self.origin.api.trace_request(self.subject.as_str(), &payload);
        let reply = Some(inbox.subject.clone());
        let msg = Outgoing { subject: self.subject.clone(), reply, headers: None, payload: Bytes::from(payload) };
        // Without a connection its observer will act, otherwise missing heartbeats.
        let _ = self.origin.api.client.engine().publish(&msg.as_publication());
    }

    /// What the former inbox was asked for does not come any more, except what is on its way.
    fn change_inbox(self: &Rc<Self>) {
        if let Some(former) = self.inbox.take() {
            former.listening.leave();
            let trip = self.origin.api.client.round_trip(timeout(LAST_WORDS));
            Task::spawn(
                async move {
                    trip.next().await;
                    drop(former);
                },
                Box::new(|()| ()),
            );
        }
        if self.take_inbox().is_err() {
            self.machine.borrow_mut().end(CLOSED);
        }
    }

    /// Asks whether the consumer exists.
    fn ask(self: &Rc<Self>) {
        let source = Rc::clone(self);
        let Origin { stream, consumer, .. } = &self.origin;
        let rest = format!("CONSUMER.INFO.{stream}.{consumer}");
        let api = Rc::clone(&self.origin.api);
        Task::spawn(async move { api.json(&rest, String::new()).await }, {
            Box::new(move |answer| {
                if let Err(Fault::Api(error)) = answer
                    && matches!(error.err_code, CONSUMER_NOT_FOUND | STREAM_NOT_FOUND)
                {
                    source.machine.borrow_mut().end(&error.description);
                    source.act();
                }
            })
        });
    }

    /// Sets the timer to the next time at which something may have to be done. One that fires too early does no harm.
    fn arm(self: &Rc<Self>) {
        let machine = self.machine.borrow();
        let life = self.inbox.borrow().as_ref().map(|inbox| inbox.pulse.last());
        let silent = life.and_then(|life| machine.silent_at(life));
        let Some(at) = [machine.pull_at(), silent].into_iter().flatten().min() else { return };
        if self.timer.borrow().as_ref().is_some_and(|(set, _)| *set <= at) {
            return;
        }
        let target = Rc::downgrade(self);
        let tick = move || {
            if let Some(source) = target.upgrade() {
                source.tick();
            }
        };
        let ms = at.saturating_duration_since(Instant::now()).as_millis() as u64 + 1;
        self.timer.replace(Some((at, Timer::after(ms, Box::new(tick)))));
    }

    fn tick(self: &Rc<Self>) {
        self.timer.take();
        if self.is_silent() {
            // The script may have kept away from the event loop, or a lot may be queued.
            let source = Rc::clone(self);
            (self.origin.behind_arrivals)(Box::new(move || {
                if source.is_silent() {
                    source.machine.borrow_mut().silent(Instant::now());
                }
                source.act();
            }));
        } else {
            self.act();
        }
    }

    fn is_silent(&self) -> bool {
        let life = self.inbox.borrow().as_ref().map(|inbox| inbox.pulse.last());
        let at = life.and_then(|life| self.machine.borrow().silent_at(life));
        at.is_some_and(|at| Instant::now() >= at)
    }

    /// Takes a message out of the buffer, for the script to deal with.
    pub(crate) fn take(&self) -> Option<Message> {
        let message = self.buffer.borrow_mut().pop_front()?;
        self.buffered_bytes.set(self.buffered_bytes.get() - amount(&message).bytes);
        Some(message)
    }

    /// The script has dealt with these messages.
    pub(crate) fn done<'a>(self: &Rc<Self>, messages: impl IntoIterator<Item = &'a Message>) {
        let mut all = Amount::default();
        for message in messages {
            all.msgs += 1;
            all.bytes += amount(message).bytes;
        }
        if self.machine.borrow().is_over() {
            return;
        }
        self.machine.borrow_mut().done(all);
        self.act();
    }

    /// Number and size of the messages in the buffer.
    pub(crate) fn buffered(&self) -> (usize, u64) {
        (self.buffer.borrow().len(), self.buffered_bytes.get())
    }

    /// Number of messages that came as redeliveries.
    pub(crate) fn redelivered(&self) -> u64 {
        self.redelivered.get()
    }

    /// The state machine, to be looked at.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Consumption) -> T) -> T {
        look(&self.machine.borrow())
    }

    /// Stops or restarts the pulls.
    pub(crate) fn set_paused(self: &Rc<Self>, paused: bool) {
        self.machine.borrow_mut().set_paused(paused);
        self.act();
    }
}
