//! Buckets: the methods of `nats::jet_stream` that make and remove them, and their status.

use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use super::state::{ObjectStore, bucket_name};
use crate::bridge::describe::dict;
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::client::object::Holds;
use crate::client::{Argument, Fault};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::object::{bucket_of_stream, meta_subjects, name_of_two, stream_name};
use crate::rules::object_options::{BIND_OPTIONS, BUCKET_OPTIONS, bucket_change, bucket_config};
use crate::rules::option::named;
use crate::tcl::{Obj, Reply};

/// `object_store bucket ?-timeout ms?`
pub(crate) fn object_store(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    open_or_error(js)?;
    let ms = call.options.given_int(const { named(BIND_OPTIONS, "timeout") });
    let js = Rc::clone(js);
    block(call.interp, async move {
        let rest = format!("STREAM.INFO.{}", stream_name(&bucket));
        let info = js.api.json_within(&rest, ms.unwrap_or(js.api.timeout)).await.map_err(|fault| fault.of_bucket(&bucket))?;
        let config = info.get("config").filter(|config| config.is_object()).ok_or(Fault::ReplyIncomplete)?;
        let holds = Holds::of(&js.api, &bucket, config).await;
        ObjectStore::make(&js, &bucket, config, holds, ms)
    })
}

/// `create_object_store bucket ?-option value ...?`
pub(crate) fn create_object_store(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let config = bucket_config(&bucket, &call.options.values()).map_err(Argument::Value)?;
    open_or_error(js)?;
    js.api.knows(BUCKET_OPTIONS, &call.options.values(), false)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let config = Json::Object(config);
        let made = js.api.json(&format!("STREAM.CREATE.{}", stream_name(&bucket)), config.to_string()).await?;
        let config = made.get("config").unwrap_or(&config);
        let holds = Holds::of(&js.api, &bucket, config).await;
        ObjectStore::make(&js, &bucket, config, holds, None)
    })
}

/// `update_object_store bucket ?-option value ...?`
pub(crate) fn update_object_store(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let change = bucket_change(&call.options.values()).map_err(Argument::Value)?;
    open_or_error(js)?;
    js.api.knows(BUCKET_OPTIONS, &call.options.values(), false)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let updated = js.api.update_stream(&stream_name(&bucket), change).await.map_err(|fault| fault.of_bucket(&bucket))?;
        let holds = Holds::of(&js.api, &bucket, updated.get("config").unwrap_or(&Json::Null)).await;
        read_status(&js, &bucket, &holds.names).await
    })
}

/// `delete_object_store bucket`
pub(crate) fn delete_object_store(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let reply = js.api.json(&format!("STREAM.DELETE.{}", stream_name(&bucket)), String::new()).await;
        let reply = reply.map_err(|fault| fault.of_bucket(&bucket))?;
        Ok(to_obj(reply.get("success").ok_or(Fault::ReplyIncomplete)?))
    })
}

/// `object_stores`
pub(crate) fn object_stores(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let streams = js.api.names("STREAM.NAMES", "streams", Some(("subject", "$O.*.C.>"))).await?;
        let buckets: Vec<&str> = streams.iter().filter_map(|stream| bucket_of_stream(stream)).collect();
        Ok(Obj::text_list(&buckets))
    })
}

/// `status`, a method of the bucket
pub(super) fn status(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    state.open()?;
    let state = Rc::clone(state);
    block(call.interp, async move { read_status(&state.js, &state.store.bucket, state.store.names()).await })
}

/// The status of a bucket whose objects are in the subjects of the bucket `names`.
async fn read_status(js: &JetStream, bucket: &str, names: &str) -> Result<Obj> {
    let rest = format!("STREAM.INFO.{}", stream_name(bucket));
    let (mut subjects, mut again) = (0, 0);
    let mut seen = HashSet::new();
    loop {
        // The server names no more than so many subjects at a time.
        let body = json!({ "subjects_filter": meta_subjects(names), "offset": subjects });
        let info = js.api.json(&rest, body.to_string()).await.map_err(|fault| fault.of_bucket(bucket))?;
        let page = info.pointer("/state/subjects").and_then(Json::as_object);
        let count = page.map_or(0, Map::len);
        again += page
            .into_iter()
            .flat_map(Map::keys)
            .filter_map(|subject| name_of_two(subject))
            .filter(|name| !seen.insert(name.clone()))
            .count();
        subjects += count;
        let total = info.get("total").and_then(Json::as_u64).unwrap_or_default();
        if count == 0 || subjects as u64 >= total {
            return shown(bucket, subjects - again, info);
        }
    }
}

fn shown(bucket: &str, objects: usize, mut info: Json) -> Result<Obj> {
    if let Some(state) = info.get_mut("state").and_then(Json::as_object_mut) {
        state.shift_remove("subjects");
    }
    let info = convert_reply(info, true);
    if !["config", "state"].iter().all(|part| info.get(part).is_some_and(Json::is_object)) {
        return Err(Fault::ReplyIncomplete.into());
    }
    let at = |path: &str| info.pointer(path).map_or_else(Obj::empty, to_obj);
    let compression = info.pointer("/config/compression").and_then(Json::as_str).is_some_and(|kind| kind != "none");
    let sealed = info.pointer("/config/sealed").and_then(Json::as_bool).unwrap_or_default();
    Ok(dict([
        ("bucket", Obj::text(bucket)),
        ("description", at("/config/description")),
        ("ttl", at("/config/max_age")),
        ("storage", at("/config/storage")),
        ("num_replicas", at("/config/num_replicas")),
        ("sealed", Obj::bool(sealed)),
        ("size", at("/state/bytes")),
        ("objects", Obj::uint(objects as u64)),
        ("compression", Obj::bool(compression)),
        ("metadata", at("/config/metadata")),
        ("backing_store", Obj::text("JetStream")),
        ("stream_config", at("/config")),
        ("stream_state", at("/state")),
    ]))
}
