//! Making and removing the server's consumer.

use std::rc::Rc;
use std::time::Instant;

use serde_json::{Map, Value as Json};

use super::{Inner, Input, Item};
use crate::bridge::errors::Result;
use crate::classes::jet_stream::api::{JetStream, parse, response_error};
use crate::classes::jet_stream::consumers::names_consumers;
use crate::client::timeout;
use crate::engine::{Mode, Outgoing, RequestSpec, Subject};
use crate::rules::kv::watch_config;
use bytes::Bytes;

/// Timeout in ms of what nobody waits for, where the JetStream object has none.
const TIMEOUT: i64 = 5000;

/// When a stream was created, as the server writes it, and its last sequence.
///
/// # Errors
/// Those of the server's answer, `ErrTimeout`, `ErrNoResponders`, `ErrConnectionClosed`.
pub async fn stream_state(js: &JetStream, stream: &str) -> Result<(String, u64)> {
    let info = js.api(&format!("STREAM.INFO.{stream}"), String::new()).await?;
    Ok(created(&info))
}

/// When a stream was created and its last sequence, of its information.
pub fn created(info: &Json) -> (String, u64) {
    let created = info.get("created").and_then(Json::as_str).unwrap_or_default().to_string();
    let last_seq = info.pointer("/state/last_seq").and_then(Json::as_u64).unwrap_or_default();
    (created, last_seq)
}

impl Inner {
    pub(super) fn timeout(&self) -> i64 {
        if self.js.timeout > 0 { self.js.timeout } else { TIMEOUT }
    }

    /// A new consumer after the loss of another one.
    pub(super) async fn renew(&self) -> Result<()> {
        self.listening.take();
        self.remove();
        if self.progress.borrow().knows_stream() {
            let (created, last_seq) = stream_state(&self.js, &self.request.stream).await?;
            self.progress.borrow_mut().stream(&created, last_seq);
        }
        self.make(self.timeout()).await
    }

    /// Makes a consumer that delivers to an inbox of its own.
    pub(super) async fn make(&self, ms: i64) -> Result<()> {
        let connection = &self.js.connection;
        let inbox = connection.engine().new_inbox();
        let number = self.number.get() + 1;
        self.number.set(number);
        self.lost.set(false);
        let inputs = Rc::clone(&self.inputs);
        let take = move |answer| inputs.push(Input::Came(number, answer));
        let listening = connection.listen(&inbox, take)?;
        self.listening.replace(Some(listening));

        let (subject, body) = self.creation(&inbox);
        // Named before the answer is there: also a consumer of which nobody hears again can be removed.
        let reply = parse(&self.js.exchange(&subject, Bytes::from(body), None, ms).await?)?;
        if let Some(refused) = response_error(&reply) {
            self.name.take();
            self.listening.take();
            return Err(refused.into());
        }
        let count = |path: &str| reply.pointer(path).and_then(Json::as_u64).unwrap_or_default();
        let (pending, delivered) = (count("/num_pending"), count("/delivered/consumer_seq"));
        let name = reply.get("name").and_then(Json::as_str).unwrap_or_default();
        self.name.replace(Some(name.to_string()));
        let caught_up = self.progress.borrow_mut().consumer(name, pending, delivered);
        let now = Instant::now();
        self.made_at.set(now);
        self.alive.set(now);
        if caught_up {
            self.deliver(Item::CaughtUp);
        }
        if pending == 0 {
            self.trouble.borrow_mut().end();
            self.deliver(Item::Quiet);
        }
        Ok(())
    }

    /// Subject and body of the request that makes the consumer.
    fn creation(&self, inbox: &str) -> (String, String) {
        let request = &self.request;
        let start = self.progress.borrow().start();
        let mut config = watch_config(&request.filter, inbox, start, request.headers_only, request.heartbeat);
        let rest = if names_consumers(&self.js) {
            let name = inbox.rsplit('.').next().unwrap_or_default();
            config.insert("name".into(), name.into());
            self.name.replace(Some(name.to_string()));
            format!("CONSUMER.CREATE.{}.{name}.{}", request.stream, request.filter)
        } else {
            format!("CONSUMER.CREATE.{}", request.stream)
        };
        let mut body = Map::new();
        body.insert("stream_name".into(), request.stream.as_str().into());
        body.insert("config".into(), Json::Object(config));
        (self.js.subject(&rest), Json::Object(body).to_string())
    }

    /// Removes the consumer from the server, without waiting for it. Where that cannot be said any more, the server removes it
    /// by itself: nobody listens to its inbox.
    pub(super) fn remove(&self) {
        let Some(name) = self.name.take() else { return };
        let subject = self.js.subject(&format!("CONSUMER.DELETE.{}.{name}", self.request.stream));
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        let spec = RequestSpec { msg, timeout: timeout(self.timeout()), mode: Mode::Shared };
        let _ = self.js.connection.call_back(spec, |_, _| ());
    }
}
