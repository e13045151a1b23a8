//! The life of an ordered consumer: messages, heartbeats and their absence, loss and return of the connection.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Inner, Input, Item};
use crate::bridge::errors::{Error, Result, text};
use crate::client::Fault;
use crate::client::{Answer, State};
use crate::engine::{End, Message, Outgoing, Subject};
use crate::rules::metadata;
use crate::rules::ordered::{Control, Step, control, patience};
use crate::tcl::Obj;
use crate::tcl::event::Timer;
use bytes::Bytes;

const DISCONNECTED: &str = "Server disconnected";

/// Least and greatest time between two attempts to make a consumer.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(1000));

/// Least and greatest time that the server has to give a sign of life when it is asked for one.
const PROBE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(2000));

/// Runs until the consumer is stopped.
pub(super) async fn run(inner: Rc<Inner>) -> Result<Obj> {
    while !inner.stopped.get() {
        if inner.lost.get() && inner.connected() && inner.retry_at.get() <= Instant::now() {
            if let Err(error) = inner.renew().await {
                inner.failed(error);
            }
            continue;
        }
        inner.arm();
        match inner.inputs.next().await {
            Input::Came(number, _) if number != inner.number.get() => {}
            Input::Came(_, Answer::Reply(message)) => inner.came(message),
            Input::Came(_, Answer::End(end)) => {
                inner.lost.set(true);
                inner.deliver(Item::Ended(end));
            }
            Input::State(State::Connected) => {
                inner.connected_at.set(Instant::now());
                inner.retry_at.set(Instant::now());
            }
            Input::State(State::Reconnecting | State::Closed) => inner.lost.set(true),
            Input::State(State::Connecting) => {}
            Input::Tick => inner.tick().await,
            Input::Present if inner.is_silent() => inner.lose(),
            Input::Present => {}
        }
    }
    Ok(Obj::empty())
}

impl Inner {
    /// Whether three heartbeats were missed.
    fn is_silent(&self) -> bool {
        patience(self.alive.get().elapsed(), self.heartbeat()).is_none()
    }

    /// A new consumer is needed; never in a tight loop.
    fn lose(&self) {
        self.lost.set(true);
        self.retry_at.set(self.made_at.get() + RETRY.0);
    }

    fn tell(&self, reason: String) {
        let new = self.trouble.borrow_mut().is_new(&reason);
        if new {
            self.deliver(Item::Trouble(reason));
        }
    }

    /// No new consumer came about.
    fn failed(&self, error: Error) {
        self.lost.set(true);
        self.retry_at.set(Instant::now() + self.heartbeat().clamp(RETRY.0, RETRY.1));
        // A server that has just come back needs a moment until it takes consumers.
        let since = self.alive.get().max(self.connected_at.get());
        if self.connected() && patience(since.elapsed(), self.heartbeat()).is_none() {
            self.tell(format!("Error resetting consumer: {}", self.reason(&error)));
        }
        self.deliver(Item::Failed(error));
    }

    /// When to look after things, `None` if an event will tell.
    fn next_look(&self) -> Option<Instant> {
        let silent_at = self.alive.get() + self.heartbeat() * 3;
        match (self.lost.get(), self.connected()) {
            (false, _) => Some(silent_at.max(self.probe_at.get())),
            (true, true) => Some(self.retry_at.get()),
            (true, false) => self.trouble.borrow().lacks(DISCONNECTED).then_some(silent_at),
        }
    }

    /// Sees to a timer; one that fires too early does no harm, so messages need not move it.
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
        if !self.is_silent() {
            return;
        }
        if !self.connected() {
            self.lost.set(true);
            return self.tell(DISCONNECTED.to_string());
        }
        if self.lost.get() || self.probe_at.get() > Instant::now() {
            return;
        }
        // The script may have been away from the event loop, or much may be queued: an answer comes behind all that.
        let patience = self.heartbeat().clamp(PROBE.0, PROBE.1);
        let answer = self.js.connection.round_trip(Some(patience)).next().await;
        self.probe_at.set(Instant::now() + self.heartbeat());
        match answer {
            Answer::Reply(_) | Answer::End(End::Pong(_)) => self.inputs.push(Input::Present),
            Answer::End(_) => self.tell(DISCONNECTED.to_string()),
        }
    }

    fn came(&self, message: Message) {
        let status = message.status().map(|status| status.as_u16());
        let headers: Vec<_> = if status.is_some() { message.headers().collect() } else { Vec::new() };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        match control(status, &message.description().unwrap_or_default(), &headers) {
            Control::Data => self.data(message),
            Control::Heartbeat { last, stalled } => {
                self.alive.set(Instant::now());
                if let Some(subject) = stalled {
                    self.answer(subject);
                }
                if self.progress.borrow().heartbeat(last) {
                    self.trouble.borrow_mut().end();
                    self.deliver(Item::Quiet);
                } else {
                    self.lose();
                }
            }
            Control::Flow => {
                self.alive.set(Instant::now());
                if let Some(subject) = message.reply() {
                    self.answer(subject);
                }
            }
            Control::Other => {}
        }
    }

    fn data(&self, message: Message) {
        let Some(place) = message.reply().and_then(metadata::parse) else { return };
        let step = self.progress.borrow_mut().message(&place);
        match step {
            Step::Ignore => {}
            Step::Gap => self.lose(),
            Step::Next { fresh, caught_up } => {
                self.alive.set(Instant::now());
                if fresh {
                    self.trouble.borrow_mut().end();
                    let (revision, timestamp, pending) = (place.stream_seq, place.timestamp, place.num_pending);
                    self.deliver(Item::Message { message, revision, timestamp, pending });
                }
                if caught_up {
                    self.deliver(Item::CaughtUp);
                }
            }
        }
    }

    /// An empty answer, for the server's flow control.
    fn answer(&self, subject: &str) {
        let message = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        // Without a connection a new consumer is on its way.
        let _ = self.js.connection.engine().publish(&message.as_publication());
    }

    /// The reason of a failure. The text of a timeout names the consumer, and so would be a new reason each time.
    fn reason(&self, error: &Error) -> String {
        match error {
            Error::Fault(Fault::Timeout(_) | Fault::Lost(_)) => "Request timed out".to_string(),
            error => text(&self.js.connection.home, error),
        }
    }
}
