//! Buckets: the methods of `nats::jet_stream` that make and remove them, and their status.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::bridge::describe::dict;
use crate::bridge::errors::{Error, Result};
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, bucket_name, key_pattern};
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::classes::kv_codec::Codecs;
use crate::client::{Argument, Fault, prefix_of_domain};
use crate::rules::helpers::KV_ORIGIN_OPTIONS;
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::kv::{bucket_of_stream, stream_name};
use crate::rules::kv3::{
    BUCKET_OPTIONS, Refusal, Source, UPDATE_OPTIONS, aggregate_stream, bucket_change, bucket_stream, domain_of, mirror_stream,
};
use crate::rules::names::is_stream_name;
use crate::rules::option::{Name, Value, named};
use crate::tcl::{Obj, Reply};

const MIRROR_NAME: Name = named(BUCKET_OPTIONS, "mirror_name");
const MIRROR_DOMAIN: Name = named(BUCKET_OPTIONS, "mirror_domain");

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::History => Argument::HistoryTooLarge.into(),
        Refusal::Value(bad) => Argument::Value(bad).into(),
    }
}

/// `bind_kv_bucket bucket`
pub(crate) fn bind_kv_bucket(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let codecs = Codecs::of(&js.connection, &call.options)?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let info = js.api.json(&format!("STREAM.INFO.{}", stream_name(&bucket)), String::new()).await;
        let info = info.map_err(|fault| fault.of_bucket(&bucket))?;
        Bucket::make(&js, &bucket, info.get("config").filter(|config| config.is_object()).ok_or(Fault::ReplyIncomplete)?, codecs)
    })
}

/// The options that are of the stream: the first ones of the table.
fn of_stream(call: &Invocation) -> Vec<(usize, Value)> {
    call.options.values().into_iter().filter(|(index, _)| *index < BUCKET_OPTIONS.len()).collect()
}

/// Creates a stream and gives the bucket's object.
fn create(js: &Rc<JetStream>, call: &Invocation, bucket: String, config: Map<String, Json>) -> Result<Reply> {
    let codecs = Codecs::of(&js.connection, &call.options)?;
    open_or_error(js)?;
    js.api.knows(BUCKET_OPTIONS, &of_stream(call), false)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let config = Json::Object(config);
        let made = js.api.json(&format!("STREAM.CREATE.{}", stream_name(&bucket)), config.to_string()).await?;
        Bucket::make(&js, &bucket, made.get("config").unwrap_or(&config), codecs)
    })
}

/// `create_kv_bucket bucket ?-option value ...?`
pub(crate) fn create_kv_bucket(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let (mirror, domain) = (call.options.given_text(MIRROR_NAME), call.options.given_text(MIRROR_DOMAIN));
    if mirror.is_none() && domain.is_some() {
        return Err(Argument::Needs(MIRROR_DOMAIN, MIRROR_NAME).into());
    }
    if let Some(name) = mirror {
        bucket_name(&Obj::text(name))?;
    }
    let api = domain.map(prefix_of_domain);
    let mirror = mirror.map(|name| (name, api.as_deref()));
    let config = bucket_stream(&bucket, mirror, &of_stream(call)).map_err(refused)?;
    create(js, call, bucket, config)
}

/// `update_kv_bucket bucket ?-option value ...?`
pub(crate) fn update_kv_bucket(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let change = bucket_change(&call.options.values()).map_err(refused)?;
    open_or_error(js)?;
    js.api.knows(UPDATE_OPTIONS, &call.options.values(), false)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let updated = js.api.update_stream(&stream_name(&bucket), change).await;
        Ok(to_obj(&convert_reply(updated.map_err(|fault| fault.of_bucket(&bucket))?, true)))
    })
}

/// `create_kv_aggregate bucket writable origins ?-option value ...?`
pub(crate) fn create_kv_aggregate(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let word = &call.args[1];
    let writable = word.as_bool().filter(|_| !word.is_empty());
    let writable = writable.ok_or_else(|| Argument::NotBoolean { name: "writable", value: word.to_text() })?;
    let origins = call.args[2].as_list().filter(|origins| !origins.is_empty()).ok_or(Argument::NoOrigins)?;
    let sources = origins.iter().map(source).collect::<Result<Vec<_>>>()?;
    not_of_a_mirror(call)?;
    let config = aggregate_stream(&bucket, writable, &sources, &of_stream(call)).map_err(refused)?;
    create(js, call, bucket, config)
}

