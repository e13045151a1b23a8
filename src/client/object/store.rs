//! One bucket: its metas.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::mirror::Holds;
use crate::client::api::{Api, pub_ack};
use crate::client::codes;
use crate::client::fault::Fault;
use crate::client::ordered::Access;
use crate::client::stored::Stored;
use crate::engine::{Headers, Outgoing, Subject};
use crate::rules::fast_answer::LEVEL;
use crate::rules::jetstream_convert::ApiError;
use crate::rules::object::{latin_meta_subject, meta_subject, stream_name};
use crate::rules::object_meta::Meta;
use crate::rules::time::isotime_to_msec;

/// Times that a change of a meta is tried again because somebody else has changed it meanwhile.
pub(super) const RETRIES: u32 = 5;

/// Logs a warning, with its reason if there is one.
pub(crate) type Warn = Rc<dyn Fn(String, Option<&Fault>)>;

/// A meta as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The meta.
    pub meta: Meta,
    /// Sequence in the stream.
    pub revision: u64,
    /// Time of storage, ms since the epoch.
    pub mtime: i64,
}

/// A bucket.
pub(crate) struct Store {
    /// Where it is.
    pub api: Rc<Api>,
    /// Name.
    pub bucket: String,
    /// Its stream.
    pub stream: String,
    /// What its stream holds.
    pub(super) holds: Holds,
    /// Whether every server with a copy answers reads.
    direct: bool,
    /// Whether its stream takes fast batches.
    batched: Rc<Cell<bool>>,
    /// Whether the object that stands for it is gone.
    gone: Rc<Cell<bool>>,
    /// What the server has refused to this user.
    pub(super) access: Rc<Access>,
    /// Logs a warning.
    warn: Warn,
}

pub(super) fn is_code(fault: &Fault, code: i64) -> bool {
    fault.err_code() == Some(code)
}

/// Whether a write was refused because somebody else has written meanwhile.
pub(super) fn is_wrong_sequence(fault: &Fault) -> bool {
    is_code(fault, codes::WRONG_LAST_SEQUENCE) || is_code(fault, codes::WRONG_LAST_SEQUENCE_CONSTANT)
}

/// The fault of a write that counts on another revision than this one.
pub(super) fn wrong_sequence(latest: u64) -> Fault {
    let description = format!("wrong last sequence: {latest}");
    Fault::WrongLastSequence(ApiError { code: 400, err_code: codes::WRONG_LAST_SEQUENCE, description })
}

fn message_to(subject: &str, meta: &Meta, expected: u64) -> Outgoing {
    let headers: Headers = vec![
        ("Nats-Rollup".to_string(), "sub".to_string()),
        ("Nats-Expected-Last-Subject-Sequence".to_string(), expected.to_string()),
    ];
    Outgoing { subject: Subject::from(subject), reply: None, headers: Some(headers), payload: Bytes::from(meta.json()) }
}

impl Store {
    /// A bucket by its stream's configuration, and what that holds.
    pub(crate) fn new(api: &Rc<Api>, bucket: &str, config: &Json, holds: Holds, warn: Warn) -> Store {
        Store {
            api: Rc::clone(api),
            bucket: bucket.to_string(),
            stream: stream_name(bucket),
            holds,
            direct: config.get("allow_direct").and_then(Json::as_bool).unwrap_or_default(),
            batched: Rc::new(Cell::new(config.get("allow_batched").and_then(Json::as_bool).unwrap_or_default())),
            gone: Rc::default(),
            access: Rc::default(),
            warn,
        }
    }

    /// Another bucket, as links lead to it.
    pub(super) async fn other(self: &Rc<Self>, bucket: &str) -> Result<Rc<Store>, Fault> {
        // The links of a mirror lead to what it mirrors as well.
        if bucket == self.bucket || bucket == self.holds.names {
            return Ok(Rc::clone(self));
        }
        let info = self.api.json(&format!("STREAM.INFO.{}", stream_name(bucket)), String::new()).await;
        let info = info.map_err(|fault| fault.of_bucket(bucket))?;
        let config = info.get("config").unwrap_or(&Json::Null);
        let holds = Holds::of(&self.api, bucket, config).await;
        let store = Store::new(&self.api, bucket, config, holds, Rc::clone(&self.warn));
        Ok(Rc::new(Store { gone: Rc::clone(&self.gone), ..store }))
    }

