//! Making and removing the server's consumer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use serde_json::Value as Json;

use super::access::Form;
use super::inner::{Inner, Input, MUTES};
use crate::client::api::{parse, response_error};
use crate::client::calling::timeout;
use crate::client::calls::Answer;
use crate::client::fault::Fault;
use crate::engine::{End, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::kv::watch_config;
use crate::rules::time::isotime_to_msec;
use bytes::Bytes;

/// Timeout in ms of requests whose answer nobody awaits, where the JetStream object has none.
const TIMEOUT: i64 = 5000;

impl Inner {
    pub(super) fn timeout(&self) -> i64 {
        if self.api.timeout > 0 { self.api.timeout } else { TIMEOUT }
    }

    /// A new consumer after the loss of another one.
    pub(super) async fn renew(&self) -> Result<(), Fault> {
        self.listening.take();
        self.remove();
        let place = self.progress.borrow().order.place();
        if self.progress.borrow().order.knows_stream()
            && let Some((created, last_seq)) = self.request.access.stream_state(&self.api, &self.request.stream).await?
        {
            self.progress.borrow_mut().stream(&created, last_seq, place);
        }
        self.make(self.timeout()).await
    }

    /// Makes a consumer that delivers to an inbox of its own, in the first form that the server takes.
    pub(super) async fn make(&self, ms: i64) -> Result<(), Fault> {
        let access = &self.request.access;
        let mut first = None;
        for form in access.order(&self.request.forms) {
            match self.make_as(&form, ms).await? {
                None => {
                    access.allow(&form);
                    return Ok(());
                }
                Some(refusal) => {
                    access.refuse(&form);
                    first.get_or_insert(refusal);
                }
            }
        }
        Err(first.unwrap_or(Fault::ReplyIncomplete))
    }

    /// Makes a consumer in this form; the fault of one that this user may not make.
    async fn make_as(&self, form: &Form, ms: i64) -> Result<Option<Fault>, Fault> {
        let client = &self.api.client;
        let inbox = client.engine().new_inbox();
        let number = self.number.get() + 1;
        self.number.set(number);
        let inputs = Rc::clone(&self.inputs);
        let deaf = Rc::new(RefCell::new(None));
        let refused = Rc::clone(&deaf);
        let take = move |answer| {
            if let Answer::End(End::Refused(problem)) = &answer {
                refused.replace(Some(problem.clone()));
            }
            inputs.push(Input::Came(number, answer));
        };
        let listening = client.listen(&inbox, Rc::new(take))?;
        self.listening.replace(Some(listening));

        let (subject, body) = self.creation(form, &inbox);
        // The name is known before the answer, so that a consumer can be removed even if the answer is lost.
        let outcome = match self.api.exchange(&subject, Bytes::from(body), None, ms).await {
            Ok(reply) => parse(&reply).map(|reply| (response_error(&reply), reply)),
            Err(fault) => Err(fault),
        };
        // Nothing would ever come to an inbox that is refused, whatever the form of the consumer.
        if let Some(problem) = deaf.take() {
            self.listening.take();
            self.remove();
            return Err(problem.into());
        }
        let reply = match outcome {
            Ok((None, reply)) => reply,
            Ok((Some(refused), _)) => return Err(self.not_made(refused)),
            Err(fault) if fault.is_refusal() => return Ok(Some(self.not_made(fault))),
            Err(fault) => return Err(fault),
        };
        match self.made(&reply) {
            Ok(()) => Ok(None),
            Err(fault) => Err(self.not_made(fault)),
        }
    }

    /// The server has made no consumer.
    fn not_made(&self, fault: Fault) -> Fault {
        self.name.take();
        self.listening.take();
        fault
    }

    /// The server has made the consumer and replied with this.
    ///
    /// # Errors
    /// [`Fault::ReplyIncomplete`] if it does not say what consumer that is, when it was made, and how much it has to deliver.
    fn made(&self, reply: &Json) -> Result<(), Fault> {
        let count = |path: &str| reply.pointer(path).and_then(Json::as_u64).unwrap_or_default();
        let text = |name: &str| reply.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let name = text("name").ok_or(Fault::ReplyIncomplete)?;
        let pending = reply.get("num_pending").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)?;
        let made = text("created").and_then(|iso| isotime_to_msec(iso).ok()).ok_or(Fault::ReplyIncomplete)?;
        let delivered = count("/delivered/consumer_seq");
        self.name.replace(Some(name.to_string()));
        let mut progress = self.progress.borrow_mut();
        let caught_up = progress.consumer(name, pending.saturating_add(delivered), made);
        let now = Instant::now();
        progress.order.made(now, count("/delivered/stream_seq"));
        drop(progress);
        self.alive.set(now);
        self.mute.set(true);
        // A consumer that follows silent ones has yet to show that it does better.
        let quiet = pending == 0 && self.mutes.get() < MUTES;
        self.probed.set(false);
        self.stalled.set(None);
        self.begun.set((caught_up, quiet));
        Ok(())
    }

    /// Subject and body of the request that makes the consumer.
    fn creation(&self, form: &Form, inbox: &str) -> (String, String) {
        let request = &self.request;
        let start = self.progress.borrow().start();
        let flow_control = !request.access.flow.get();
        let mut config = watch_config(&form.filters, inbox, start, request.headers_only, request.heartbeat, flow_control);
        let rest = if form.named && self.api.names_consumers() {
            let name = inbox.rsplit('.').next().unwrap_or_default();
            config.insert("name".into(), name.into());
            self.name.replace(Some(name.to_string()));
            match form.filters.as_slice() {
                [filter] if self.api.goes_into_subject(filter) => format!("CONSUMER.CREATE.{}.{name}.{filter}", request.stream),
                _ => format!("CONSUMER.CREATE.{}.{name}", request.stream),
            }
        } else {
            format!("CONSUMER.CREATE.{}", request.stream)
        };
        (self.api.subject(&rest), self.api.consumer_request(&request.stream, config, None))
    }

    /// Removes the consumer from the server, without waiting for that. Where the request cannot be sent, or is not permitted, the
    /// server removes the consumer by itself, because nobody listens to its inbox.
    pub(super) fn remove(&self) {
        let Some(name) = self.name.take() else { return };
        let access = &self.request.access;
        if access.removal.get() {
            return;
        }
        let subject = self.api.subject(&format!("CONSUMER.DELETE.{}.{name}", self.request.stream));
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        let spec = RequestSpec { msg, timeout: timeout(self.timeout()), mode: Mode::Shared };
        let access = Rc::clone(access);
        let take = move |answer| {
            if let Answer::End(End::Refused(_)) = answer {
                access.removal.set(true);
            }
        };
        let _ = self.api.client.call_back(spec, Rc::new(take));
    }
}
