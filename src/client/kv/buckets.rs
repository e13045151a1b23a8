//! All buckets of a JetStream, and what is known about them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use crate::client::api::Api;
use crate::client::codes;
use crate::client::fault::Fault;
use crate::client::ordered::Access;
use crate::client::stored::Stored;
use crate::rules::kv::{Holds, Operation, bucket_of_stream, holds, key_subject, split_subject, stream_name, write_subject};
use crate::rules::kv_bucket::is_as_given;
use crate::rules::option::Value;

/// The buckets of a JetStream.
pub(crate) struct Buckets {
    /// Where they are.
    pub api: Rc<Api>,
    /// Whose entries buckets held when last looked at.
    pub(super) known: RefCell<HashMap<String, Holds>>,
    /// What the server refused, by bucket.
    access: RefCell<HashMap<String, Rc<Access>>>,
    /// The server wants the filters of consumers to name the bucket (up to 2.9).
    pub(super) exact_filters: Cell<bool>,
}

impl Buckets {
    /// Nothing is known yet.
    pub(crate) fn new(api: &Rc<Api>) -> Buckets {
        Buckets { api: Rc::clone(api), known: RefCell::default(), access: RefCell::default(), exact_filters: Cell::new(false) }
    }

    /// The information of a bucket's stream, as the server sent it; `ms` is the timeout, 0 waits for ever.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] and those of [`Api::ask`].
    pub(crate) async fn look(&self, bucket: &str, ms: i64) -> Result<Json, Fault> {
        let rest = format!("STREAM.INFO.{}", stream_name(bucket));
        self.api.json_within(&rest, ms).await.map_err(|fault| fault.of_bucket(bucket))
    }

    /// Looks whose entries a bucket holds, and remembers it.
    ///
    /// # Errors
    /// As [`Buckets::look`].
    pub(super) async fn look_whose(&self, bucket: &str, ms: i64) -> Result<Holds, Fault> {
        let info = self.look(bucket, ms).await?;
        self.remember(bucket, &info)
    }

    /// Remembers whose entries a bucket holds, by its stream's information.
    ///
    /// # Errors
    /// [`Fault::ReplyIncomplete`]
    pub(crate) fn remember(&self, bucket: &str, info: &Json) -> Result<Holds, Fault> {
        let config = info.get("config").filter(|config| config.is_object()).ok_or(Fault::ReplyIncomplete)?;
        let holds = holds(config);
        self.known.borrow_mut().insert(bucket.to_string(), holds.clone());
        Ok(holds)
    }

    /// What the server refused of a bucket.
    pub(crate) fn access(&self, bucket: &str) -> Rc<Access> {
        Rc::clone(self.access.borrow_mut().entry(bucket.to_string()).or_default())
    }

    /// Creates a bucket by its stream's configuration. An existing one is as good if it is what the script asked for (`given`):
    /// then its information, with a field `did_create`.
    ///
    /// # Errors
    /// Those of [`Api::ask`].
    pub(crate) async fn add(
        &self,
        bucket: &str,
        given: &[(usize, Value)],
        sources: &[Json],
        config: Map<String, Json>,
    ) -> Result<Added, Fault> {
        let stream = stream_name(bucket);
        let refused = match self.api.json(&format!("STREAM.CREATE.{stream}"), Json::Object(config).to_string()).await {
            Ok(created) => return Ok(Added::Created(created)),
            Err(fault) if fault.err_code() == Some(codes::STREAM_NAME_IN_USE) => fault,
            Err(fault) => return Err(fault),
        };
        // The refusal stands unless the bucket is what the script asked for.
        let Ok(Json::Object(mut info)) = self.api.json(&format!("STREAM.INFO.{stream}"), String::new()).await else {
            return Err(refused);
        };
        if !info.get("config").is_some_and(|config| is_as_given(bucket, given, sources, config)) {
            return Err(refused);
        }
        info.insert("did_create".into(), true.into());
        Ok(Added::Found(Json::Object(info)))
    }

    /// Whether a bucket keeps one entry of each key, as far as this user may know.
    ///
    /// # Errors
    /// As [`Buckets::look`].
    pub(crate) async fn keeps_one(&self, bucket: &str) -> Result<bool, Fault> {
        let access = self.access(bucket);
        if access.is_blind() {
            return Ok(true);
        }
        let info = access.looked(self.look(bucket, self.api.timeout).await)?;
        Ok(info.is_none_or(|info| info.pointer("/config/max_msgs_per_subject").and_then(Json::as_i64) == Some(1)))
    }