    /// The same with another timeout of requests, in ms.
    pub(crate) fn within(self: &Rc<Self>, ms: i64) -> Rc<Store> {
        if ms == self.api.timeout {
            return Rc::clone(self);
        }
        Rc::new(Store {
            api: Rc::new(self.api.with_timeout(ms)),
            bucket: self.bucket.clone(),
            stream: self.stream.clone(),
            holds: self.holds.clone(),
            direct: self.direct,
            batched: Rc::clone(&self.batched),
            gone: Rc::clone(&self.gone),
            access: Rc::clone(&self.access),
            warn: Rc::clone(&self.warn),
        })
    }

    /// Bucket in whose subjects its objects are.
    pub(crate) fn names(&self) -> &str {
        &self.holds.names
    }

    /// [`Fault::BucketIsMirror`] if it is one.
    pub(super) fn writable(&self) -> Result<(), Fault> {
        match &self.holds.origin {
            Some(origin) => Err(Fault::BucketIsMirror { bucket: self.bucket.clone(), origin: origin.clone() }),
            None => Ok(()),
        }
    }

    /// Whether objects are stored by fast batches.
    pub(super) async fn takes_batches(&self) -> bool {
        self.batched.get() && self.api.level().await.is_ok_and(|level| level >= LEVEL)
    }

    /// Whether a batch was refused for a reason that does not keep its messages from being stored one by one.
    pub(super) fn declines_batch(&self, fault: &Fault) -> bool {
        let disabled = is_code(fault, codes::BATCHES_DISABLED);
        if disabled {
            self.batched.set(false);
        }
        disabled || is_code(fault, codes::TOO_MANY_BATCHES)
    }

    /// Logs a warning.
    pub(crate) fn warn(&self, line: String) {
        (self.warn)(line, None);
    }

    /// Logs a warning with its reason.
    pub(super) fn warn_of(&self, line: String, fault: &Fault) {
        (self.warn)(line, Some(fault));
    }

    /// The object that stands for the bucket is gone: what is under way ends.
    pub(crate) fn leave(&self) {
        self.gone.set(true);
    }

    /// [`Fault::Closed`] if the object that stands for the bucket is gone.
    pub(crate) fn present(&self) -> Result<(), Fault> {
        if self.gone.get() { Err(Fault::Closed) } else { Ok(()) }
    }

