//! Counters: streams whose messages are sums.

use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use super::api::{JetStream, open_or_error, stream_name};
use super::batch::filter;
use super::publish::stored;
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::messages::outgoing;
use crate::bridge::method::{Invocation, Method, row};
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::client::{Argument, Fault, pub_ack};
use crate::rules::counter::{self, INCR, LEVEL, SOURCES};
use crate::rules::direct::LAST_OPTIONS;
use crate::rules::option::{Kind, int};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Obj, Reply};

/// The rows.
pub(super) const METHODS: &[Method<JetStream>] = &[
    row(
        "counter_add",
        "subject n",
        (2, 2),
        &[],
        "Adds an integer of any size and sign to a counter; its new value. Errors: ErrInvalidArg, ErrNotSupported, ErrNoResponders, ErrJSResponse.",
        counter_add,
    ),
    row(
        "counter_get",
        "stream subject",
        (2, 2),
        &[],
        "Dict `value incr sources` of a counter: its value, what was added last, and a dict of stream, subject and value where it is the sum of others. Errors: ErrBadSubject, ErrNotSupported, ErrJSResponse.",
        counter_get,
    ),
    row(
        "counters",
        "stream filter",
        (2, 2),
        &[],
        "Dict of subject and value of all counters that match the filter. The stream must have `-allow_direct`. Errors: ErrBadSubject, ErrNotSupported, ErrJSResponse.",
        counters,
    ),
];

/// `counter_add subject n`
fn counter_add(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let add = counter::increment(&call.args[1].as_text()).ok_or_else(|| bad_value("n", Kind::Int, &call.args[1]))?;
    let headers = Some(vec![(INCR.to_string(), add)]);
    let msg = outgoing(&js.connection.latest, js.connection.coding(), &call.args[0], &Obj::empty(), "", headers)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level("The method counter_add", LEVEL).await?;
        let answer = stored(&js, msg).await?;
        let ack = pub_ack(&answer)?;
        let value = ack.get("val").and_then(Json::as_str).ok_or(Fault::NotAnAck)?;
        Ok(Obj::text(value))
    })
}

/// The subject of a counter, without wildcards.
fn counter(subject: &Obj) -> Result<String> {
    let text = subject.to_text();
    if check_subject(&text, Role::Publish, true) { Ok(text) } else { Err(Argument::Subject(text).into()) }
}

/// `counter_get stream subject`
fn counter_get(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let body = json!({"last_by_subj": counter(&call.args[1])?}).to_string();
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level("The method counter_get", LEVEL).await?;
        let stored = js.api.stored_message(&stream, body).await?;
        let header = |wanted: &str| stored.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let sources = header(SOURCES).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!({}));
        let mut dict = Obj::dict();
        dict.put_text("value", &Obj::text(&counter::value(&stored.data).ok_or(Fault::ReplyIncomplete)?));
        dict.put_text("incr", &Obj::text(header(INCR).unwrap_or_default()));
        dict.put_text("sources", &to_obj(&sources));
        Ok(dict)
    })
}

/// `counters stream filter`
fn counters(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let wanted = filter(&call.args[1].as_text())?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level("The method counters", LEVEL).await?;
        let page = int(LAST_OPTIONS, "batch").default as u64;
        let last = js.api.last_messages("counters", &stream, &[wanted], Map::new(), page).await?;
        let mut dict = Obj::dict();
        for stored in last.messages.into_values() {
            let value = counter::value(&stored.data).ok_or(Fault::ReplyIncomplete)?;
            dict.put_text(&stored.subject, &Obj::text(&value));
        }
        Ok(dict)
    })
}
