//! Methods that manage streams and consumers and came with newer servers, or say in their name what the older ones leave open.

use std::rc::Rc;

use serde_json::{Value as Json, json};

use super::api::{JetStream, Shape, consumer_name, dict_of, open_or_error, shaped, stream_name};
use super::update;
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::method::{ANY, Invocation, Method, raw, row};
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::client::Argument;
use crate::rules::jetstream_consumers::CONSUMER_OPTIONS;
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::jetstream_streams::STREAM_OPTIONS;
use crate::rules::manage::{RESET_OPTIONS, STREAM_INFO_OPTIONS, STREAMS_OPTIONS, is_priority_group, point_in_time};
use crate::rules::option::{Kind, flag, named};
use crate::rules::version::Version;
use crate::tcl::{Obj, Reply};

/// The rows, those of both dialects.
pub(super) const METHODS: &[Method<JetStream>] = &[
    raw(
        "create_stream",
        "stream ?-option value ...?",
        (1, ANY),
        STREAM_OPTIONS,
        "Creates a stream, and never updates one; the response dict. One that exists with the same configuration is no error. Errors: ErrInvalidArg, ErrJSResponse (err_code 10058).",
        update::add_stream,
    ),
    row(
        "stream_info",
        "stream ?-option value ...?",
        (1, 1),
        STREAM_INFO_OPTIONS,
        "Information as a dict: `config created state ...`.",
        stream_info,
    ),
    row(
        "streams",
        "?-option value ...?",
        (0, 0),
        STREAMS_OPTIONS,
        "List of dicts as of `stream_info`: of all streams, or of those that store a subject.",
        list_streams,
    ),
    raw(
        "create_consumer",
        "stream ?-option value ...?",
        (1, ANY),
        CONSUMER_OPTIONS,
        "Creates a consumer, and never updates one; the response dict. One that exists with the same configuration is no error. Needs nats-server 2.10. Errors: ErrInvalidArg, ErrNotSupported, ErrJSResponse (err_code 10148).",
        create_consumer,
    ),
    row(
        "consumers",
        "stream",
        (1, 1),
        &[],
        "List of dicts as of `consumer_info`: of all consumers of the stream.",
        list_consumers,
    ),
    row(
        "pause_consumer",
        "stream consumer until",
        (3, 3),
        &[],
        "Delivers nothing before that time, an ISO text or ms since 1970. Dict `paused pause_until pause_remaining`, the last in ms. Level 1. Errors: ErrInvalidArg, ErrNotSupported, ErrJSResponse.",
        pause_consumer,
    ),
    row(
        "resume_consumer",
        "stream consumer",
        (2, 2),
        &[],
        "Ends a pause; dict as of `pause_consumer`. Level 1. Errors: ErrNotSupported, ErrJSResponse.",
        resume_consumer,
    ),
    row(
        "reset_consumer",
        "stream consumer ?-seq n?",
        (2, 2),
        RESET_OPTIONS,
        "Resets a consumer; dict as of `consumer_info`, and `reset_seq`, its new position. Level 4. Errors: ErrNotSupported, ErrJSResponse.",
        reset_consumer,
    ),
    row(
        "unpin_consumer",
        "stream consumer group",
        (3, 3),
        &[],
        "Takes the pin from the client that holds it in a priority group, so that another client gets it; empty result. Level 1. Errors: ErrInvalidArg, ErrNotSupported, ErrJSResponse (err_code 10160: no such group).",
        unpin_consumer,
    ),
];

/// First server that tells the creation of a consumer from its update.
const ACTIONS_SINCE: Version = Version(2, 10, 0);

/// `create_consumer stream ?-option value ...?`
fn create_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    stream_name(&call.args[0])?;
    open_or_error(js)?;
    js.api.needs("create_consumer", ACTIONS_SINCE)?;
    update::add_consumer(js, call)
}

