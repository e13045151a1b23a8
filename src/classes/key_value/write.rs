//! The way of a write: to the bucket, or to the origin of a mirror.

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::KeyValue;
use super::entry::is_no_message;
use crate::bridge::errors::{Error, Result};
use crate::classes::jet_stream::api::{JetStream, parse, response_error};
use crate::classes::jet_stream::streams::Stored;
use crate::client::Fault;
use crate::engine::Headers;
use crate::rules::kv::{Holds, Operation, Origin, key_subject, operation, stream_name, write_subject};

/// The header of a write that counts on a revision.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// Times in a row that a key may have no entry at all although a write that counts on this is refused.
const MISSING: u32 = 100;

/// Header lines that make a write depend on the key's latest revision; 0 stands for none.
pub fn expecting(revision: u64) -> Option<Headers> {
    Some(vec![(EXPECTED.to_string(), revision.to_string())])
}

/// Writes to one key.
pub struct Writer<'a> {
    kv: &'a KeyValue,
    bucket: &'a str,
    key: &'a str,
    /// Look the bucket up where that may change the outcome.
    check: bool,
    looked: bool,
    origin: Option<Origin>,
}

impl<'a> Writer<'a> {
    /// Nothing is sent yet.
    pub fn new(kv: &'a KeyValue, bucket: &'a str, key: &'a str, check: bool) -> Writer<'a> {
        Writer { kv, bucket, key, check, looked: false, origin: None }
    }

    /// Who may not look writes to the bucket itself.
    async fn look(&mut self) -> Result<()> {
        self.looked = true;
        let access = self.kv.access(self.bucket);
        if !access.is_blind()
            && let Some(Holds::Mirrored(origin)) = access.looked(self.kv.look_whose(self.bucket, self.kv.js.timeout).await)?
        {
            self.origin = Some(origin);
        }
        Ok(())
    }

    /// Publishes the value; the acknowledgement.
    ///
    /// # Errors
    /// `WrongLastSequence`, `BucketNotFound`, and those of a JetStream publish.
    pub async fn write(&mut self, headers: Option<Headers>, value: Bytes) -> Result<Json> {
        let js = &self.kv.js;
        // Across domains a missing bucket does not show as "no responders", so that each write needs a look.
        let known = js.domain.is_none()
            && self.kv.known.borrow().get(self.bucket).is_some_and(|holds| !matches!(holds, Holds::Mirrored(_)));
        if self.check && !self.looked && !known {
            self.look().await?;
        }
        match self.publish(headers.clone(), value.clone()).await {
            Err(error @ Error::Fault(Fault::NoResponders(_))) if self.check && !self.looked => {
                match self.look().await {
                    Err(missing @ Error::Fault(Fault::BucketNotFound(_))) => Err(missing),
                    Ok(()) if self.origin.is_some() => self.publish(headers, value).await,
                    // A look that fails says less than the first refusal.
                    _ => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    async fn publish(&self, headers: Option<Headers>, value: Bytes) -> Result<Json> {
        let js = &self.kv.js;
        let subject = write_subject(self.bucket, self.key, self.origin.as_ref(), js.domain.as_deref());
        let reply = parse(&js.exchange(&subject, value, headers, js.timeout).await?)?;
        match response_error(&reply) {
            Some(fault) => Err(fault.of_write().into()),
            None => Ok(reply),
        }
    }

    /// Publishes the value if the key has none: it is absent, deleted or purged. Others may change that between the steps, so
    /// that it goes on until it has written or has found a value.
    ///
    /// # Errors
    /// As [`Writer::write`]; `WrongLastSequence` also where that refusal cannot be followed up.
    pub async fn create(&mut self, value: Bytes) -> Result<Json> {
        let mut revision = 0;
        let mut missing = 0;
        loop {
            let refused = match self.write(expecting(revision), value.clone()).await {
                Err(error @ Error::Fault(Fault::WrongLastSequence(_))) => error,
                outcome => return outcome,
            };
            match self.latest().await {
                Ok(stored) if operation_of(&stored) != Operation::Put => (revision, missing) = (stored.seq, 0),
                // The marker has gone since. A server that shows nothing time after time and yet refuses is not to be asked for ever.
                Err(error) if is_no_message(&error) && missing < MISSING => (revision, missing) = (0, missing + 1),
                _ => return Err(refused),
            }
        }
    }

    /// The key's latest entry. Asked where the writes go: a mirror may lag behind.
    async fn latest(&self) -> Result<Stored> {
        let js = &self.kv.js;
        let bucket = self.origin.as_ref().map_or(self.bucket, |origin| &origin.bucket);
        match self.origin.as_ref().and_then(|origin| origin.api.as_deref()) {
            Some(api) => latest(&js.with_prefix(api), bucket, self.key).await,
            None => latest(js, bucket, self.key).await,
        }
    }
}

async fn latest(js: &JetStream, bucket: &str, key: &str) -> Result<Stored> {
    let body = json!({ "last_by_subj": key_subject("*", key) }).to_string();
    js.stored_message(&stream_name(bucket), body).await
}

/// What was done with a stored message.
pub fn operation_of(stored: &Stored) -> Operation {
    operation(stored.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

impl KeyValue {
    /// The stored message of a key: the latest one, or that of a revision.
    ///
    /// # Errors
    /// Those of an API request.
    pub(super) async fn stored(&self, bucket: &str, key: &str, revision: Option<i64>) -> Result<Stored> {
        match revision {
            None => latest(&self.js, bucket, key).await,
            // No message has the number 0, yet the server would call that a bad request.
            Some(revision) => {
                let seq = if revision == 0 { i64::MAX } else { revision };
                self.js.stored_message(&stream_name(bucket), json!({ "seq": seq }).to_string()).await
            }
        }
    }
}

/// The new revision of an acknowledgement.
pub fn revision(ack: &Json) -> Result<i64> {
    ack.get("seq").and_then(Json::as_i64).ok_or_else(|| Fault::ReplyIncomplete.into())
}
