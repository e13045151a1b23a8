//! Buckets: add, info, ls, and their removal.

use std::rc::Rc;

use serde_json::Value as Json;

use super::state::{KeyValue, bucket_name};
use crate::bridge::errors::{Error, Result};
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::Argument;
use crate::client::kv::Added;
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::kv::{ADD_OPTIONS, BucketError, bucket_config, bucket_info};
use crate::rules::option::named;
use crate::tcl::{Obj, Reply};

/// `add bucket ?options?`
pub(super) fn add(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let config = bucket_config(&bucket, &call.options.values()).map_err(refusal)?;
    kv.open()?;
    let (kv, given) = (Rc::clone(kv), call.options.values());
    block(call.interp, async move {
        Ok(match kv.buckets.add(&bucket, &given, config).await? {
            Added::Created(reply) => to_obj(&convert_reply(reply, false)),
            Added::Found(info) => to_obj(&convert_reply(info, true)),
        })
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
pub(super) fn info(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    kv.open()?;
    let kv = Rc::clone(kv);
    block(call.interp, async move {
        let stream = convert_reply(kv.buckets.look(&bucket, kv.js.api.timeout).await?, false);
        Ok(to_obj(&Json::Object(bucket_info(&bucket, &stream))))
    })
}

/// `ls`
pub(super) fn ls(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.open()?;
    let kv = Rc::clone(kv);
    block(call.interp, async move { Ok(Obj::text_list(&kv.js.api.buckets().await?)) })
}

/// `del bucket`, after the checks of read-only mode and name.
pub(super) fn delete(kv: &Rc<KeyValue>, call: &Invocation, bucket: String) -> Result<Reply> {
    kv.open()?;
    let kv = Rc::clone(kv);
    block(call.interp, async move {
        kv.buckets.delete(&bucket).await?;
        Ok(Obj::empty())
    })
}