/// `create_kv_mirror name origin ?-option value ...?`
pub(crate) fn create_kv_mirror(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = bucket_name(&call.args[0])?;
    if name.starts_with("KV_") {
        return Err(Argument::MirrorIsBucket.into());
    }
    let source = source(&call.args[1])?;
    not_of_a_mirror(call)?;
    let config = mirror_stream(&name, &source, &call.options.values()).map_err(refused)?;
    open_or_error(js)?;
    js.api.knows(BUCKET_OPTIONS, &call.options.values(), false)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.json(&format!("STREAM.CREATE.{name}"), Json::Object(config).to_string()).await?;
        Ok(Obj::empty())
    })
}

fn not_of_a_mirror(call: &Invocation) -> Result<()> {
    let given = [MIRROR_NAME, MIRROR_DOMAIN].iter().any(|name| call.options.given(*name).is_some());
    if given { Err(Argument::MirrorOptions.into()) } else { Ok(()) }
}

/// The origin in a dict that `nats::make_kv_origin` made.
fn source(origin: &Obj) -> Result<Source> {
    const BUCKET: Name = named(KV_ORIGIN_OPTIONS, "bucket");
    const KEYS: Name = named(KV_ORIGIN_OPTIONS, "keys");
    let given = |name: Name| origin.get(&Obj::text(name.as_str()));
    let text = |name: Name| given(name).map(|value| value.to_text()).filter(|value| !value.is_empty());
    let bucket = text(BUCKET).ok_or(Argument::Required(BUCKET))?;
    let bucket = bucket_name(&Obj::text(&bucket))?;
    let stream = text(const { named(KV_ORIGIN_OPTIONS, "stream") }).unwrap_or_else(|| stream_name(&bucket));
    if !is_stream_name(&stream) {
        return Err(Argument::StreamName(stream).into());
    }
    let keys = given(KEYS).and_then(|keys| keys.as_list()).unwrap_or_default();
    let keys = keys.iter().map(key_pattern).collect::<Result<Vec<_>>>()?;
    Ok(Source {
        stream,
        bucket,
        keys,
        api: text(const { named(KV_ORIGIN_OPTIONS, "api") }),
        deliver: text(const { named(KV_ORIGIN_OPTIONS, "deliver") }),
    })
}

/// `delete_kv_bucket bucket`
pub(crate) fn delete_kv_bucket(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    field(js, call, "DELETE", "success")
}

/// `empty_kv_bucket bucket`
pub(crate) fn empty_kv_bucket(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    field(js, call, "PURGE", "purged")
}

/// A request for the stream of a bucket whose reply is one field.
fn field(js: &Rc<JetStream>, call: &Invocation, verb: &'static str, name: &'static str) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let reply = js.api.json(&format!("STREAM.{verb}.{}", stream_name(&bucket)), String::new()).await;
        let reply = reply.map_err(|fault| fault.of_bucket(&bucket))?;
        Ok(to_obj(reply.get(name).ok_or(Fault::ReplyIncomplete)?))
    })
}

/// `kv_buckets`
pub(crate) fn kv_buckets(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move { Ok(Obj::text_list(&js.api.buckets().await?)) })
}

/// `status`, a method of the bucket
pub(crate) fn status(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let info = bucket.js.api.json(&format!("STREAM.INFO.{}", bucket.entries.stream), String::new()).await;
        let info = convert_reply(info.map_err(|fault| bucket.entries.gone(fault))?, true);
        if !["config", "state"].iter().all(|part| info.get(part).is_some_and(Json::is_object)) {
            return Err(Fault::ReplyIncomplete.into());
        }
        Ok(shown(&bucket.entries.name, &info))
    })
}

fn shown(bucket: &str, info: &Json) -> Obj {
    let at = |path: &str| info.pointer(path).map_or_else(Obj::empty, to_obj);
    let text = |path: &str| info.pointer(path).and_then(Json::as_str);
    let compressed = text("/config/compression").is_some_and(|kind| kind != "none");
    let mirror = text("/config/mirror/name");
    let mirror = mirror.map(|stream| ("mirror_name", Obj::text(bucket_of_stream(stream).unwrap_or(stream))));
    let domain = text("/config/mirror/external/api").and_then(domain_of);
    let head = [
        ("bucket", Obj::text(bucket)),
        ("bytes", at("/state/bytes")),
        ("history", at("/config/max_msgs_per_subject")),
        ("ttl", at("/config/max_age")),
        ("values", at("/state/messages")),
        ("is_compressed", Obj::int(i64::from(compressed))),
    ];
    let domain = domain.map(|domain| ("mirror_domain", Obj::text(domain)));
    let tail = [("stream_config", at("/config")), ("stream_state", at("/state"))];
    dict(head.into_iter().chain(mirror).chain(domain).chain(tail))
}
