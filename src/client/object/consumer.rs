//! A consumer that hands out messages of a subject in order. What is asked for at once in any case, it pushes; else it is asked as the
//! messages are taken. It is made anew where it is lost.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::purge::passes;
use super::store::Store;
use crate::client::callings::{Callings, Next};
use crate::client::calls::Answer;
use crate::client::fault::{Fault, Waiting};
use crate::client::ordered::Consumers;
use crate::client::task::pause;
use crate::engine::{End, Message, Mode, Outgoing, Progress, RequestSpec, Subject};
use crate::rules::metadata;
use crate::rules::order::{Order, Pace, Sorted};

/// Time in ns after which the server removes a consumer that nobody asks: then the next one goes on.
const INACTIVE: i64 = 30_000_000_000;

/// Greatest time in ms for which a silent consumer is trusted, or an answer to the making of another one is awaited: a server that is lost
/// in an election answers nobody, ever.
const LOOK: i64 = 2500;

/// The same for one that is to push and has brought nothing yet: what it pushes may not come here, ever.
const FIRST_LOOK: i64 = 500;

/// A message, with its place.
pub(super) struct Delivery {
    /// As it came.
    pub message: Message,
    /// Sequence in the stream.
    pub revision: u64,
}

/// What is read.
pub(super) struct Wanted {
    /// Subject.
    pub filter: String,
    /// Number of messages.
    pub count: u64,
    /// Number of messages that are asked for ahead.
    pub window: u64,
    /// Without payloads.
    pub headers_only: bool,
    /// Time of silence in ms after which it fails; 0 waits for ever.
    pub ms: i64,
}

/// Such a consumer; dropped, it is removed from the server.
pub(super) struct Consumer {
    store: Rc<Store>,
    wanted: Wanted,
    consumers: Consumers,
    /// The pulls under way, or the inbox.
    pulls: Callings,
    /// Whether the present one pushes.
    pushes: bool,
    /// Number of messages that the pulls have still to bring.
    asked: u64,
    /// Number of messages that came.
    came: u64,
    /// Time since which nothing has come.
    since: Instant,
}

fn renew(_payload: &Bytes, progress: Progress) -> Option<Bytes> {
    Some(pull(progress.left))
}

/// Body of a pull of what is there.
fn pull(batch: u64) -> Bytes {
    Bytes::from(json!({ "batch": batch, "no_wait": true }).to_string())
}

impl Consumer {
    /// Makes the server's consumer.
    ///
    /// # Errors
    /// [`Fault::ChunksGone`] with the number of messages that are there, if that is not the one wanted; those of a request.
    pub(super) async fn begin(store: &Rc<Store>, wanted: Wanted) -> Result<Consumer, Fault> {
        let mut consumer = Consumer {
            consumers: Consumers::new(&store.api, &store.stream, Rc::clone(&store.access), Order::new(Pace::SOON, false)),
            store: Rc::clone(store),
            wanted,
            pulls: Callings::new(&store.api.client),
            pushes: false,
            asked: 0,
            came: 0,
            since: Instant::now(),
        };
        match consumer.make(store.api.timeout).await {
            Ok(()) => Ok(consumer),
            Err(fault) => Err(store.missing(fault).await),
        }
    }

    /// Makes one; `ms` is the timeout, 0 waits for ever.
    async fn make(&mut self, ms: i64) -> Result<(), Fault> {
        self.pulls = Callings::new(&self.store.api.client);
        self.asked = 0;
        self.consumers.remove();
        let mut config = Map::new();
        let mut set = |name: &str, value: Json| config.insert(name.to_string(), value);
        let start = self.consumers.order.borrow().start().sequence();
        set("deliver_policy", if start.is_some() { "by_start_sequence" } else { "all" }.into());
        if let Some(start) = start {
            set("opt_start_seq", start.into());
        }
        set("ack_policy", "none".into());
        set("replay_policy", "instant".into());
        set("filter_subject", self.wanted.filter.as_str().into());
        set("headers_only", self.wanted.headers_only.into());
        set("inactive_threshold", INACTIVE.into());
        set("mem_storage", true.into());
        set("num_replicas", 1.into());
        if self.store.api.names_consumers() {
            set("name", nuid::next().as_str().into());
        }
        self.pushes = self.may_push();
        if self.pushes {
            let inbox = self.store.api.client.engine().new_inbox();
            set("deliver_subject", inbox.as_str().into());
            self.pulls.listen(&inbox)?;
        }
        let made = self.consumers.make(config, None, ms).await?;
        let there = made.total + self.came;
        if there == self.wanted.count { Ok(()) } else { Err(Fault::ChunksGone(there)) }
    }

