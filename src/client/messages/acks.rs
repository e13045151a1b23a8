//! Acknowledgements of messages that are consumed continuously.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::source::Source;
use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::engine::{CallId, Message, Outgoing, Subject};

/// Payload of an acknowledgement.
pub(crate) const ACK: &str = "+ACK";

/// Multiple of `ack_wait` for which a message is kept alive.
const LIFE: u32 = 10;

impl Source {
    /// Acknowledges a message in some way.
    pub(crate) fn answer(&self, message: &Message, word: &str) {
        let Some(reply) = message.reply() else { return };
        // What cannot be sent is delivered again.
        let _ = self.origin.api.client.engine().answer(reply, word.as_bytes());
        if word == ACK {
            self.note_acknowledgement(message);
        }
    }

    /// Acknowledges a message and waits for the server's word.
    ///
    /// # Errors
    /// Those of a request.
    pub(crate) async fn answer_sync(&self, message: &Message) -> Result<(), Fault> {
        let api = &self.origin.api;
        let Some(reply) = message.reply() else { return Ok(()) };
        api.exchange(reply, Bytes::from_static(ACK.as_bytes()), None, api.timeout).await?;
        self.note_acknowledgement(message);
        Ok(())
    }

    /// Has the I/O thread tell the server that a message is being dealt with, until the result is dropped.
    pub(crate) fn keep_alive(&self, message: &Message, ack_wait: Duration) -> Option<KeptAlive> {
        let payload = Bytes::from_static(b"+WPI");
        let msg = Outgoing { subject: Subject::from(message.reply()?), reply: None, headers: None, payload };
        let api = Rc::clone(&self.origin.api);
        let id = api.client.engine().repeat(msg, ack_wait / 3, ack_wait.saturating_mul(LIFE)).ok()?;
        Some(KeptAlive { api, id })
    }
}

/// A message that the I/O thread keeps alive.
pub(crate) struct KeptAlive {
    api: Rc<Api>,
    id: CallId,
}

impl Drop for KeptAlive {
    fn drop(&mut self) {
        self.api.client.engine().cancel(self.id);
    }
}
