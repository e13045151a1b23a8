//! The run of an ordered consumer: messages, heartbeats and their absence, loss and return of the connection.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::inner::{Delivered, Inner, Input, MUTES, Reason};
use crate::client::calls::Answer;
use crate::client::conn::{Client, State};
use crate::client::fault::Fault;
use crate::client::task::{Task, pause};
use crate::engine::{End, Message};
use crate::rules::initial::End as InitialEnd;
use crate::rules::metadata;
use crate::rules::progress::{Beat, Step};
use crate::rules::push::{Control, control, patience};
use crate::tcl::event::Timer;
use serde_json::Value as Json;

/// Time without a message after which the end of the initial data is looked for, where there are no heartbeats.
const LOOK: Duration = Duration::from_millis(1000);

/// Least time between two attempts of what the server refuses: asking often brings no permission.
const REFUSED: Duration = Duration::from_millis(1000);

/// Least and greatest time that the server has to give a sign of life when it is asked for one.
const PROBE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(2000));

/// Time by which a message may lag behind the answer to a round trip: inside the server they take different paths.
const SETTLE: Duration = Duration::from_millis(5);

/// Whether the server answers a round trip.
async fn is_present(client: &Rc<Client>) -> bool {
    matches!(client.round_trip(None).next().await, Answer::End(End::Pong(_)))
}