    /// Whether all that is still to come would be asked for at once, and may be pushed. What a JetStream elsewhere pushes may not come.
    fn may_push(&self) -> bool {
        let left = self.wanted.count - self.came;
        left <= self.wanted.window && self.store.api.is_own() && !self.store.access.is_deaf_to_pushes()
    }

    /// Asks for what is still to come, but not for too much at a time. A pull is asked for when another one still has half of that to
    /// bring: the server is not to wait. It serves pulls in turn, and what they bring is in order all the same.
    fn ask(&mut self) -> Result<(), Fault> {
        let batch = (self.wanted.count - self.came).min(self.wanted.window) - self.asked;
        if batch == 0 || self.pushes || self.asked > self.wanted.window / 2 {
            return Ok(());
        }
        let name = self.consumers.name();
        let subject = self.store.api.subject(&format!("CONSUMER.MSG.NEXT.{}.{name}", self.store.stream));
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: pull(batch) };
        let mode = Mode::Pull { max: batch, ends_at_client: true, renew: Some(renew), amend: None, silence: None };
        // Silence ends it: on a slow link what it asks for takes its time.
        self.pulls.call(RequestSpec { msg, timeout: None, mode })?;
        self.asked += batch;
        Ok(())
    }

    /// The next message; `None` after the last one.
    ///
    /// # Errors
    /// [`Fault::Timeout`] after too long a silence, [`Fault::ChunksGone`] if what is still to come is not there, those of a request.
    pub(super) async fn next(&mut self) -> Result<Option<Delivery>, Fault> {
        // The time since the last message is that of whoever takes them.
        self.since = Instant::now();
        loop {
            self.store.present()?;
            if self.came == self.wanted.count {
                return Ok(None);
            }
            self.ask()?;
            match self.pulls.next_within(self.look() as u64).await {
                Next::Came(Answer::Reply(message)) => {
                    self.asked = self.asked.saturating_sub(1);
                    let place = message.reply().and_then(metadata::parse);
                    let Some(place) = place else { return Err(Fault::ReplyIncomplete) };
                    let revision = place.stream_seq;
                    let sorted = self.consumers.order.borrow_mut().message(place.consumer, place.consumer_seq, revision);
                    if sorted != Sorted::Next {
                        self.again().await?;
                        continue;
                    }
                    self.came += 1;
                    return Ok(Some(Delivery { message, revision }));
                }
                Next::Came(Answer::End(End::Full)) => {}
                Next::Silence if self.is_silent() => return Err(self.silence()),
                Next::Silence => {
                    if self.is_dumb() {
                        self.store.access.be_deaf_to_pushes();
                    }
                    self.again().await?;
                }
                Next::Returned | Next::Came(Answer::End(End::NoResponders(_) | End::Status(_))) => self.again().await?,
                Next::Came(Answer::End(end)) => return Err(Fault::of_end(&end, self.waiting())),
            }
        }
    }

    /// Whether it is to push, and has brought nothing yet.
    fn is_dumb(&self) -> bool {
        self.pushes && self.consumers.order.borrow().delivered() == 0
    }

    /// Time in ms after which a silent consumer is replaced: up to 2.9 nobody tells that it is gone, or has nothing to give.
    fn look(&self) -> i64 {
        self.bounded(if self.is_dumb() { FIRST_LOOK } else { LOOK })
    }

    /// This time in ms, but no more than half of that in which it may be silent.
    fn bounded(&self, most: i64) -> i64 {
        if self.wanted.ms == 0 { most } else { (self.wanted.ms / 2).clamp(1, most) }
    }

    /// Whether nothing has come for too long.
    fn is_silent(&self) -> bool {
        self.wanted.ms > 0 && self.since.elapsed() >= Duration::from_millis(self.wanted.ms as u64)
    }

    fn waiting(&self) -> Waiting {
        Waiting::Request(self.wanted.filter.clone())
    }

    fn silence(&self) -> Fault {
        Fault::Timeout(self.waiting())
    }

    /// Makes another consumer, which goes on after the last message.
    async fn again(&mut self) -> Result<(), Fault> {
        loop {
            if self.is_silent() {
                return Err(self.silence());
            }
            let Err(fault) = self.make(self.bounded(LOOK)).await else { return Ok(()) };
            if !passes(&fault) {
                return Err(self.store.missing(fault).await);
            }
            // A server that has just come back needs a moment.
            self.consumers.failed(&fault, Duration::ZERO);
            if let Some(wait) = self.consumers.rest() {
                pause(wait).await;
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.consumers.remove();
    }
}
