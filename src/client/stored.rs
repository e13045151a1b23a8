//! Messages read from a stream: from its leader, or by a direct get (NATS ADR-31) from any server that has a copy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;

use super::api::Api;
use super::argument::Argument;
use super::codes;
use super::fault::Fault;
use crate::engine::{Message, stored_headers};
use crate::rules::jetstream_convert::ApiError;
use crate::rules::kv::{Operation, operation};

/// A message read from a stream.
pub(crate) struct Stored {
    /// Subject.
    pub subject: String,
    /// Sequence in the stream.
    pub seq: u64,
    /// Payload.
    pub data: Vec<u8>,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Time of storage, ISO text of the server.
    pub time: String,
}

impl Stored {
    /// The operation of an entry of a bucket.
    pub(crate) fn operation(&self) -> Operation {
        operation(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Number of bytes as a server counts them against `max_bytes`, about.
    pub(super) fn size(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        (self.subject.len() + headers + self.data.len()) as u64
    }

    /// Takes out the last header of that name: the server's own come behind those of the publisher, and a message that was
    /// republished has some of the same names.
    pub(super) fn take_header(&mut self, wanted: &str) -> Option<String> {
        let at = self.headers.iter().rposition(|(name, _)| name == wanted)?;
        Some(self.headers.remove(at).1)
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The message in a reply to `STREAM.MSG.GET`.
///
/// # Errors
/// [`Fault::ReplyIncomplete`].
pub(super) fn stored(reply: &Json) -> Result<Stored, Fault> {
    let broken = || Fault::ReplyIncomplete;
    let message = reply.get("message").and_then(Json::as_object).ok_or_else(broken)?;
    let needed = |name: &str| message.get(name).and_then(Json::as_str).ok_or_else(broken);
    // Absent if there is none.
    let bytes = |name: &str| message.get(name).map_or(Some(Vec::new()), |text| decode(text.as_str()?)).ok_or_else(broken);
    // A malformed block leaves the message readable, as on delivery.
    let headers = stored_headers(&bytes("hdrs")?);
    Ok(Stored {
        subject: needed("subject")?.to_string(),
        seq: message.get("seq").and_then(Json::as_u64).ok_or_else(broken)?,
        data: bytes("data")?,
        headers,
        time: needed("time")?.to_string(),
    })
}

impl Api {
    /// Reads one message with `STREAM.MSG.GET`.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn stored_message(&self, stream: &str, body: String) -> Result<Stored, Fault> {
        stored(&self.json(&format!("STREAM.MSG.GET.{stream}"), body).await?)
    }

    /// Reads one message by a direct get; `which` is what the body for `STREAM.MSG.GET` would be.
    ///
    /// # Errors
    /// [`codes::MESSAGE_NOT_FOUND`], [`Argument::DirectGet`], those of [`Api::exchange`].
    pub(crate) async fn direct_message(&self, stream: &str, which: &Json) -> Result<Stored, Fault> {
        let last = which.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("last_by_subj")?.as_str());
        let (rest, request) = match last {
            Some(subject) => (format!("DIRECT.GET.{stream}.{subject}"), String::new()),
            None => (format!("DIRECT.GET.{stream}"), which.to_string()),
        };
        let subject = self.subject(&rest);
        self.trace_request(&subject, &request);
        let message = self.exchange(&subject, Bytes::from(request), None, self.timeout).await?;
        self.trace_reply(&subject, &message);
        match message.status().map(|status| status.as_u16()) {
            None => match own_fields(&message) {
                Some(stored) => Ok(stored),
                // The server puts its headers behind those of the publisher: nothing can be read of them if that block is
                // broken. The leader tells block and message apart.
                None => self.stored_message(stream, which.to_string()).await.map_err(|_| Fault::ReplyIncomplete),
            },
            Some(404) => Err(not_found()),
            Some(408) => Err(Argument::DirectGet.into()),
            Some(code) => Err(Fault::of_status(code, &message.description().unwrap_or_default())),
        }
    }
}

/// The fault of a message that does not exist, in the words of `STREAM.MSG.GET`.
fn not_found() -> Fault {
    Fault::Api(ApiError { code: 404, err_code: codes::MESSAGE_NOT_FOUND, description: "no message found".into() })
}

/// The message in an answer to a direct get; `None` if the server's headers cannot be found.
pub(super) fn own_fields(message: &Message) -> Option<Stored> {
    let headers = message.headers().map(|(name, value)| (name.into(), value.into())).collect();
    let data = message.payload().to_vec();
    let mut stored = Stored { subject: String::new(), seq: 0, data, headers, time: String::new() };
    stored.subject = stored.take_header("Nats-Subject")?;
    stored.seq = stored.take_header("Nats-Sequence")?.parse().ok()?;
    stored.time = stored.take_header("Nats-Time-Stamp")?;
    stored.take_header("Nats-Stream");
    Some(stored)
}
