//! One bucket, as it was found when its object was made.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::expecting;
use crate::client::api::{Api, PREFIX, pub_ack};
use crate::client::codes;
use crate::client::fault::Fault;
use crate::client::stored::Stored;
use crate::engine::Headers;
use crate::rules::kv::{Operation, key_subject, stream_name};
use crate::rules::kv3::Place;

/// A bucket.
pub(crate) struct Bucket {
    /// Where it is.
    pub api: Rc<Api>,
    /// Name.
    pub name: String,
    /// Its stream.
    pub stream: String,
    /// What its configuration said.
    place: Place,
}

fn is_code(fault: &Fault, code: i64) -> bool {
    fault.err_code() == Some(code)
}

fn is_wrong_sequence(fault: &Fault) -> bool {
    is_code(fault, codes::WRONG_LAST_SEQUENCE) || is_code(fault, codes::WRONG_LAST_SEQUENCE_CONSTANT)
}

impl Bucket {
    /// A bucket by its stream's configuration.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] if the stream is none of a bucket.
    pub(crate) fn new(api: &Rc<Api>, name: &str, config: &Json) -> Result<Bucket, Fault> {
        let place = Place::of(name, config).ok_or_else(|| Fault::BucketNotFound(name.to_string()))?;
        Ok(Bucket { api: Rc::clone(api), name: name.to_string(), stream: stream_name(name), place })
    }

    /// Subject of a key, or a pattern of keys, as it is read.
    pub(crate) fn read_subject(&self, key: &str) -> String {
        key_subject(&self.place.owner, key)
    }

    /// The field of a consumer's configuration that chooses these keys.
    pub(crate) fn filter(&self, keys: &[String]) -> (&'static str, Json) {
        match keys {
            [key] => ("filter_subject", self.read_subject(key).into()),
            keys => ("filter_subjects", keys.iter().map(|key| self.read_subject(key)).collect()),
        }
    }

    /// Whether it keeps one entry of each key.
    pub(crate) fn keeps_one(&self) -> bool {
        self.place.single
    }

    /// The message of a key that has a value, read from the leader.
    ///
    /// # Errors
    /// As [`Bucket::value`].
    pub(crate) async fn leaders_value(&self, key: &str) -> Result<Option<Stored>, Fault> {
        let body = json!({ "last_by_subj": self.read_subject(key) }).to_string();
        match self.api.stored_message(&self.stream, body).await {
            Ok(stored) => Ok(Some(stored).filter(|stored| stored.operation() == Operation::Put)),
            Err(fault) if fault.is_no_message() => Ok(None),
            Err(fault) => Err(self.missing(fault).await),
        }
    }

    /// Subject to which a key is written.
    pub(crate) fn write_subject(&self, key: &str) -> String {
        let prefix = Some(self.api.prefix()).filter(|prefix| *prefix != PREFIX);
        self.place.write_subject(key, prefix)
    }

    /// The key in a subject of the bucket's stream.
    pub(crate) fn key_of<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix("$KV.")?.split_once('.').map(|(_, key)| key)
    }

    /// A fault in terms of a bucket that existed when the object was made: a missing stream is a bucket that has gone.
    pub(crate) fn gone(&self, fault: Fault) -> Fault {
        if is_code(&fault, codes::STREAM_NOT_FOUND) { Fault::BucketGone(self.name.clone()) } else { fault }
    }

    /// The message of a key that has a value: the latest, or that of a revision.
    ///
    /// # Errors
    /// [`Fault::KeyNotFound`], [`Fault::BucketNotFound`] and those of a request.
    pub(crate) async fn value(&self, key: &str, revision: Option<u64>) -> Result<Stored, Fault> {
        let stored = match self.read(key, revision).await {
            Ok(stored) => stored,
            Err(fault) if fault.is_no_message() => {
                return Err(Fault::KeyNotFound { bucket: self.name.clone(), key: key.to_string() });
            }
            Err(fault) => return Err(self.missing(fault).await),
        };
        let expected = self.read_subject(key);
        if stored.subject != expected {
            return Err(Fault::OtherKey { expected, found: stored.subject });
        }
        if stored.operation() != Operation::Put {
            return Err(Fault::KeyDeleted(key.to_string()));
        }
        Ok(stored)
    }

    async fn read(&self, key: &str, revision: Option<u64>) -> Result<Stored, Fault> {
        let subject = self.read_subject(key);
        // No message has the number 0, but the server would call that a bad request.
        let seq = revision.map(|revision| if revision == 0 { u64::MAX } else { revision });
        let which = seq.map_or_else(|| json!({ "last_by_subj": subject }), |seq| json!({ "seq": seq }));
        match self.place.direct {
            true => self.api.direct_message(&self.stream, &which).await,
            false => self.api.stored_message(&self.stream, which.to_string()).await,
        }
    }

    /// The fault of a read or a write that nobody answered: that of the bucket, if it does not exist.
    pub(crate) async fn missing(&self, fault: Fault) -> Fault {
        self.api.behind(fault, &self.stream, Fault::BucketNotFound(self.name.clone())).await
    }

    /// The last revision of the keys of these patterns; `None` if there is none, or it cannot be told.
    pub(crate) async fn last(&self, keys: &[String]) -> Option<u64> {
        let mut last = None;
        for key in keys {
            let body = json!({ "last_by_subj": self.read_subject(key) }).to_string();
            last = last.max(self.api.stored_message(&self.stream, body).await.ok().map(|stored| stored.seq));
        }
        last
    }

    /// Publishes a value or a marker; the new revision.
    ///
    /// # Errors
    /// [`Fault::Api`] with the code of a wrong sequence, [`Fault::BucketNotFound`], and those of a JetStream publish.
    pub(crate) async fn write(&self, key: &str, headers: Headers, value: Bytes) -> Result<u64, Fault> {
        let api = &self.api;
        let headers = (!headers.is_empty()).then_some(headers);
        let reply = match api.exchange(&self.write_subject(key), value, headers, api.timeout).await {
            Ok(reply) => reply,
            // No stream stores the subject.
            Err(Fault::NoResponders(_)) => return Err(Fault::BucketNotFound(self.name.clone())),
            Err(fault) => return Err(fault),
        };
        let ack = pub_ack(&reply)?;
        ack.get("seq").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)
    }

    /// Publishes the value, with a `life` if it is to end by itself, if the key has none: it is absent, deleted or purged. The
    /// new revision.
    ///
    /// # Errors
    /// As [`Bucket::write`].
    pub(crate) async fn create(&self, key: &str, life: Option<(String, String)>, value: Bytes) -> Result<u64, Fault> {
        let mut expected = 0;
        loop {
            let headers = std::iter::once(expecting(expected)).chain(life.clone()).collect();
            let refused = match self.write(key, headers, value.clone()).await {
                Err(fault) if is_wrong_sequence(&fault) => fault,
                outcome => return outcome,
            };
            // Read from where the writes go: a copy may lag behind.
            let subject = self.read_subject(key);
            let body = json!({ "last_by_subj": subject }).to_string();
            let latest = match &self.place.api {
                Some(prefix) => latest(&self.api.with_prefix(prefix), &self.place.owner, body).await,
                None => latest(&self.api, &self.place.owner, body).await,
            };
            expected = match latest {
                Ok(stored) if stored.operation() != Operation::Put => stored.seq,
                // The marker of a moment ago has been removed.
                Err(fault) if fault.is_no_message() && expected != 0 => 0,
                _ => return Err(refused),
            };
        }
    }
}

async fn latest(api: &Api, bucket: &str, body: String) -> Result<Stored, Fault> {
    api.stored_message(&stream_name(bucket), body).await
}
