//! Streams and their messages.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::api::{JetStream, Shape, open_or_error, options_body, read, request, shaped, stream_name};
use super::config::Config;
pub use super::stored::Stored;
use super::stored::message_dict;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::codes::{STREAM_INVALID_CONFIG, STREAM_NAME_IN_USE, STREAM_NOT_FOUND};
use crate::client::{Argument, Fault};
use crate::engine::{Message, stored_headers};
use crate::rules::jetstream_convert::{ApiError, merge_update};
use crate::rules::jetstream_streams::{
    MSG_DELETE_OPTIONS, MSG_GET_OPTIONS, PURGE_OPTIONS, STREAM_CONFIG_MARKS, STREAM_NAMES_OPTIONS, STREAM_OPTIONS,
};
use crate::rules::option::{Name, named};
use crate::tcl::{Obj, Reply};

/// Options of which a stream needs one, with something in it: where its messages come from.
const ORIGINS: &[Name] = &[named(STREAM_OPTIONS, "subjects"), named(STREAM_OPTIONS, "mirror"), named(STREAM_OPTIONS, "sources")];

/// Options of which a read of a stored message needs one.
pub(super) const WHICH_MESSAGE: &[Name] =
    &[named(MSG_GET_OPTIONS, "last_by_subj"), named(MSG_GET_OPTIONS, "next_by_subj"), named(MSG_GET_OPTIONS, "seq")];

/// `add_stream stream ?-option value ...?`
pub fn add_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let config = Config::parse(call.interp, STREAM_OPTIONS, STREAM_CONFIG_MARKS, &call.args[1..])?;
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
    block(call.interp, async move { create_or_update(&js, &name, create, change).await })
}

async fn create_or_update(js: &JetStream, name: &str, create: Map<String, Json>, change: Map<String, Json>) -> Result<Obj> {
    let refused = match try_api(js, &format!("STREAM.CREATE.{name}"), &Json::Object(create)).await? {
        Ok(created) => return Ok(created),
        Err(refused) => refused,
    };
    let code = refused.err_code;
    if code != STREAM_NAME_IN_USE && code != STREAM_INVALID_CONFIG {
        return Err(Fault::Api(refused).into());
    }
    // What is asked on top of it must not hide the first refusal.
    let Ok(info) = js.api(&format!("STREAM.INFO.{name}"), String::new()).await else {
        return Err(Fault::Api(refused).into());
    };
    let current = info.get("config").and_then(Json::as_object).cloned().ok_or(Fault::ReplyIncomplete)?;
    update(js, name, &Json::Object(merge_update(current, change)), refused).await
}

/// Updates the stream; a refusal is the create error followed by the reason.
async fn update(js: &JetStream, name: &str, config: &Json, create_refused: ApiError) -> Result<Obj> {
    match try_api(js, &format!("STREAM.UPDATE.{name}"), config).await {
        Ok(Ok(updated)) => Ok(updated),
        Ok(Err(reason)) => Err(Fault::NeitherCreatedNorUpdated(create_refused, reason.description).into()),
        Err(_) => Err(Fault::Api(create_refused).into()),
    }
}

/// A request whose refusal is looked at: the outer error is that of the way, the inner one the server's.
async fn try_api(js: &JetStream, rest: &str, body: &Json) -> Result<std::result::Result<Obj, ApiError>> {
    let message = js.exchange(&js.subject(rest), body.to_string().into(), None, js.timeout).await?;
    Ok(match refusable(&message)? {
        Ok(reply) => Ok(shaped(&message, reply, Shape::Dict)?),
        Err(refused) => Err(refused),
    })
}

/// A reply, or the server's refusal.
fn refusable(message: &Message) -> Result<std::result::Result<Json, ApiError>> {
    match read(message) {
        Ok(reply) => Ok(Ok(reply)),
        Err(Fault::Api(refused)) => Ok(Err(refused)),
        Err(fault) => Err(fault.into()),
    }
}

