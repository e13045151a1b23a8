//! The consumers that a follower of a stream takes one after the other: how they are made and removed, and the look at the stream
//! in between. `rules/order` decides where and when.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use super::Access;
use crate::client::api::Api;
use crate::client::codes::{CONSUMER_NOT_FOUND, STREAM_NOT_FOUND};
use crate::client::fault::Fault;
use crate::client::task::{Task, pause};
use crate::engine::Problem;
use crate::rules::order::Order;
use crate::rules::time::isotime_to_msec;

/// Timeout in ms of requests whose answer nobody awaits, where the JetStream object has none.
const TIMEOUT: i64 = 5000;

/// Pauses in ms between the attempts to remove a consumer that may not have been made yet.
const LATE_MAKING: [u64; 5] = [50, 100, 250, 500, 1000];

/// Timeout in ms of requests for which no script waits.
pub(crate) fn patience(api: &Api) -> i64 {
    if api.timeout > 0 { api.timeout } else { TIMEOUT }
}

/// Whether a consumer that was not removed because of this may still be made.
fn may_come(fault: &Fault) -> bool {
    fault.err_code() == Some(CONSUMER_NOT_FOUND) || matches!(fault, Fault::Timeout(_))
}

/// What the server says of a consumer that it has made.
pub(crate) struct Made {
    /// Name.
    pub name: String,
    /// Number of messages still to be delivered.
    pub pending: u64,
    /// The same, with those that were delivered already.
    pub total: u64,
    /// Sequence of the stream behind which it began.
    pub stream_seq: u64,
    /// When it was made, ms since the epoch, if that can be read.
    pub created: Option<i64>,
}

impl Made {
    fn of(reply: &Json) -> Option<Made> {
        let count = |path: &str| reply.pointer(path).and_then(Json::as_u64);
        let text = |name: &str| reply.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let pending = count("/num_pending")?;
        Some(Made {
            name: text("name")?.to_string(),
            pending,
            total: pending.saturating_add(count("/delivered/consumer_seq").unwrap_or_default()),
            stream_seq: count("/delivered/stream_seq").unwrap_or_default(),
            created: text("created").and_then(|iso| isotime_to_msec(iso).ok()),
        })
    }
}

/// The consumers of one follower. Dropped, they leave the present one to the server.
pub(crate) struct Consumers {
    api: Rc<Api>,
    stream: String,
    /// What the server refuses.
    pub access: Rc<Access>,
    /// The order of the messages.
    pub order: RefCell<Order>,
    /// Name of the consumer that may exist on the server, and whether the server has said that it made it.
    present: RefCell<Option<(String, bool)>>,
    /// What the server said when it made the latest one.
    info: RefCell<Json>,
    /// Why the inbox of the latest one was refused.
    deaf: RefCell<Option<Problem>>,
}

impl Consumers {
    /// None yet.
    pub(crate) fn new(api: &Rc<Api>, stream: &str, access: Rc<Access>, order: Order) -> Consumers {
        Consumers {
            api: Rc::clone(api),
            stream: stream.to_string(),
            access,
            order: RefCell::new(order),
            present: RefCell::default(),
            info: RefCell::default(),
            deaf: RefCell::default(),
        }
    }

    /// Name of the consumer that may exist on the server; empty if there is none.
    pub(crate) fn name(&self) -> String {
        self.present.borrow().as_ref().map_or_else(String::new, |(name, _)| name.clone())
    }

    /// What the server said when it made the latest one.
    pub(crate) fn info(&self) -> Json {
        self.info.borrow().clone()
    }

    /// Whether another one is needed.
    pub(crate) fn is_lost(&self) -> bool {
        self.order.borrow().is_lost()
    }

    /// Time to wait before the next one may be made.
    pub(crate) fn rest(&self) -> Option<Duration> {
        self.order.borrow().patience(Instant::now())
    }