    /// The fault of a request that nobody answered: that of the bucket, if it does not exist.
    pub(crate) async fn missing(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Timeout(_) => fault,
            fault => self.behind(fault).await,
        }
    }

    /// The same for a read, whose lack of an answer may mean the same.
    async fn behind(&self, fault: Fault) -> Fault {
        self.api.behind(fault, &self.stream, Fault::BucketNotFound(self.bucket.clone())).await
    }

    /// A meta that was read.
    pub(super) fn entry(&self, name: &str, stored: &Stored) -> Result<Entry, Fault> {
        let meta = Meta::parse(&stored.data).ok_or_else(|| Fault::BadObjectMeta(name.to_string()))?;
        let mtime = isotime_to_msec(&stored.time).map_err(|_| Fault::ReplyIncomplete)?;
        Ok(Entry { meta, revision: stored.seq, mtime })
    }

    /// Subject and body of the request for the last message of a subject.
    pub(super) fn last_at(&self, subject: &str) -> (String, String) {
        (format!("STREAM.MSG.GET.{}", self.stream), json!({ "last_by_subj": subject }).to_string())
    }

    /// The meta with this revision, from the leader.
    async fn at(&self, name: &str, revision: u64) -> Result<Option<Entry>, Fault> {
        let body = json!({ "seq": revision }).to_string();
        self.found(name, self.api.stored_message(&self.stream, body).await).await
    }

    async fn found(&self, name: &str, outcome: Result<Stored, Fault>) -> Result<Option<Entry>, Fault> {
        match outcome {
            Ok(stored) => self.entry(name, &stored).map(Some),
            Err(fault) if fault.is_no_message() => Ok(None),
            Err(fault) => Err(self.behind(fault).await),
        }
    }

    /// A message as it is read.
    pub(super) async fn message(&self, api: &Api, which: &Json) -> Result<Stored, Fault> {
        match self.direct {
            true => api.direct_message(&self.stream, which).await,
            false => api.stored_message(&self.stream, which.to_string()).await,
        }
    }

    /// The meta of a name as it is read, a deleted one included.
    ///
    /// # Errors
    /// [`Fault::ObjectNotFound`] and [`Fault::BadObjectMeta`] and as [`Store::place`].
    pub(crate) async fn any(&self, name: &str) -> Result<Entry, Fault> {
        // As in [`Store::places`].
        let latin = match latin_meta_subject(&self.holds.names, name) {
            Some(subject) => match self.read(&subject, name).await {
                Err(Fault::BadObjectMeta(_)) => None,
                outcome => outcome?.filter(|entry| entry.meta.name() == name),
            },
            None => None,
        };
        let own = self.read(&meta_subject(&self.holds.names, name), name).await?;
        own.into_iter().chain(latin).max_by_key(|entry| entry.revision).ok_or_else(|| Fault::ObjectNotFound(name.to_string()))
    }

    /// What is under a subject of a name, as it is read.
    async fn read(&self, subject: &str, name: &str) -> Result<Option<Entry>, Fault> {
        let outcome = self.message(&self.api, &json!({ "last_by_subj": subject })).await;
        self.found(name, outcome).await
    }

    /// The meta of a name that is not deleted.
    ///
    /// # Errors
    /// As [`Store::any`].
    pub(crate) async fn live(&self, name: &str) -> Result<Entry, Fault> {
        let entry = self.any(name).await?;
        if entry.meta.is_deleted() { Err(Fault::ObjectNotFound(name.to_string())) } else { Ok(entry) }
    }

    /// A meta as a message that is stored only if the latest one of its name has this revision, 0 for none.
    pub(super) fn meta_message(&self, meta: &Meta, expected: u64) -> Outgoing {
        message_to(&meta_subject(&self.bucket, meta.name()), meta, expected)
    }

    /// Publishes a meta under its name if the latest one has this revision, 0 for none; the new revision.
    ///
    /// # Errors
    /// [`Fault::Api`] with the code of a wrong sequence, [`Fault::BucketNotFound`], and those of a JetStream publish.
    pub(super) async fn write(&self, meta: &Meta, expected: u64, ms: i64) -> Result<u64, Fault> {
        self.write_to(&meta_subject(&self.bucket, meta.name()), meta, expected, ms).await
    }

    /// As [`Store::write`], under a subject that the name has elsewhere.
    pub(super) async fn write_to(&self, subject: &str, meta: &Meta, expected: u64, ms: i64) -> Result<u64, Fault> {
        let Outgoing { subject, headers, payload, .. } = message_to(subject, meta, expected);
        let reply = match self.api.exchange(subject.as_str(), payload, headers, ms).await {
            Ok(reply) => reply,
            Err(fault) => return Err(self.missing(fault).await),
        };
        let ack = pub_ack(&reply)?;
        ack.get("seq").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)
    }

    /// What was written, as it is stored. Where it cannot be read again, it is there all the same: then the time is that of now.
    pub(super) async fn written(&self, meta: Meta, revision: u64) -> Entry {
        if let Ok(Some(entry)) = self.at(meta.name(), revision).await {
            return entry;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Entry { meta, revision, mtime: now.as_millis() as i64 }
    }
}