/// `add_stream_from_json json_config`
pub fn add_stream_from_json(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let text = call.args[0].to_text();
    let name = json_object(&text)?.get("name").and_then(Json::as_str).unwrap_or_default().to_string();
    stream_name(&Obj::text(&name))?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let send = |verb: &str| (js.subject(&format!("STREAM.{verb}.{name}")), bytes::Bytes::from(text.clone()));
        let (subject, body) = send("CREATE");
        let created = js.exchange(&subject, body, None, js.timeout).await?;
        match refusable(&created)? {
            Ok(_) => Ok(Obj::utf8(created.payload())),
            Err(error) if error.err_code == STREAM_NAME_IN_USE || error.err_code == STREAM_INVALID_CONFIG => {
                let (subject, body) = send("UPDATE");
                let answered = match js.exchange(&subject, body, None, js.timeout).await {
                    Ok(updated) => refusable(&updated).map(|answer| (updated, answer)),
                    Err(error) => Err(error),
                };
                match answered {
                    Ok((updated, Ok(_))) => Ok(Obj::utf8(updated.payload())),
                    Ok((_, Err(reason))) if reason.err_code != STREAM_NOT_FOUND => {
                        Err(Fault::NeitherCreatedNorUpdated(error, reason.description).into())
                    }
                    _ => Err(Fault::Api(error).into()),
                }
            }
            Err(error) => Err(Fault::Api(error).into()),
        }
    })
}

/// A configuration given as JSON.
///
/// # Errors
/// `ErrInvalidArg` if it is no JSON object.
pub fn json_object(text: &str) -> Result<Json> {
    serde_json::from_str(text).ok().filter(Json::is_object).ok_or_else(|| Argument::ConfigNotJson.into())
}

/// `delete_stream stream`
pub fn delete_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    request(js, call, format!("STREAM.DELETE.{name}"), String::new(), Shape::Success)
}

/// `purge_stream stream ?-filter subject? ?-keep int? ?-seq int?`
pub fn purge_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let body = Json::Object(options_body(PURGE_OPTIONS, &call.options, false)?).to_string();
    request(js, call, format!("STREAM.PURGE.{name}"), body, Shape::Purged)
}

/// `stream_info stream`
pub fn stream_info(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    request(js, call, format!("STREAM.INFO.{name}"), String::new(), Shape::Unpaged)
}

/// `stream_names ?-subject subject?`
pub fn stream_names(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let subject = call.options.given_text(const { named(STREAM_NAMES_OPTIONS, "subject") }).map(str::to_string);
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let filter = subject.as_deref().map(|subject| ("subject", subject));
        Ok(Obj::text_list(&js.names("STREAM.NAMES", "streams", filter).await?))
    })
}

/// `stream_msg_get stream ?-last_by_subj subj? ?-next_by_subj subj? ?-seq int?`
pub fn stream_msg_get(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    if call.options.all().is_empty() {
        return Err(Argument::OneRequired(WHICH_MESSAGE).into());
    }
    let body = Json::Object(options_body(MSG_GET_OPTIONS, &call.options, false)?).to_string();
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let stored = js.stored_message(&name, body).await?;
        Ok(message_dict(&js, &stored))
    })
}

/// `stream_msg_delete stream -seq sequence ?-no_erase no_erase?`
pub fn stream_msg_delete(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    call.options.required(const { named(MSG_DELETE_OPTIONS, "seq") })?;
    let body = Json::Object(options_body(call.options.table(), &call.options, true)?).to_string();
    request(js, call, format!("STREAM.MSG.DELETE.{name}"), body, Shape::Success)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

impl JetStream {
    /// Reads one message with `STREAM.MSG.GET`.
    pub async fn stored_message(&self, stream: &str, body: String) -> Result<Stored> {
        let reply = self.api(&format!("STREAM.MSG.GET.{stream}"), body).await?;
        let broken = || Fault::ReplyIncomplete;
        let message = reply.get("message").and_then(Json::as_object).ok_or_else(broken)?;
        let needed = |name: &str| message.get(name).and_then(Json::as_str).ok_or_else(broken);
        // Absent where there is none.
        let bytes = |name: &str| message.get(name).map_or(Some(Vec::new()), |text| decode(text.as_str()?)).ok_or_else(broken);
        // A block that is none leaves the message readable, as on delivery.
        let headers = stored_headers(&bytes("hdrs")?);
        Ok(Stored {
            subject: needed("subject")?.to_string(),
            seq: message.get("seq").and_then(Json::as_u64).ok_or_else(broken)?,
            data: bytes("data")?,
            headers,
            time: needed("time")?.to_string(),
        })
    }
}
