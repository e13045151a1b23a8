//! Buckets: add, info, ls, and their removal.

use std::rc::Rc;

use serde_json::Value as Json;

use super::entry::{is_name_in_use, of_bucket};
use super::{KeyValue, bucket_name};
use crate::bridge::errors::{Error, Result};
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::ordered::Access;
use crate::client::Argument;
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::kv::{
    ADD_OPTIONS, BucketError, Holds, bucket_config, bucket_info, bucket_of_stream, holds, is_as_given, stream_name,
};
use crate::rules::option::named;
use crate::tcl::{Obj, Reply};

/// `add bucket ?options?`
pub fn add(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let config = bucket_config(&bucket, &call.options.values()).map_err(refusal)?;
    kv.open()?;
    let (kv, given) = (Rc::clone(kv), call.options.values());
    block(call.interp, async move {
        let stream = stream_name(&bucket);
        let refused = match kv.js.api(&format!("STREAM.CREATE.{stream}"), Json::Object(config).to_string()).await {
            Ok(created) => return Ok(to_obj(&convert_reply(created, false))),
            Err(error) if is_name_in_use(&error) => error,
            Err(error) => return Err(error),
        };
        // The refusal stands unless the bucket is what the script asked for.
        let Ok(Json::Object(mut info)) = kv.js.api(&format!("STREAM.INFO.{stream}"), String::new()).await else {
            return Err(refused);
        };
        if !info.get("config").is_some_and(|config| is_as_given(&bucket, &given, config)) {
            return Err(refused);
        }
        info.insert("did_create".into(), true.into());
        Ok(to_obj(&convert_reply(Json::Object(info), true)))
    })
}

fn refusal(error: BucketError) -> Error {
    match error {
        BucketError::HistoryTooSmall => Argument::HistoryTooSmall,
        BucketError::HistoryTooLarge => Argument::HistoryTooLarge,
        BucketError::MirrorName(name) => Argument::BucketName(name),
        BucketError::DomainWithoutMirror => {
            Argument::Needs(const { named(ADD_OPTIONS, "mirror_domain") }, const { named(ADD_OPTIONS, "mirror_name") })
        }
        BucketError::Value(bad) => Argument::Value(bad),
    }
    .into()
}

/// `info bucket`
pub fn info(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    kv.open()?;
    let kv = Rc::clone(kv);
    block(call.interp, async move {
        let stream = convert_reply(kv.look(&bucket, kv.js.timeout).await?, false);
        Ok(to_obj(&Json::Object(bucket_info(&bucket, &stream))))
    })
}

/// `ls`
pub fn ls(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.open()?;
    let kv = Rc::clone(kv);
    block(call.interp, async move {
        let streams = kv.js.names("STREAM.NAMES", "streams", None).await?;
        let buckets: Vec<&str> = streams.iter().filter_map(|stream| bucket_of_stream(stream)).collect();
        Ok(Obj::text_list(&buckets))
    })
}

/// `del bucket`, read-only mode and name checked.
pub fn delete(kv: &Rc<KeyValue>, call: &Invocation, bucket: String) -> Result<Reply> {
    kv.open()?;
    let kv = Rc::clone(kv);
    block(call.interp, async move {
        let rest = format!("STREAM.DELETE.{}", stream_name(&bucket));
        kv.js.api(&rest, String::new()).await.map_err(|error| of_bucket(error, &bucket))?;
        Ok(Obj::empty())
    })
}

impl KeyValue {
    /// The information of a bucket's stream, as the server sent it; `ms` is the timeout, 0 waits for ever.
    ///
    /// # Errors
    /// `BucketNotFound` and those of an API request.
    pub(super) async fn look(&self, bucket: &str, ms: i64) -> Result<Json> {
        let rest = format!("STREAM.INFO.{}", stream_name(bucket));
        self.js.api_within(&rest, ms).await.map_err(|error| of_bucket(error, bucket))
    }

    /// Looks whose entries a bucket holds, and remembers it.
    ///
    /// # Errors
    /// As [`KeyValue::look`].
    pub(super) async fn look_whose(&self, bucket: &str, ms: i64) -> Result<Holds> {
        let info = self.look(bucket, ms).await?;
        Ok(self.remember(bucket, &info))
    }

    /// Remembers whose entries a bucket holds, by its stream's information.
    pub(super) fn remember(&self, bucket: &str, info: &Json) -> Holds {
        let holds = info.get("config").map_or(Holds::Others, holds);
        self.known.borrow_mut().insert(bucket.to_string(), holds.clone());
        holds
    }

    /// What the server refused of a bucket.
    pub(super) fn access(&self, bucket: &str) -> Rc<Access> {
        Rc::clone(self.access.borrow_mut().entry(bucket.to_string()).or_default())
    }
}