/// Runs until the consumer is stopped.
pub(super) async fn run(inner: Rc<Inner>) {
    while !inner.stopped.get() {
        inner.begin();
        if inner.is_lost() && inner.connected() && inner.progress.borrow().order.patience(Instant::now()).is_none() {
            if let Err(fault) = inner.renew().await {
                inner.failed(fault);
            }
            continue;
        }
        inner.arm();
        match inner.inputs.next().await {
            Input::Came(number, _) if number != inner.number.get() => {}
            Input::Came(_, Answer::Reply(message)) => inner.came(message),
            Input::Came(_, Answer::End(end)) => inner.ended(end),
            Input::State(State::Connected) => {
                inner.connected_at.set(Instant::now());
                if inner.is_lost() {
                    inner.progress.borrow_mut().order.returned();
                }
            }
            Input::State(State::Reconnecting | State::Closed) => {
                inner.lose();
                if !inner.has_heartbeat() {
                    // Without heartbeats, this is the last sign of life.
                    inner.alive.set(Instant::now());
                }
            }
            Input::State(State::Connecting) => {}
            Input::Tick => inner.tick().await,
            Input::Present if inner.is_silent() => inner.silent(),
            Input::Present => {}
            Input::Answered(number) if number == inner.number.get() => {
                let end = inner.progress.borrow_mut().answered();
                inner.end(end);
            }
            Input::Answered(_) => {}
            Input::FlowRefused(number) if number == inner.number.get() => inner.without_flow_control(),
            Input::FlowRefused(_) => {}
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
        patience(self.alive.get().elapsed(), self.pace()).is_none()
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
            self.progress.borrow_mut().order.failed(Instant::now(), false, self.pace());
            self.tell(Reason::NotMade(problem.clone().into()));
        }
        self.deliver(Delivered::Ended(end));
    }

    /// Answers to flow control do not reach the server: it would stop for good, so it must be told not to wait.
    fn without_flow_control(&self) {
        self.request.access.flow.set(true);
        self.progress.borrow_mut().order.returned();
    }

    /// Asks for a new consumer, but never in a tight loop.
    fn lose(&self) {
        self.progress.borrow_mut().order.lost();
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
        let least = if refused { self.pace().max(REFUSED) } else { Duration::ZERO };
        // It never ends: the stream may be made again.
        self.progress.borrow_mut().order.failed(Instant::now(), false, least);
        // A server that has just come back needs a moment before it accepts consumers.
        let since = self.alive.get().max(self.connected_at.get());
        if refused || (self.connected() && patience(since.elapsed(), self.pace()).is_none()) {
            self.tell(Reason::not_made(&fault));
        }
        self.deliver(Delivered::Failed(fault));
    }

    /// Time of the next check; `None` if an event will tell.
    fn next_look(&self) -> Option<Instant> {
        let silent_at = self.alive.get() + self.pace() * 3;
        match (self.is_lost(), self.connected()) {
            (false, _) if !self.has_heartbeat() => self.look_at(),
            (false, _) => Some(silent_at.max(self.probe_at.get())),
            (true, true) => {
                let now = Instant::now();
                Some(now + self.progress.borrow().order.patience(now).unwrap_or_default())
            }
            (true, false) => self.trouble.borrow().lacks(&Reason::Disconnected).then_some(silent_at),
        }
    }

    /// Makes sure that a timer is set. One that fires too early does no harm, so messages need not move it.
    fn arm(&self) {
        let Some(at) = self.next_look() else { return };
        if self.timer.borrow().as_ref().is_some_and(|(armed, _)| *armed <= at) {
            return;
        }
        let inputs = Rc::clone(&self.inputs);
        // Rounded up: a timer that fires a fraction of a millisecond early would only be set again.
        let ms = at.saturating_duration_since(Instant::now()).as_millis() as u64 + 1;
        let timer = Timer::after(ms, Box::new(move || inputs.push(Input::Tick)));
        self.timer.replace(Some((at, timer)));
    }

    async fn tick(&self) {
        self.timer.take();
        if self.look_at().is_some_and(|at| at <= Instant::now()) && !self.is_lost() && self.connected() {
            return self.look_for_end().await;
        }
        if !self.is_silent() {
            return;
        }
        if !self.connected() {
            self.lose();
            return self.tell(Reason::Disconnected);
        }
        if self.is_lost() || self.probe_at.get() > Instant::now() {
            return;
        }
        // The script may have kept away from the event loop, or a lot may be queued: an answer comes after all of that.
        let patience = self.pace().clamp(PROBE.0, PROBE.1);
        let answer = self.api.client.round_trip(Some(patience)).next().await;
        self.probe_at.set(Instant::now() + self.pace());
        match answer {
            Answer::Reply(_) | Answer::End(End::Pong(_)) => self.inputs.push(Input::Present),
            Answer::End(_) => self.tell(Reason::Disconnected),
        }
    }

    fn came(&self, message: Message) {
        let status = message.status().map(|status| status.as_u16());
        let control = control(status, &message.description().unwrap_or_default(), message.headers());
        match control {
            Control::Data => self.data(message),
            Control::Heartbeat { last, stalled } => {
                self.sign_of_life();
                if let Some(subject) = &stalled {
                    self.still_stalled(subject);
                }
                let beat = self.progress.borrow_mut().heartbeat(last, stalled.is_some());
                match beat {
                    Beat::Renew => self.lose(),
                    Beat::CaughtUp => {
                        self.deliver(Delivered::CaughtUp);
                        self.quiet();
                    }
                    Beat::Alive => self.quiet(),
                }
            }
            Control::Flow => {
                self.sign_of_life();
                self.stalled.set(None);
                let access = &self.request.access;
                if self.probed.replace(true) {
                    // The server asks again only after an answer.
                    access.flow_proven.set(true);
                }
                if let Some(subject) = message.reply() {
                    self.answer(subject);
                }
            }
            Control::Other => {}
        }
    }

    fn data(&self, message: Message) {
        let Some(place) = message.reply().and_then(metadata::parse) else { return };
        let step = self.progress.borrow_mut().message(message.subject(), &place);
        match step {
            Step::Ignore => {}
            Step::Gap => self.lose(),
            Step::Next { fresh, end } => {
                self.sign_of_life();
                self.stalled.set(None);
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
            InitialEnd::Ask => {
                let (inputs, number) = (Rc::clone(&self.inputs), self.number.get());
                let client = Rc::clone(&self.api.client);
                let work = async move {
                    // Without a connection a new consumer is on its way.
                    if is_present(&client).await {
                        pause(SETTLE).await;
                        if is_present(&client).await {
                            inputs.push(Input::Answered(number));
                        }
                    }
                };
                Task::spawn(work, Box::new(|_| ()));
            }
        }
    }

    fn sign_of_life(&self) {
        self.mute.set(false);
        self.mutes.set(0);
        self.alive.set(Instant::now());
    }

    /// The consumer says that it waits for an answer. If it still says so long after it had one, answers do not reach it.
    fn still_stalled(&self, subject: &str) {
        let since = self.stalled.get().unwrap_or_else(Instant::now);
        self.stalled.set(Some(since));
        if since.elapsed() >= self.pace() / 2 {
            self.inputs.push(Input::FlowRefused(self.number.get()));
        } else {
            self.answer(subject);
        }
    }

    /// Answers the server's flow control.
    fn answer(&self, subject: &str) {
        let (inputs, number) = (Rc::clone(&self.inputs), self.number.get());
        let refused = move || inputs.push(Input::FlowRefused(number));
        self.request.access.answer_flow(&self.api.client, subject, refused);
    }

    /// Time to check whether the rest of the initial data was removed, where no heartbeat tells.
    fn look_at(&self) -> Option<Instant> {
        let wanted = !self.has_heartbeat() && !self.request.access.unseen.get() && !self.progress.borrow().is_caught_up();
        wanted.then(|| (self.alive.get() + LOOK).max(self.probe_at.get()))
    }

    /// Asks the server what a heartbeat would say.
    async fn look_for_end(&self) {
        let Some(name) = self.name.borrow().clone() else { return };
        self.probe_at.set(Instant::now() + LOOK);
        let outcome = self.api.json(&format!("CONSUMER.INFO.{}.{name}", self.request.stream), String::new()).await;
        match outcome {
            Ok(info) => {
                let count = |path: &str| info.pointer(path).and_then(Json::as_u64);
                let seen = self.progress.borrow().order.delivered();
                let all = count("/delivered/consumer_seq").is_some_and(|delivered| delivered <= seen);
                if !all || count("/num_pending") != Some(0) {
                    return;
                }
                let beat = self.progress.borrow_mut().nothing_left();
                match beat {
                    Beat::CaughtUp => self.deliver(Delivered::CaughtUp),
                    Beat::Renew => self.lose(),
                    Beat::Alive => {}
                }
            }
            Err(fault) if fault.is_refusal() => self.request.access.unseen.set(true),
            Err(Fault::Api(_)) => self.lose(),
            Err(_) => {}
        }
    }
}