    /// Whose entries a bucket holds, looked up if that is not known, and wanted and permitted.
    async fn holds(&self, bucket: &str, check: bool) -> Result<Option<Holds>, Fault> {
        let known = self.known.borrow().get(bucket).cloned();
        let access = self.access(bucket);
        if known.is_some() || !check || access.is_blind() {
            return Ok(known);
        }
        access.looked(self.look_whose(bucket, self.api.timeout).await)
    }

    /// The bucket's token in the subjects of its entries; a wildcard if those of others may be among them.
    ///
    /// # Errors
    /// As [`Buckets::look`].
    pub(crate) async fn owner(&self, bucket: &str, check: bool) -> Result<String, Fault> {
        let own = self.holds(bucket, check).await? == Some(Holds::Own);
        Ok(if own { bucket } else { "*" }.to_string())
    }

    /// What makes the subject to which a key is written.
    ///
    /// # Errors
    /// As [`Buckets::look`].
    pub(crate) async fn write_place(&self, bucket: &str, check: bool) -> Result<impl Fn(&str) -> String + use<>, Fault> {
        let origin = match self.holds(bucket, check).await? {
            Some(Holds::Mirrored(origin)) => Some(origin),
            _ => None,
        };
        let (bucket, domain) = (bucket.to_string(), self.api.domain.clone());
        Ok(move |key: &str| write_subject(&bucket, key, origin.as_ref(), domain.as_deref()))
    }

    /// Number of keys of a pattern, those that are deleted included.
    ///
    /// # Errors
    /// As [`Buckets::look`].
    pub(crate) async fn count(&self, bucket: &str, pattern: &str) -> Result<u64, Fault> {
        // A mirror holds subjects of other buckets.
        let count = self.api.count_subjects(&stream_name(bucket), &key_subject("*", pattern)).await;
        count.map_err(|fault| fault.of_bucket(bucket))
    }

    /// Deletes a bucket.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] and those of [`Api::ask`].
    pub(crate) async fn delete(&self, bucket: &str) -> Result<(), Fault> {
        let outcome = self.api.json(&format!("STREAM.DELETE.{}", stream_name(bucket)), String::new()).await;
        outcome.map(|_| ()).map_err(|fault| fault.of_bucket(bucket))
    }

    /// The stored message of a key that has a value.
    ///
    /// # Errors
    /// [`Fault::KeyNotFound`], [`Fault::BucketNotFound`] and those of [`Api::ask`].
    pub(crate) async fn value(&self, bucket: &str, key: &str, revision: Option<u64>) -> Result<Stored, Fault> {
        let not_found = || Fault::KeyNotFound { bucket: bucket.to_string(), key: key.to_string() };
        let stored = match self.stored(bucket, key, revision).await {
            Err(fault) if fault.is_no_message() => return Err(not_found()),
            outcome => outcome.map_err(|fault| fault.of_bucket(bucket))?,
        };
        let is_it = split_subject(&stored.subject).is_some_and(|(_, found)| found == key);
        if is_it && stored.operation() == Operation::Put { Ok(stored) } else { Err(not_found()) }
    }

    /// The stored message of a key: the latest one, or that of a revision.
    async fn stored(&self, bucket: &str, key: &str, revision: Option<u64>) -> Result<Stored, Fault> {
        match revision {
            None => latest(&self.api, bucket, key).await,
            // No message has the number 0, yet the server would call that a bad request.
            Some(revision) => {
                let seq = if revision == 0 { i64::MAX as u64 } else { revision };
                self.api.stored_message(&stream_name(bucket), json!({ "seq": seq }).to_string()).await
            }
        }
    }
}

/// What became of a bucket to add.
pub(crate) enum Added {
    /// The bucket is new; the server's reply.
    Created(Json),
    /// The bucket existed; the information of its stream.
    Found(Json),
}

/// The latest message of a key, whichever bucket its subject names.
pub(super) async fn latest(api: &Api, bucket: &str, key: &str) -> Result<Stored, Fault> {
    let body = json!({ "last_by_subj": key_subject("*", key) }).to_string();
    api.stored_message(&stream_name(bucket), body).await
}

impl Api {
    /// The names of all buckets.
    ///
    /// # Errors
    /// Those of [`Api::ask`].
    pub(crate) async fn buckets(&self) -> Result<Vec<String>, Fault> {
        let streams = self.names("STREAM.NAMES", "streams", None).await?;
        Ok(streams.iter().filter_map(|stream| bucket_of_stream(stream)).map(str::to_string).collect())
    }
}
