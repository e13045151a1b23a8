//! A consumer that is gone is made anew, from where its acknowledgements end.

use std::rc::Rc;
use std::time::Instant;

use serde_json::Value as Json;

use super::remaking::Remaking;
use super::source::{CLOSED, Source, Told};
use crate::client::codes::{CONSUMER_NOT_FOUND, STREAM_NOT_FOUND};
use crate::client::fault::Fault;
use crate::client::ordered::patience;
use crate::client::task::{Task, pause};
use crate::engine::Message;
use crate::rules::ack_floor::{is_durable, remade_config};
use crate::rules::metadata;
use crate::rules::pull_plan::Amount;

impl Source {
    /// A message came.
    pub(super) fn note_delivery(&self, consumer_seq: u64, stream_seq: u64) {
        let Some(remaking) = self.remaking.as_ref().filter(|remaking| remaking.sees || remaking.unacknowledged) else { return };
        let mut floor = remaking.floor.borrow_mut();
        floor.delivered(consumer_seq, stream_seq);
        if remaking.unacknowledged {
            floor.acknowledged(consumer_seq, stream_seq);
        }
    }

    /// The script has dealt with a message, and it was acknowledged.
    pub(super) fn note_acknowledgement(&self, message: &Message) {
        if let (Some(remaking), Some(place)) = (&self.remaking, message.reply().and_then(metadata::parse)) {
            remaking.floor.borrow_mut().acknowledged(place.consumer_seq, place.stream_seq);
        }
    }

    /// The server's word on the consumer of this generation.
    pub(super) fn note_info(&self, generation: Option<u64>, info: &Json) {
        if let Some(remaking) = self.remaking.as_ref().filter(|remaking| Some(remaking.generation.get()) == generation) {
            remaking.floor.borrow_mut().learn(info);
        }
    }

    /// The consumer is gone: another one is made, while there is a connection.
    pub(super) fn begin_remaking(self: &Rc<Self>) {
        let Some(remaking) = &self.remaking else { return };
        remaking.leave_off();
        self.inbox.take();
        let task = Task::spawn(remake(Rc::clone(self)), Box::new(|()| ()));
        remaking.task.replace(Some(task));
    }

    /// Makes the consumer, or finds the one that somebody else has made under its name; its name.
    async fn remake_once(&self, remaking: &Remaking) -> Result<String, Fault> {
        let stream = &self.origin.stream;
        let api = self.origin.api.with_timeout(patience(&self.origin.api));
        let state = api.json(&format!("STREAM.INFO.{stream}"), String::new()).await?;
        let durable = is_durable(&remaking.config);
        let former = self.place.borrow().consumer.clone();
        let look = format!("CONSUMER.INFO.{stream}.{former}");
        self.drop_buffer(remaking);
        if durable {
            match api.json(&look, String::new()).await {
                Ok(info) => {
                    remaking.made(&info);
                    return Ok(former);
                }
                Err(fault) if fault.err_code() == Some(CONSUMER_NOT_FOUND) => {}
                Err(fault) => return Err(fault),
            }
        }
        let start = remaking.floor.borrow().start(&state, &remaking.created.borrow());
        let new = api.names_consumers().then(|| if durable { former.clone() } else { nuid::next().to_string() });
        let config = remade_config(&remaking.config, new.as_deref(), start, &state);
        let (rest, body) = api.consumer_creation(stream, config, Some("create"));
        let info = match api.json(&rest, body).await {
            // Somebody else was quicker.
            Err(fault @ Fault::Api(_)) if durable => api.json(&look, String::new()).await.map_err(|_| fault)?,
            outcome => outcome?,
        };
        let name = info["name"].as_str().filter(|name| !name.is_empty()).ok_or(Fault::ReplyIncomplete)?;
        remaking.made(&info);
        Ok(name.to_string())
    }

    /// What the script has not been given comes again from the next consumer.
    fn drop_buffer(&self, remaking: &Remaking) {
        if remaking.unacknowledged {
            return;
        }
        let dropped = self.buffer.take();
        let amount = Amount { msgs: dropped.len() as u64, bytes: self.buffered_bytes.replace(0) };
        self.machine.borrow_mut().dropped(amount);
    }

    /// Another consumer is there.
    fn remade(self: &Rc<Self>, name: String) {
        self.turn_to(&name);
        if self.take_inbox().is_err() {
            self.machine.borrow_mut().end(CLOSED);
        }
        self.machine.borrow_mut().renewed(Instant::now());
        self.event("recreated", name, None);
        self.act();
    }
}

/// Makes a consumer, trying until there is one or no point in trying.
async fn remake(source: Rc<Source>) {
    let Some(remaking) = &source.remaking else { return };
    loop {
        let outcome = source.remake_once(remaking).await;
        if source.look(|machine| machine.is_over() || machine.is_closing()) {
            return;
        }
        let fault = match outcome {
            Ok(name) => return source.remade(name),
            Err(fault) => fault,
        };
        match &fault {
            Fault::Api(error) if error.err_code == STREAM_NOT_FOUND => {
                source.machine.borrow_mut().end(&error.description);
                return source.act();
            }
            Fault::Api(error) => source.event("warning", error.description.clone(), Some(fault.clone())),
            Fault::Engine(problem) if fault.is_refusal() => source.event("warning", problem.text.clone(), Some(fault.clone())),
            _ => (source.tell)(Told::Trouble(fault.clone())),
        }
        let refused = matches!(fault, Fault::Api(_)) || fault.is_refusal();
        let wait = source.machine.borrow_mut().not_remade(refused);
        pause(wait).await;
    }
}
