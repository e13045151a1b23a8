//! Streams and their messages.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::api::{JetStream, Shape, dict_of, open_or_error, options_body, request, stream_name};
use super::config::ConfigOptions;
use super::stored::message_dict;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::Argument;
use crate::rules::jetstream_streams::{
    MSG_DELETE_OPTIONS, MSG_GET_OPTIONS, PURGE_OPTIONS, STREAM_CONFIG_MARKS, STREAM_NAMES_OPTIONS, STREAM_OPTIONS,
};
use crate::rules::option::{Name, named};
use crate::tcl::{Obj, Reply};

/// Options that say where a stream's messages come from; one of them is needed, and not empty.
const ORIGINS: &[Name] = &[named(STREAM_OPTIONS, "subjects"), named(STREAM_OPTIONS, "mirror"), named(STREAM_OPTIONS, "sources")];

/// Options that say which stored message to read; one of them is needed.
const WHICH_MESSAGE: &[Name] = &[
    named(MSG_GET_OPTIONS, "last_by_subj"),
    named(MSG_GET_OPTIONS, "next_by_subj"),
    named(MSG_GET_OPTIONS, "seq"),
    named(MSG_GET_OPTIONS, "start_time"),
];

/// `add_stream stream ?-option value ...?`
pub(crate) fn add_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let config = ConfigOptions::parse(call.interp, STREAM_OPTIONS, STREAM_CONFIG_MARKS, &call.args[1..])?;
    if !ORIGINS.iter().any(|field| config.has_content(*field)) {
        return Err(Argument::OneRequired(ORIGINS).into());
    }
    let under_name = |fields: Map<String, Json>| {
        let mut map = Map::new();
        map.insert("name".into(), name.clone().into());
        map.extend(fields.into_iter().filter(|(field, _)| field != "name"));
        map
    };
    let (create, change) = (under_name(config.body(true)?), under_name(config.body(false)?));
    open_or_error(js)?;
    config.known_to_server(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move { Ok(dict_of(js.api.create_or_update(&name, create, change).await?)) })
}

/// `add_stream_from_json json_config`
pub(crate) fn add_stream_from_json(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let text = call.args[0].to_text();
    let name = json_object(&text)?.get("name").and_then(Json::as_str).unwrap_or_default().to_string();
    stream_name(&Obj::text(&name))?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move { Ok(Obj::utf8(js.api.create_or_update_as_given(&name, text).await?.payload())) })
}

/// A configuration given as JSON.
///
/// # Errors
/// `ErrInvalidArg` if it is no JSON object.
pub(crate) fn json_object(text: &str) -> Result<Json> {
    serde_json::from_str(text).ok().filter(Json::is_object).ok_or_else(|| Argument::ConfigNotJson.into())
}

/// `delete_stream stream`
pub(crate) fn delete_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    request(js, call, format!("STREAM.DELETE.{name}"), String::new(), Shape::Success)
}

/// `purge_stream stream ?-filter subject? ?-keep int? ?-seq int?`
pub(crate) fn purge_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let body = Json::Object(options_body(PURGE_OPTIONS, &call.options, false)?).to_string();
    request(js, call, format!("STREAM.PURGE.{name}"), body, Shape::Purged)
}

/// `stream_names ?-subject subject?`
pub(crate) fn stream_names(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let subject = call.options.given_text(const { named(STREAM_NAMES_OPTIONS, "subject") }).map(str::to_string);
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let filter = subject.as_deref().map(|subject| ("subject", subject));
        Ok(Obj::text_list(&js.api.names("STREAM.NAMES", "streams", filter).await?))
    })
}

/// `stream_msg_get stream ?-last_by_subj subj? ?-next_by_subj subj? ?-seq int? ?-start_time time?`
pub(crate) fn stream_msg_get(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    if call.options.all().is_empty() {
        return Err(Argument::OneRequired(WHICH_MESSAGE).into());
    }
    let body = Json::Object(options_body(MSG_GET_OPTIONS, &call.options, false)?).to_string();
    open_or_error(js)?;
    js.api.knows(MSG_GET_OPTIONS, &call.options.values(), false)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let stored = js.api.stored_message(&name, body).await?;
        Ok(message_dict(&js, &stored))
    })
}

/// `stream_msg_delete stream -seq sequence ?-no_erase no_erase?`
pub(crate) fn stream_msg_delete(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    call.options.required(const { named(MSG_DELETE_OPTIONS, "seq") })?;
    let body = Json::Object(options_body(call.options.table(), &call.options, true)?).to_string();
    request(js, call, format!("STREAM.MSG.DELETE.{name}"), body, Shape::Success)
}
