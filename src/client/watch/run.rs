//! The run of a watch: messages, heartbeats and their absence, loss and return of the connection.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::state::{Delivered, Inner, MUTES, Reason};
use crate::client::calls::Answer;
use crate::client::conn::{Client, State};
use crate::client::fault::Fault;
use crate::client::ordered::Input;
use crate::client::task::{Task, pause};
use crate::engine::{End, Message};
use crate::rules::initial::End as InitialEnd;
use crate::rules::metadata;
use crate::rules::order::Sorted;
use crate::rules::progress::Beat;
use crate::rules::push::patience;

/// Time without a message after which the end of the initial data is looked for, where there are no heartbeats.
const LOOK: Duration = Duration::from_millis(1000);

/// Least time between two attempts of what the server refuses: asking often brings no permission.
const REFUSED: Duration = Duration::from_millis(1000);

/// Time by which a message may lag behind the answer to a round trip: inside the server they take different paths.
const SETTLE: Duration = Duration::from_millis(5);

/// What a consumer's information counts.
struct Counts {
    delivered: u64,
    pending: u64,
}

impl Counts {
    fn of(info: &Json) -> Option<Counts> {
        let count = |path: &str| info.pointer(path).and_then(Json::as_u64);
        Some(Counts { delivered: count("/delivered/consumer_seq")?, pending: count("/num_pending")? })
    }
}

/// Whether the server answers a round trip.
async fn is_present(client: &Rc<Client>) -> bool {
    matches!(client.round_trip(None).next().await, Answer::End(End::Pong(_)))
}

/// Runs until the consumer is stopped.
pub(super) async fn run(inner: Rc<Inner>) {
    let consumers = &inner.feed.consumers;
    while !inner.feed.is_stopped() {
        inner.begin();
        if consumers.is_lost() && inner.connected() && consumers.rest().is_none() {
            if let Err(fault) = inner.renew().await {
                inner.failed(fault);
            }
            continue;
        }
        if let Some(at) = inner.next_look() {
            inner.feed.arm(at);
        }
        match inner.feed.next().await {
            Input::Message(message) => inner.data(message),
            Input::Heartbeat(last, stalled) => inner.heartbeat(last, stalled),
            Input::Flow => inner.sign_of_life(),
            Input::FlowRefused => consumers.order.borrow_mut().returned(),
            Input::Ended(end) => inner.ended(end),
            Input::State(State::Connected) => {
                inner.connected_at.set(Instant::now());
                if consumers.is_lost() {
                    consumers.order.borrow_mut().returned();
                }
            }
            Input::State(state @ (State::Reconnecting | State::Closed)) => {
                inner.lose();
                if !inner.has_heartbeat() {
                    // Without heartbeats, this is the last sign of life.
                    inner.feed.alive.set(Instant::now());
                }
                if state == State::Closed {
                    // Nobody tells the inbox where the script has closed it.
                    inner.deliver(Delivered::Ended(End::Closed));
                }
            }
            Input::Tick => inner.tick().await,
            Input::Present => {
                inner.probed();
                if inner.is_silent() {
                    inner.silent();
                }
            }
            Input::Absent => {
                inner.probed();
                inner.tell(Reason::Disconnected);
            }
            Input::Answered => {
                let delivered = consumers.order.borrow().delivered();
                let end = inner.progress.borrow_mut().answered(delivered);
                inner.end(end);
            }
            Input::Counted(last) => {
                let delivered = consumers.order.borrow().delivered();
                let end = inner.progress.borrow_mut().counted(last, delivered);
                inner.end(end);
            }
            Input::Status | Input::State(State::Connecting) => {}
        }
    }
}

impl Inner {
    /// Delivers what the creation of a consumer said.
    fn begin(&self) {
        let (caught_up, quiet) = self.begun.take();
        if caught_up {
            self.deliver(Delivered::CaughtUp);
        }
        if quiet {
            self.quiet();
        }
    }

    fn quiet(&self) {
        self.trouble.borrow_mut().end();
        self.deliver(Delivered::Quiet);
    }

    /// Whether three heartbeats were missed.
    fn is_silent(&self) -> bool {
        self.feed.patience().is_none()
    }

    /// Heartbeats were missed although the server is there.
    fn silent(&self) {
        if !self.has_heartbeat() {
            return;
        }
        if self.mute.get() {
            self.mutes.set(self.mutes.get() + 1);
            if self.mutes.get() >= MUTES {
                self.tell(Reason::Mute);
            }
        }
        self.lose();
    }

    /// The present consumer can deliver nothing more, because of the connection or for lack of permissions.
    fn ended(&self, end: End) {
        self.lose();
        if let End::Refused(problem) = &end {
            let fault = problem.clone().into();
            self.feed.consumers.failed(&fault, self.feed.pace);
            self.tell(Reason::not_made(&fault, true));
        }
        self.deliver(Delivered::Ended(end));
    }

    /// Asks for a new consumer, but never in a tight loop.
    fn lose(&self) {
        self.feed.consumers.order.borrow_mut().lost();
    }

    fn tell(&self, reason: Reason) {
        let new = self.trouble.borrow_mut().is_new(&reason);
        if new {
            self.deliver(Delivered::Trouble(reason));
        }
    }

    /// No new consumer could be made.
    fn failed(&self, fault: Fault) {
        let refused = fault.is_refusal();
        let least = if refused { self.feed.pace.max(REFUSED) } else { Duration::ZERO };
        // It never ends: the stream may be made again.
        self.feed.consumers.failed(&fault, least);
        // A server that has just come back needs a moment before it accepts consumers.
        let since = self.feed.alive.get().max(self.connected_at.get());
        if refused || (self.connected() && patience(since.elapsed(), self.feed.pace).is_none()) {
            self.tell(Reason::not_made(&fault, self.feed.consumers.is_deaf()));
        }
        self.deliver(Delivered::Failed(fault));
    }

