//! A consumer that hands out messages of a subject in order as they are asked for. It is made anew where it is lost.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::purge::passes;
use super::store::Store;
use crate::client::calling::{Callings, timeout};
use crate::client::calls::Answer;
use crate::client::fault::{Fault, Waiting};
use crate::client::task::pause;
use crate::engine::{End, Message, Mode, Outgoing, Progress, RequestSpec, Subject};
use crate::rules::metadata;

/// Time in ns after which the server removes a consumer that nobody asks: then the next one goes on.
const INACTIVE: i64 = 30_000_000_000;

/// Time before another attempt to make a consumer.
const RETRY: Duration = Duration::from_millis(100);

/// Greatest time in ms for which a silent consumer is trusted.
const LOOK: i64 = 2500;

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
    name: Option<String>,
    /// The pulls under way.
    pulls: Callings,
    /// Number of messages that they have still to bring.
    asked: u64,
    /// Number of messages that came.
    came: u64,
    /// Number of deliveries of the present consumer.
    delivered: u64,
    /// Stream sequence of the last message.
    last: u64,
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
            store: Rc::clone(store),
            wanted,
            name: None,
            pulls: Callings::new(&store.api.client),
            asked: 0,
            came: 0,
            delivered: 0,
            last: 0,
            since: Instant::now(),
        };
        match consumer.make().await {
            Ok(()) => Ok(consumer),
            Err(fault) => Err(store.missing(fault).await),
        }
    }

    async fn make(&mut self) -> Result<(), Fault> {
        let api = Rc::clone(&self.store.api);
        self.pulls = Callings::new(&api.client);
        self.asked = 0;
        self.remove();
        self.delivered = 0;
        let mut config = Map::new();
        let mut set = |name: &str, value: Json| config.insert(name.to_string(), value);
        let start = if self.last == 0 { "all" } else { "by_start_sequence" };
        set("deliver_policy", start.into());
        if self.last > 0 {
            set("opt_start_seq", (self.last + 1).into());
        }
        set("ack_policy", "none".into());
        set("replay_policy", "instant".into());
        set("filter_subject", self.wanted.filter.as_str().into());
        set("headers_only", self.wanted.headers_only.into());
        set("inactive_threshold", INACTIVE.into());
        set("mem_storage", true.into());
        set("num_replicas", 1.into());
        let name = nuid::next().to_string();
        let stream = &self.store.stream;
        let rest = if api.names_consumers() {
            set("name", name.as_str().into());
            self.name = Some(name.clone());
            format!("CONSUMER.CREATE.{stream}.{name}.{}", self.wanted.filter)
        } else {
            format!("CONSUMER.CREATE.{stream}")
        };
        let body = json!({ "stream_name": stream, "config": config });
        let made = api.json(&rest, body.to_string()).await?;
        let name = made.get("name").and_then(Json::as_str).ok_or(Fault::ReplyIncomplete)?;
        self.name = Some(name.to_string());
        let there = made.get("num_pending").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)?;
        if there + self.came == self.wanted.count { Ok(()) } else { Err(Fault::ChunksGone(there + self.came)) }
    }

    /// Removes the consumer from the server, without waiting for that.
    fn remove(&mut self) {
        let Some(name) = self.name.take() else { return };
        let api = &self.store.api;
        let subject = Subject::from(api.subject(&format!("CONSUMER.DELETE.{}.{name}", self.store.stream)));
        let msg = Outgoing { subject, reply: None, headers: None, payload: Bytes::new() };
        let spec = RequestSpec { msg, timeout: timeout(api.timeout.max(1000)), mode: Mode::Shared };
        let _ = api.client.call_back(spec, Rc::new(|_| ()));
    }

    /// Asks for what is still to come, but not for too much at a time. A pull is asked for when another one still has half of that to
    /// bring: the server is not to wait. It serves pulls in turn, and what they bring is in order all the same.
    fn ask(&mut self) -> Result<(), Fault> {
        let batch = (self.wanted.count - self.came).min(self.wanted.window) - self.asked;
        if batch == 0 || self.asked > self.wanted.window / 2 {
            return Ok(());
        }
        let Some(name) = &self.name else { return Err(Fault::ReplyIncomplete) };
        let subject = self.store.api.subject(&format!("CONSUMER.MSG.NEXT.{}.{name}", self.store.stream));
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: pull(batch) };
        let mode = Mode::Pull { max: batch, ends_at_client: true, renew: Some(renew), amend: None, silence: None };
        self.pulls.call(RequestSpec { msg, timeout: timeout(self.look()), mode })?;
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
            match self.pulls.next().await {
                Answer::Reply(message) => {
                    self.asked = self.asked.saturating_sub(1);
                    let place = message.reply().and_then(metadata::parse);
                    let Some((revision, delivery)) = place.map(|place| (place.stream_seq, place.consumer_seq)) else {
                        return Err(Fault::ReplyIncomplete);
                    };
                    if delivery != self.delivered + 1 {
                        self.again().await?;
                        continue;
                    }
                    self.delivered = delivery;
                    self.came += 1;
                    self.last = revision;
                    return Ok(Some(Delivery { message, revision }));
                }
                Answer::End(End::Full) => {}
                Answer::End(End::Timeout) if self.is_silent() => return Err(self.silence()),
                Answer::End(End::Timeout | End::NoResponders(_) | End::Status(_)) => self.again().await?,
                Answer::End(end) => return Err(Fault::of_end(&end, self.waiting())),
            }
        }
    }

    /// Time in ms after which a silent consumer is replaced: up to 2.9 nobody tells that it is gone, or has nothing to give.
    fn look(&self) -> i64 {
        if self.wanted.ms == 0 { LOOK } else { (self.wanted.ms / 2).clamp(1, LOOK) }
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
            match self.make().await {
                Ok(()) => return Ok(()),
                // A server that has just come back needs a moment.
                Err(fault) if passes(&fault) => pause(RETRY).await,
                Err(fault) => return Err(self.store.missing(fault).await),
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.remove();
    }
}
