//! Reading one entry, and the way of a write.

use bytes::Bytes;
use serde_json::json;

use crate::bridge::errors::{Error, Result};
use crate::classes::bucket_state::Bucket;
use crate::classes::jet_stream::api::{JetStream, pub_ack};
use crate::classes::jet_stream::streams::Stored;
use crate::client::{Fault, codes};
use crate::engine::Headers;
use crate::rules::kv::{Operation, operation};

/// The header of a write that counts on a revision.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// The header line that makes a write depend on the key's latest revision; 0 stands for none.
pub fn expecting(revision: u64) -> (String, String) {
    (EXPECTED.to_string(), revision.to_string())
}

/// What was done with a stored message.
pub fn operation_of(stored: &Stored) -> Operation {
    operation(stored.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

fn is_code(error: &Error, code: i64) -> bool {
    matches!(error, Error::Fault(fault) if fault.err_code() == Some(code))
}

fn is_wrong_sequence(error: &Error) -> bool {
    is_code(error, codes::WRONG_LAST_SEQUENCE) || is_code(error, codes::WRONG_LAST_SEQUENCE_CONSTANT)
}

impl Bucket {
    /// The message of a key that has a value: the latest, or that of a revision.
    ///
    /// # Errors
    /// `ErrKeyNotFound`, `ErrBucketNotFound` and those of a request.
    pub async fn value(&self, key: &str, revision: Option<u64>) -> Result<Stored> {
        let stored = match self.read(key, revision).await {
            Ok(stored) => stored,
            Err(error) if is_code(&error, codes::MESSAGE_NOT_FOUND) => {
                return Err(Fault::KeyNotFound { bucket: self.name.clone(), key: key.to_string() }.into());
            }
            Err(error) => return Err(self.missing(error).await),
        };
        let expected = self.read_subject(key);
        if stored.subject != expected {
            return Err(Fault::OtherKey { expected, found: stored.subject }.into());
        }
        if operation_of(&stored) != Operation::Put {
            return Err(Fault::KeyDeleted(key.to_string()).into());
        }
        Ok(stored)
    }

    async fn read(&self, key: &str, revision: Option<u64>) -> Result<Stored> {
        let subject = self.read_subject(key);
        // No message has the number 0, yet the server would call that a bad request.
        let seq = revision.map(|revision| if revision == 0 { u64::MAX } else { revision });
        match (self.place.direct, seq) {
            (true, None) => self.js.direct_message(&format!("DIRECT.GET.{}.{subject}", self.stream), String::new()).await,
            (true, Some(seq)) => {
                self.js.direct_message(&format!("DIRECT.GET.{}", self.stream), json!({ "seq": seq }).to_string()).await
            }
            (false, None) => self.js.stored_message(&self.stream, json!({ "last_by_subj": subject }).to_string()).await,
            (false, Some(seq)) => self.js.stored_message(&self.stream, json!({ "seq": seq }).to_string()).await,
        }
    }

    /// The error of a read or a write that nobody answered: that of the bucket, if it is not there.
    async fn missing(&self, error: Error) -> Error {
        let not_found = || Fault::BucketNotFound(self.name.clone()).into();
        if is_code(&error, codes::STREAM_NOT_FOUND) {
            return not_found();
        }
        if !matches!(error, Error::Fault(Fault::NoResponders(_) | Fault::Timeout(_))) {
            return error;
        }
        match self.js.api(&format!("STREAM.INFO.{}", self.stream), String::new()).await {
            Err(why) if is_code(&why, codes::STREAM_NOT_FOUND) => not_found(),
            Err(why @ Error::Fault(Fault::NoJetStream)) => why,
            _ => error,
        }
    }

    /// The last revision of the keys of a pattern; `None` if there is none, or it cannot be told.
    pub async fn last(&self, key: &str) -> Option<u64> {
        let body = json!({ "last_by_subj": self.read_subject(key) }).to_string();
        self.js.stored_message(&self.stream, body).await.ok().map(|stored| stored.seq)
    }

    /// Publishes a value or a marker; the new revision.
    ///
    /// # Errors
    /// `ErrWrongLastSequence`, `ErrBucketNotFound` and those of a JetStream publish.
    pub async fn write(&self, key: &str, headers: Headers, value: Bytes) -> Result<u64> {
        let js = &self.js;
        let headers = (!headers.is_empty()).then_some(headers);
        let reply = match js.exchange(&self.write_subject(key), value, headers, js.timeout).await {
            Ok(reply) => reply,
            // Nobody takes the subject.
            Err(Error::Fault(Fault::NoResponders(_))) => return Err(Fault::BucketNotFound(self.name.clone()).into()),
            Err(error) => return Err(error),
        };
        let ack = pub_ack(&reply)?;
        ack.get("seq").and_then(serde_json::Value::as_u64).ok_or_else(|| Fault::ReplyIncomplete.into())
    }

    /// Publishes the value if the key has none: it is absent, deleted or purged. The new revision.
    ///
    /// # Errors
    /// As [`Bucket::write`].
    pub async fn create(&self, key: &str, value: Bytes) -> Result<u64> {
        let mut expected = 0;
        loop {
            let refused = match self.write(key, vec![expecting(expected)], value.clone()).await {
                Err(error) if is_wrong_sequence(&error) => error,
                outcome => return outcome,
            };
            // Asked where the writes go: a copy may be behind.
            let subject = self.read_subject(key);
            let body = json!({ "last_by_subj": subject }).to_string();
            let latest = match &self.place.api {
                Some(api) => latest(&self.js.with_prefix(api), &self.place.owner, body).await,
                None => latest(&self.js, &self.place.owner, body).await,
            };
            expected = match latest {
                Ok(stored) if operation_of(&stored) != Operation::Put => stored.seq,
                // What was there a moment ago has been removed.
                Err(error) if is_code(&error, codes::MESSAGE_NOT_FOUND) && expected != 0 => 0,
                _ => return Err(refused),
            };
        }
    }
}

async fn latest(js: &JetStream, bucket: &str, body: String) -> Result<Stored> {
    js.stored_message(&crate::rules::kv::stream_name(bucket), body).await
}