    /// Time of the next check; `None` if an event will tell.
    fn next_look(&self) -> Option<Instant> {
        let silent_at = self.feed.alive.get() + self.feed.pace * 3;
        match (self.feed.consumers.is_lost(), self.connected()) {
            (false, _) if !self.has_heartbeat() => self.look_at(),
            (false, _) if self.feed.is_settling() => None,
            (false, _) => Some(silent_at.max(self.probe_at.get())),
            (true, true) => Some(Instant::now() + self.feed.consumers.rest().unwrap_or_default()),
            (true, false) => self.trouble.borrow().lacks(&Reason::Disconnected).then_some(silent_at),
        }
    }

    async fn tick(&self) {
        if self.look_at().is_some_and(|at| at <= Instant::now()) && !self.feed.consumers.is_lost() && self.connected() {
            return self.look_for_end().await;
        }
        if !self.is_silent() {
            return;
        }
        if !self.connected() {
            self.lose();
            return self.tell(Reason::Disconnected);
        }
        if self.feed.consumers.is_lost() || self.feed.is_settling() || self.probe_at.get() > Instant::now() {
            return;
        }
        // The script may have kept away from the event loop, or a lot may be queued: an answer comes after all of that.
        self.feed.probe();
    }

    /// It was settled whether the server is silent.
    fn probed(&self) {
        self.probe_at.set(Instant::now() + self.feed.pace);
    }

    fn heartbeat(&self, last: Option<u64>, stalled: bool) {
        self.sign_of_life();
        if !self.feed.consumers.order.borrow().heartbeat(last) {
            self.lose();
        } else if stalled || last.is_none() || self.nothing_left() {
            self.quiet();
        }
    }

    /// The consumer has nothing more to deliver; false if it is lost.
    fn nothing_left(&self) -> bool {
        let beat = self.progress.borrow_mut().nothing_left();
        match beat {
            Beat::Alive => {}
            Beat::CaughtUp => self.deliver(Delivered::CaughtUp),
            Beat::Renew => self.lose(),
        }
        beat != Beat::Renew
    }

    fn data(&self, message: Message) {
        let Some(place) = message.reply().and_then(metadata::parse) else { return };
        let sorted = self.feed.consumers.order.borrow_mut().message(place.consumer, place.consumer_seq, place.stream_seq);
        match sorted {
            Sorted::Other | Sorted::Again => {}
            Sorted::Gap => self.lose(),
            Sorted::Next | Sorted::Seen => {
                let (fresh, end) = self.progress.borrow_mut().message(message.subject(), &place);
                self.sign_of_life();
                if fresh {
                    self.trouble.borrow_mut().end();
                    let (revision, timestamp, pending) = (place.stream_seq, place.timestamp, place.num_pending);
                    self.deliver(Delivered::Message { message, revision, timestamp, pending });
                }
                self.end(end);
            }
        }
    }

    /// The initial data end here, or may do so.
    fn end(&self, end: InitialEnd) {
        match end {
            InitialEnd::No => {}
            InitialEnd::Yes => self.deliver(Delivered::CaughtUp),
            InitialEnd::Renew => self.lose(),
            InitialEnd::Count => self.count(),
            InitialEnd::Ask => {
                let (answered, client) = (self.feed.answered(), Rc::clone(&self.feed.api.client));
                let work = async move {
                    // Without a connection a new consumer is on its way.
                    if is_present(&client).await {
                        pause(SETTLE).await;
                        if is_present(&client).await {
                            answered();
                        }
                    }
                };
                Task::spawn(work, Box::new(|_| ()));
            }
        }
    }

    /// Asks how much is still to come.
    fn count(&self) {
        let counted = self.feed.counted();
        let access = &self.feed.consumers.access;
        if access.hides_consumers() {
            return counted(None);
        }
        let (api, access, subject) = (Rc::clone(&self.feed.api), Rc::clone(access), self.info_subject());
        let work = async move {
            let outcome = api.json(&subject, String::new()).await;
            if outcome.as_ref().is_err_and(Fault::is_refusal) {
                access.hide_consumers();
            }
            let counts = outcome.ok().and_then(|info| Counts::of(&info));
            counted(counts.map(|counts| counts.delivered + counts.pending));
        };
        Task::spawn(work, Box::new(|_| ()));
    }

    fn info_subject(&self) -> String {
        format!("CONSUMER.INFO.{}.{}", self.request.stream, self.feed.consumers.name())
    }

    fn sign_of_life(&self) {
        self.mute.set(false);
        self.mutes.set(0);
        self.feed.alive.set(Instant::now());
    }

    /// Time to check whether the rest of the initial data was removed, where no heartbeat tells.
    fn look_at(&self) -> Option<Instant> {
        let wanted =
            !self.has_heartbeat() && !self.feed.consumers.access.hides_consumers() && !self.progress.borrow().is_caught_up();
        wanted.then(|| (self.feed.alive.get() + LOOK).max(self.probe_at.get()))
    }

    /// Asks the server what a heartbeat would say.
    async fn look_for_end(&self) {
        self.probe_at.set(Instant::now() + LOOK);
        let outcome = self.feed.api.json(&self.info_subject(), String::new()).await;
        match outcome {
            Ok(info) => {
                let seen = self.feed.consumers.order.borrow().delivered();
                if Counts::of(&info).is_some_and(|counts| counts.delivered <= seen && counts.pending == 0) {
                    self.nothing_left();
                }
            }
            Err(fault) if fault.is_refusal() => self.feed.consumers.access.hide_consumers(),
            Err(Fault::Api(_)) => self.lose(),
            Err(_) => {}
        }
    }
}
