//! How a watch makes its consumers, in the first form that the server takes.

use serde_json::{Map, Value as Json};

use super::state::{Inner, MUTES};
use crate::client::fault::Fault;
use crate::client::ordered::{Form, Made, patience};
use crate::rules::kv::watch_config;

impl Inner {
    /// A new consumer after the loss of another one.
    pub(super) async fn renew(&self) -> Result<(), Fault> {
        let consumers = &self.feed.consumers;
        self.feed.leave();
        consumers.remove();
        if consumers.order.borrow().knows_stream() {
            self.look_at_stream().await?;
        }
        self.make(patience(&self.feed.api)).await
    }

    /// Looks whether the stream is the one that was read so far: what comes of another one is new.
    ///
    /// # Errors
    /// Those of a request to the API.
    pub(super) async fn look_at_stream(&self) -> Result<(), Fault> {
        if self.feed.consumers.look_at_stream().await? {
            self.progress.borrow_mut().anew();
        }
        Ok(())
    }

    /// Makes a consumer that delivers to an inbox of its own, in the first form that the server takes.
    pub(super) async fn make(&self, ms: i64) -> Result<(), Fault> {
        let consumers = &self.feed.consumers;
        let access = &consumers.access;
        let mut first = None;
        for form in access.order(&self.request.forms) {
            match self.feed.make(|inbox| self.config(&form, inbox), None, ms).await {
                Err(fault) if fault.is_refusal() && !consumers.is_deaf() => {
                    access.refuse(&form);
                    first.get_or_insert(fault);
                }
                outcome => {
                    let made = outcome?;
                    access.allow(&form);
                    return self.made(&made);
                }
            }
        }
        Err(first.unwrap_or(Fault::ReplyIncomplete))
    }

    /// The server has made the consumer.
    ///
    /// # Errors
    /// [`Fault::ReplyIncomplete`] if it does not say when.
    fn made(&self, made: &Made) -> Result<(), Fault> {
        let created = made.created.ok_or(Fault::ReplyIncomplete)?;
        let caught_up = self.progress.borrow_mut().consumer(made.total, created);
        self.mute.set(true);
        // A consumer that follows silent ones has yet to show that it does better.
        let quiet = made.pending == 0 && self.mutes.get() < MUTES;
        self.begun.set((caught_up, quiet));
        Ok(())
    }

    /// Configuration of the consumer.
    fn config(&self, form: &Form, inbox: &str) -> Map<String, Json> {
        let request = &self.request;
        let start = self.progress.borrow().start(&self.feed.consumers.order.borrow());
        let flow_control = !self.feed.consumers.access.refuses_flow();
        let mut config = watch_config(&form.filters, inbox, start, request.headers_only, request.heartbeat, flow_control);
        if form.named && self.feed.api.names_consumers() {
            config.insert("name".into(), inbox.rsplit('.').next().unwrap_or_default().into());
        }
        config
    }
}