    /// Whether the server has not said yet that it made the present one.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(&*self.present.borrow(), Some((_, false)))
    }

    /// The inbox of the present consumer is refused.
    pub(crate) fn refuse_inbox(&self, problem: Problem) {
        self.deaf.replace(Some(problem));
    }

    /// Whether it is.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf.borrow().is_some()
    }

    /// Makes a consumer of this configuration, whose inbox is listened to already; `action` as in [`Api::consumer_request`], `ms`
    /// the timeout, 0 waits for ever.
    ///
    /// # Errors
    /// As [`Api::ask`]; [`Fault::Engine`] if its inbox is refused; [`Fault::ReplyIncomplete`].
    pub(crate) async fn make(&self, config: Map<String, Json>, action: Option<&str>, ms: i64) -> Result<Made, Fault> {
        self.deaf.take();
        // Known before the answer, so that it can be removed even if the answer is lost.
        let name = config.get("name").and_then(Json::as_str).map(|name| (name.to_string(), false));
        if let Some((name, _)) = &name {
            // Messages may overtake the answer.
            self.order.borrow_mut().turn_to(name);
        }
        self.present.replace(name);
        let (rest, body) = self.api.consumer_creation(&self.stream, config, action);
        let outcome = self.api.ask_patiently(&rest, body, ms).await;
        let made = match outcome {
            Ok((_, reply)) => {
                let made = Made::of(&reply).ok_or(Fault::ReplyIncomplete)?;
                let former = self.present.replace(Some((made.name.clone(), true)));
                let mut order = self.order.borrow_mut();
                if former.is_none_or(|(name, _)| name != made.name) {
                    order.turn_to(&made.name);
                }
                order.made(Instant::now(), made.stream_seq);
                self.info.replace(reply);
                Ok(made)
            }
            Err(fault) => {
                if fault.is_refusal() || matches!(fault, Fault::Api(_) | Fault::NoJetStream) {
                    self.present.take();
                }
                Err(fault)
            }
        };
        let Some(problem) = self.deaf.borrow().clone() else { return made };
        // Nothing would ever come to it.
        self.remove();
        Err(problem.into())
    }

    /// The next one could not be made because of this; another attempt is not made before `least` is over. True if there is none.
    pub(crate) fn failed(&self, fault: &Fault, least: Duration) -> bool {
        self.remove();
        let missing = fault.err_code() == Some(STREAM_NOT_FOUND);
        self.order.borrow_mut().failed(Instant::now(), missing, least)
    }

    /// Removes the consumer from the server without waiting for that. Where that cannot be, the server removes it by itself when
    /// it has not been used for a time.
    pub(crate) fn remove(&self) {
        let Some((name, answered)) = self.present.take() else { return };
        if self.access.keeps_consumers() {
            return;
        }
        let rest = format!("CONSUMER.DELETE.{}.{name}", self.stream);
        let (api, access) = (self.api.with_timeout(patience(&self.api)), Rc::clone(&self.access));
        let work = async move {
            for wait in LATE_MAKING {
                match api.ask(&rest, String::new()).await {
                    // The server works on several requests at a time: the making may be behind its removal, also where that was
                    // not answered in time.
                    Err(fault) if !answered && may_come(&fault) => pause(Duration::from_millis(wait)).await,
                    Err(fault) if fault.is_refusal() => return access.keep_consumers(),
                    _ => return,
                }
            }
        };
        Task::spawn(work, Box::new(|()| ()));
    }

    /// Looks whether the stream is the one that was read so far; a user who may not look does without. True if it is another one of
    /// the same name, or has become shorter.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn look_at_stream(&self) -> Result<bool, Fault> {
        let place = self.order.borrow().place();
        let seen = match self.access.stream_state(&self.api.with_timeout(patience(&self.api)), &self.stream).await {
            // An account that imports a part of the API only, unless there is no JetStream, which the next request tells.
            Err(Fault::NoJetStream) => None,
            seen => seen?,
        };
        Ok(seen.is_some_and(|(created, last_seq)| self.order.borrow_mut().stream(&created, last_seq, place)))
    }
}
