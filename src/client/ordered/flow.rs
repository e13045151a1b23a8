//! Answers to the flow control of push consumers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Access;
use crate::client::calling::timeout;
use crate::client::calls::Answer;
use crate::client::conn::Client;
use crate::engine::{End, Mode, Outgoing, RequestSpec, Subject};

/// Time in ms for which an answer is watched for a refusal.
const PROBE: i64 = 1000;

/// The flow control of a follower's present consumer.
pub(crate) struct FlowControl {
    access: Rc<Access>,
    /// Subject on which the consumer waits for an answer.
    subject: RefCell<Option<String>>,
    /// Whether it has asked for one.
    asked: Cell<bool>,
    /// Time of the first answer since the last message or request.
    told: Cell<Option<Instant>>,
    /// Whether a heartbeat has said since that there was none.
    doubted: Cell<bool>,
}

impl FlowControl {
    /// No consumer yet.
    pub(crate) fn new(access: &Rc<Access>) -> FlowControl {
        FlowControl {
            access: Rc::clone(access),
            subject: RefCell::default(),
            asked: Cell::default(),
            told: Cell::default(),
            doubted: Cell::default(),
        }
    }

    /// Another consumer is there, or none.
    pub(crate) fn begin(&self) {
        self.subject.take();
        self.asked.set(false);
        self.moves();
    }

    /// A message came.
    pub(crate) fn message(&self) {
        self.moves();
    }

    /// The consumer has had its last answer.
    fn moves(&self) {
        self.told.set(None);
        self.doubted.set(false);
    }

    /// The consumer asks for an answer.
    pub(crate) fn request(&self, subject: Option<&str>) {
        if self.asked.replace(true) {
            // The server asks again only after an answer.
            self.access.prove_flow();
        }
        self.moves();
        self.subject.replace(subject.map(str::to_string));
    }

    /// A heartbeat says that the consumer waits for an answer; false if it had one so long ago, by the time between two heartbeats,
    /// that answers do not reach it. The first such heartbeat may have been on its way when the answer went out.
    #[must_use]
    pub(crate) fn stalled(&self, subject: String, pace: Duration) -> bool {
        self.subject.replace(Some(subject));
        let is_late = self.told.get().is_some_and(|told| told.elapsed() >= pace / 2);
        !(is_late && self.doubted.replace(true))
    }

    /// Whether the consumer waits for an answer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.subject.borrow().is_some()
    }

    /// Sends the answer, if one is awaited. Nobody replies to it, but while it is not known that answers are allowed it is a
    /// request, so that its refusal is noticed: then `refused` is called. Without a connection another consumer is on its way.
    pub(crate) fn answer(&self, client: &Client, refused: impl Fn() + 'static) {
        let Some(subject) = self.subject.take() else { return };
        self.told.set(self.told.get().or_else(|| Some(Instant::now())));
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        if self.access.proves_flow() {
            let _ = client.engine().publish(&msg.as_publication());
            return;
        }
        let take = move |answer| {
            if let Answer::End(End::Refused(_)) = answer {
                refused();
            }
        };
        let _ = client.call_back(RequestSpec { msg, timeout: timeout(PROBE), mode: Mode::Shared }, Rc::new(take));
    }
}
