//! Buckets: add, info, ls, and their removal.

use std::rc::Rc;

use serde_json::{Value as Json, json};

use super::state::{KeyValue, bucket_name};
use crate::bridge::errors::{Error, Result};
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::options::read;
use crate::bridge::task::block;
use crate::client::kv::Added;
use crate::client::{Argument, Fault};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::jetstream_convert_body::convert;
use crate::rules::jetstream_streams::SOURCE;
use crate::rules::kv::stream_name;
use crate::rules::kv_bucket::{ADD_OPTIONS, BucketError, UPDATE_OPTIONS, bucket_change, bucket_config, bucket_info};
use crate::rules::names::is_bucket;
use crate::rules::option::{Kind, Name, Opt, named, row};
use crate::tcl::{Obj, Reply};

/// `add bucket ?options?`
pub(super) fn add(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let sources = sources(call, const { named(ADD_OPTIONS, "sources") })?;
    let config = bucket_config(&bucket, &call.options.values(), &sources).map_err(refusal)?;
    kv.open()?;
    let (kv, given) = (Rc::clone(kv), call.options.values());
    kv.js.api.knows(ADD_OPTIONS, &given, false)?;
    block(call.interp, async move {
        Ok(match kv.buckets.add(&bucket, &given, &sources, config).await? {
            Added::Created(reply) => to_obj(&convert_reply(reply, false)),
            Added::Found(info) => to_obj(&convert_reply(info, true)),
        })
    })
}

/// `update_bucket bucket ?options?`
pub(super) fn update(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let sources = sources(call, const { named(UPDATE_OPTIONS, "sources") })?;
    let change = bucket_change(&bucket, &call.options.values(), &sources).map_err(refusal)?;
    kv.open()?;
    kv.js.api.knows(UPDATE_OPTIONS, &call.options.values(), false)?;
    let kv = Rc::clone(kv);
    block(call.interp, async move {
        let updated = kv.js.api.update_stream(&stream_name(&bucket), change).await;
        Ok(to_obj(&convert_reply(updated.map_err(|fault| fault.of_bucket(&bucket))?, false)))
    })
}

/// The option `-sources`: names of buckets, or dicts as in a stream's configuration.
fn sources(call: &Invocation, option: Name) -> Result<Vec<Json>> {
    const ROW: Opt = row("sources", Kind::Object(SOURCE), "");
    let Some(given) = call.options.given(option) else { return Ok(Vec::new()) };
    let read_one = |item: &Obj| {
        let text = item.to_text();
        if is_bucket(&text) {
            return Ok(json!({ "name": text }));
        }
        let (value, _) = read(call.interp, &ROW, item)?;
        let source = convert(ROW.kind, &value, ROW.name).map_err(Argument::Value)?;
        if source.get("name").is_none_or(Json::is_null) {
            return Err(Argument::Required(const { named(SOURCE, "name") }).into());
        }
        Ok(source)
    };
    given.obj.as_list().unwrap_or_default().iter().map(read_one).collect()
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
        if !["config", "state"].iter().all(|part| stream.get(part).is_some_and(Json::is_object)) {
            return Err(Fault::ReplyIncomplete.into());
        }
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
