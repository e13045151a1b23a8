//! The state machine of `rules` with its connection, inbox, buffer and timer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::keeper::{Keeper, Wish};
use super::remaking::Remaking;
use crate::client::api::Api;
use crate::client::calling::{Listening, timeout};
use crate::client::calls::Answer;
use crate::client::conn::{Observer, State};
use crate::client::fault::Fault;
use crate::client::task::Task;
use crate::engine::{End, Message, Outgoing, Problem, Pulse, Subject};
use crate::rules::consumption::{Action, Consumption, Loss};
use crate::rules::metadata;
use crate::rules::order::Sorted;
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
    /// The event of a consumer that pushes in the place of a lost one, by its name; it goes on with the work, behind the event.
    Recreated(String, Box<dyn FnOnce()>),
    /// Trouble that is no event, for `last_error`.
    Trouble(Fault),
    /// The end.
    Ended,
}

/// Where messages come from.
pub(crate) struct Origin {
    /// The API.
    pub api: Rc<Api>,
    /// Stream.
    pub stream: String,
    /// Runs work when everything that has arrived by then has been handled.
    pub behind_arrivals: fn(Box<dyn FnOnce()>),
}

/// Subscription for the answers to requests, or for what is pushed.
pub(super) struct Inbox {
    pub(super) subject: Subject,
    pub(super) listening: Listening,
    /// The signs of life that the I/O thread sees; none where it cannot tell them from deliveries.
    pub(super) pulse: Option<Arc<Pulse>>,
}

/// The present consumer.
pub(super) struct Place {
    pub(super) consumer: String,
    /// Where it is asked for messages.
    pub(super) subject: Subject,
}

/// A consumer whose messages are asked for as they are taken.
pub(crate) struct Source {
    pub(super) origin: Origin,
    pub(super) place: RefCell<Place>,
    /// Looks after the consumer, and replaces it.
    pub(super) keeper: Option<Keeper>,
    /// Makes the consumer anew when it is gone.
    pub(super) remaking: Option<Remaking>,
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
    /// It is being settled whether the server is silent.
    pub(super) settling: Cell<bool>,
    pub(super) reason: RefCell<String>,
    /// Why the server refuses to be asked for messages.
    pub(super) refusal: RefCell<Option<Problem>>,
    pub(super) tell: Box<dyn Fn(Told)>,
}

fn amount(message: &Message) -> Amount {
    Amount { msgs: 1, bytes: message.full_len() as u64 }
}

impl Source {
    /// A consumer that exists, and may be made anew. Nothing is asked for yet. `tell` may run scripts.
    pub(crate) fn of_consumer(
        origin: Origin,
        consumer: &str,
        plan: Plan,
        remaking: Option<Remaking>,
        tell: Box<dyn Fn(Told)>,
    ) -> Rc<Source> {
        let source = Source::new(origin, plan, None, remaking, tell);
        source.turn_to(consumer);
        source
    }

    /// Consumers that are made as the wish says, the first one by [`Source::begin`].
    pub(crate) fn of_wish(origin: Origin, wish: Wish, plan: Plan, tell: Box<dyn Fn(Told)>) -> Rc<Source> {
        let keeper = Keeper::new(&origin.api, &origin.stream, wish);
        Source::new(origin, plan, Some(keeper), None, tell)
    }

    fn new(
        origin: Origin,
        plan: Plan,
        keeper: Option<Keeper>,
        remaking: Option<Remaking>,
        tell: Box<dyn Fn(Told)>,
    ) -> Rc<Source> {
        let pinned = plan.priority.group.is_some();
        Rc::new(Source {
            place: RefCell::new(Place { consumer: String::new(), subject: Subject::from("") }),
            keeper,
            remaking,
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
            settling: Cell::new(false),
            reason: RefCell::default(),
            refusal: RefCell::default(),
            tell,
        })
    }

    /// From now on this consumer is asked for messages.
    pub(super) fn turn_to(&self, consumer: &str) {
        let subject = self.origin.api.subject(&format!("CONSUMER.MSG.NEXT.{}.{consumer}", self.origin.stream));
        self.place.replace(Place { consumer: consumer.to_string(), subject: Subject::from(subject) });
    }

    /// Asks for the first messages.
    ///
    /// # Errors
    /// [`Fault::Closed`]
    pub(crate) fn start(self: &Rc<Self>) -> Result<(), Fault> {
        let client = &self.origin.api.client;
        // It may have been closed since the consumer was asked for: nobody would tell of that any more.
        client.open_or_fault()?;
        let target = Rc::downgrade(self);
        let observer: Rc<Observer> = Rc::new(move |state| {
            if let Some(source) = target.upgrade() {
                source.status_changed(state);
            }
        });
        client.observe(&observer);
        self.observer.replace(Some(observer));
        if self.keeper.is_none() {
            self.take_inbox()?;
        }
        if client.state() != State::Connected {
            self.machine.borrow_mut().disconnected();
        }
        self.act();
        Ok(())
    }

