//! Buckets: add, info, ls, and their removal.

use std::rc::Rc;

use serde_json::Value as Json;

use super::entry::of_bucket;
use super::{KeyValue, bucket_name};
use crate::bridge::errors::{Error, Result};
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::jet_stream::api::{Shape, request};
use crate::client::Argument;
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::kv::{BucketError, Origin, bucket_config, bucket_info, bucket_of_stream, origin, stream_name};
use crate::tcl::{Obj, Reply};

/// `add bucket ?options?`
pub fn add(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let config = bucket_config(&bucket, &call.options.values()).map_err(refusal)?;
    kv.open()?;
    let rest = format!("STREAM.CREATE.{}", stream_name(&bucket));
    request(&kv.js, call, rest, Json::Object(config).to_string(), Shape::Dict)
}

fn refusal(error: BucketError) -> Error {
    match error {
        BucketError::HistoryTooSmall => Argument::HistoryTooSmall,
        BucketError::HistoryTooLarge => Argument::HistoryTooLarge,
        BucketError::MirrorName(name) => Argument::BucketName(name),
        BucketError::DomainWithoutMirror => Argument::Needs("mirror_domain", "mirror_name"),
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
        let stream = convert_reply(kv.look(&bucket).await?, false);
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
    /// The information of a bucket's stream, as the server sent it.
    ///
    /// # Errors
    /// `BucketNotFound` and those of an API request.
    pub(super) async fn look(&self, bucket: &str) -> Result<Json> {
        let rest = format!("STREAM.INFO.{}", stream_name(bucket));
        self.js.api(&rest, String::new()).await.map_err(|error| of_bucket(error, bucket))
    }

    /// Looks where a bucket takes its entries from, `None` if it is no mirror.
    pub(super) async fn origin_of(&self, bucket: &str) -> Result<Option<Origin>> {
        let info = self.look(bucket).await?;
        let origin = info.get("config").and_then(origin);
        let mut plain = self.plain.borrow_mut();
        match origin {
            Some(_) => plain.remove(bucket),
            None => plain.insert(bucket.to_string()),
        };
        Ok(origin)
    }
}