/// `stream_info stream ?-subjects filter? ?-deleted bool?`
fn stream_info(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let subjects = call.options.given_text(const { named(STREAM_INFO_OPTIONS, "subjects") }).map(str::to_string);
    let deleted = call.options.flag(const { flag(STREAM_INFO_OPTIONS, "deleted") });
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let info = js.api.stream_details(&name, subjects.as_deref(), deleted).await?;
        Ok(to_obj(&convert_reply(info, true)))
    })
}

/// Elements of a list as dicts.
fn dicts(elements: Vec<Json>) -> Obj {
    let dicts: Vec<Obj> = elements.into_iter().map(dict_of).collect();
    Obj::list(&dicts)
}

/// `streams ?-subject subject? ?-names bool?`
fn list_streams(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let subject = call.options.given_text(const { named(STREAMS_OPTIONS, "subject") }).map(str::to_string);
    let names = call.options.flag(const { flag(STREAMS_OPTIONS, "names") });
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let filter = subject.as_deref().map(|subject| ("subject", subject));
        if names {
            return Ok(Obj::text_list(&js.api.names("STREAM.NAMES", "streams", filter).await?));
        }
        Ok(dicts(js.api.pages("STREAM.LIST", "streams", filter).await?))
    })
}

/// `consumers stream`
fn list_consumers(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move { Ok(dicts(js.api.pages(&format!("CONSUMER.LIST.{stream}"), "consumers", None).await?)) })
}

/// Stream and consumer of a call as the end of a subject.
fn addressed(call: &Invocation) -> Result<String> {
    Ok(format!("{}.{}", stream_name(&call.args[0])?, consumer_name(&call.args[1].as_text())?))
}

/// A request that servers below a level of the API do not answer at all.
fn leveled(js: &Rc<JetStream>, call: &Invocation, verb: &'static str, level: u32, rest: String, body: String) -> Result<Reply> {
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level(&format!("The method {verb}"), level).await?;
        let (message, reply) = js.api.ask(&rest, body).await?;
        shaped(&message, reply, Shape::Dict)
    })
}

/// Level of the API that has pauses and pins.
const PAUSES: u32 = 1;
/// Level of the API that sets consumers back.
const RESETS: u32 = 4;

/// `pause_consumer stream consumer until`
fn pause_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let rest = format!("CONSUMER.PAUSE.{}", addressed(call)?);
    let until = call.args[2].to_text();
    let until = point_in_time(&until).map_err(|_| Argument::Time(until))?;
    leveled(js, call, "pause_consumer", PAUSES, rest, json!({"pause_until": until}).to_string())
}

/// `resume_consumer stream consumer`
fn resume_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let rest = format!("CONSUMER.PAUSE.{}", addressed(call)?);
    leveled(js, call, "resume_consumer", PAUSES, rest, String::new())
}

/// `reset_consumer stream consumer ?-seq n?`
fn reset_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let address = addressed(call)?;
    let seq = call.options.given_sequence(const { named(RESET_OPTIONS, "seq") });
    let body = seq.map_or_else(String::new, |seq| json!({"seq": seq}).to_string());
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level("The method reset_consumer", RESETS).await?;
        // The reset of a consumer that does not exist is not answered. Who may not look does without.
        match js.api.json(&format!("CONSUMER.INFO.{address}"), String::new()).await {
            Err(fault) if !fault.is_refusal() => return Err(fault.into()),
            _ => {}
        }
        Ok(dict_of(js.api.json(&format!("CONSUMER.RESET.{address}"), body).await?))
    })
}

/// `unpin_consumer stream consumer group`
fn unpin_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let rest = format!("CONSUMER.UNPIN.{}", addressed(call)?);
    let group = call.args[2].to_text();
    if !is_priority_group(&group) {
        return Err(bad_value("group", Kind::NonEmpty, &call.args[2]).into());
    }
    leveled(js, call, "unpin_consumer", PAUSES, rest, json!({"group": group}).to_string())
}