    pub(super) fn take_inbox(self: &Rc<Self>) -> Result<(), Fault> {
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
        let (listening, pulse) = if self.is_pushed() {
            (client.listen(&subject, Rc::new(take))?, None)
        } else {
            let (listening, pulse) = client.listen_to_pulls(&subject, Rc::new(take))?;
            (listening, Some(pulse))
        };
        self.inbox.replace(Some(Inbox { subject: Subject::from(subject), listening, pulse }));
        Ok(())
    }

    fn came(self: &Rc<Self>, number: u64, answer: Answer) {
        match answer {
            Answer::End(End::Refused(problem)) if number == self.number.get() => self.refused(problem),
            // Its observer tells of the end of the connection.
            Answer::End(_) => {}
            // What is on its way from a former consumer comes again from the present one.
            Answer::Reply(_) if self.keeper.is_some() && number != self.number.get() => {}
            Answer::Reply(message) if self.is_pushed() => self.pushed(number, message),
            // A message has the consumer's subject for answers; what the server says of a pull has none.
            Answer::Reply(message) if message.has_reply() => self.message(number, message),
            Answer::Reply(status) => {
                let Some(code) = status.status().filter(|_| number == self.number.get()) else { return };
                let text = status.description().unwrap_or_default();
                let verdict = verdict(code.as_u16(), &text, status.headers());
                self.machine.borrow_mut().status(Instant::now(), code.as_u16(), &text, verdict);
                self.act();
            }
        }
    }

    pub(super) fn message(self: &Rc<Self>, number: u64, message: Message) {
        let mut machine = self.machine.borrow_mut();
        if machine.is_over() || machine.is_surplus() {
            drop(machine);
            if self.keeper.is_none() {
                self.answer(&message, "-NAK");
            }
            return;
        }
        match self.keeper.as_ref().map_or(Sorted::Next, |keeper| keeper.sort(&message)) {
            Sorted::Next => {}
            Sorted::Other => return,
            Sorted::Seen => {
                machine.skipped(amount(&message).bytes);
                drop(machine);
                return self.act();
            }
            Sorted::Again | Sorted::Gap => {
                machine.lose(Loss::Gap);
                drop(machine);
                return self.act();
            }
        }
        let late = number != self.number.get();
        let pin = Some(&message)
            .filter(|message| self.pinned && !late && message.has_headers())
            .and_then(|message| message.headers().find(|(name, _)| name == "Nats-Pin-Id").map(|(_, pin)| pin.into_owned()));
        let size = amount(&message).bytes;
        if late {
            machine.late_message(size);
        } else {
            machine.message(size, pin.as_deref());
        }
        drop(machine);
        if let Some(found) = message.reply().and_then(metadata::parse) {
            self.redelivered.set(self.redelivered.get() + u64::from(found.num_delivered > 1));
            self.note_delivery(found.consumer_seq, found.stream_seq);
        }
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
                self.leave_off();
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
                Action::Missed => {
                    let fault = self.keeper.is_none().then(|| self.silence());
                    self.event("heartbeat_missed", String::new(), fault);
                }
                Action::Lost(loss) => self.lost(loss),
                Action::Pinned(pin) => self.event("pinned", pin, None),
                Action::Unpinned(pin) => self.event("unpinned", pin, None),
                Action::End(reason) => return self.finish(reason),
            }
        }
        self.arm();
    }

    fn pull(&self, request: &PullRequest) {
        let inbox = self.inbox.borrow();
        let Some(inbox) = inbox.as_ref() else { return };
        // The times were checked.
        let Ok(payload) = request.payload() else { return };
        let subject = self.place.borrow().subject.clone();
        self.origin.api.trace_request(subject.as_str(), &payload);
        let reply = Some(inbox.subject.clone());
        let msg = Outgoing { subject, reply, headers: None, payload: Bytes::from(payload) };
        // Without a connection its observer will act, otherwise missing heartbeats.
        let _ = inbox.listening.publish(&msg.as_publication());
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

    /// Takes a message out of the buffer, for the script to deal with.
    pub(crate) fn take(self: &Rc<Self>) -> Option<Message> {
        let message = self.buffer.borrow_mut().pop_front()?;
        self.buffered_bytes.set(self.buffered_bytes.get() - amount(&message).bytes);
        self.answer_flow();
        Some(message)
    }

    /// The script has dealt with these messages.
    pub(crate) fn done<'a>(self: &Rc<Self>, messages: impl IntoIterator<Item = &'a Message>) {
        let mut all = Amount::default();
        for message in messages {
            all.msgs += 1;
            all.bytes += amount(message).bytes;
        }
        let mut machine = self.machine.borrow_mut();
        if machine.is_over() {
            return;
        }
        machine.done(all);
        // Mostly there is none, and then no time comes any sooner.
        let work = machine.has_work();
        drop(machine);
        if work {
            self.act();
        }
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
