//! Publishing with acknowledgements, and acknowledging.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::api::{self, JetStream};
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::keys::{key, truth};
use crate::bridge::messages::{headers_out, outgoing, parts};
use crate::bridge::metadata::{metadata_dict, reply_subject};
use crate::bridge::method::Invocation;
use crate::bridge::options::{Options, bad_value};
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::requests::end_error;
use crate::classes::connection::state::Connection;
use crate::client::{Answer, Argument, Calling, Deadline, Fault, Waiting, pub_ack, timeout};
use crate::engine::{End, Headers, Message, Mode, Outgoing, Repeat, RequestSpec, Subject};
use crate::rules::flat::{self, Scalar};
use crate::rules::jetstream_consumers::{NAK_OPTIONS, nak as nak_body};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::option::{Kind, Name, named};
use crate::rules::publishing::{self, PUBLISH_OPTIONS};
use crate::tcl::{Obj, Reply};

const DELAY: Name = named(NAK_OPTIONS, "delay");

/// `publish subject message ?args?`
pub(super) fn publish(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let (headers, level) = headers(&call.options, Headers::new())?;
    let message = outgoing(&js.connection.latest, js.connection.coding(), &call.args[0], &call.args[1], "", headers)?;
    send(js, call, message, level)
}

/// `publish_msg message ?args?`
pub(super) fn publish_msg(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let parts = parts(&call.args[0])?;
    let (headers, level) = headers(&call.options, parts.headers.unwrap_or_default())?;
    let message = outgoing(&js.connection.latest, js.connection.coding(), &parts.subject, &parts.data, "", headers)?;
    send(js, call, message, level)
}

/// An option that servers below a level of the JetStream API ignore.
pub(crate) type Needs = Option<(&'static str, u32)>;

const HEADER: Name = named(PUBLISH_OPTIONS, "header");
const SUBJECT_SEQ: Name = named(PUBLISH_OPTIONS, "expected_last_subject_seq");
const LAST_SUBJECT: Name = named(PUBLISH_OPTIONS, "expected_last_subject");

/// The headers of a message that is published with these options, those of the message itself being `own`; and the option that
/// needs the highest level.
///
/// # Errors
/// `ErrInvalidArg` for a header that `-header` and something else give.
pub(crate) fn headers(options: &Options, mut own: Headers) -> Result<(Option<Headers>, Needs)> {
    if options.given(LAST_SUBJECT).is_some() && options.given(SUBJECT_SEQ).is_none() {
        return Err(Argument::Needs(LAST_SUBJECT, SUBJECT_SEQ).into());
    }
    let made = publishing::headers(options.table(), &options.values());
    // The server reads the first of several, so that of the option must be the only one.
    own.retain(|(name, _)| made.iter().all(|header| header.name != name));
    if let Some(given) = options.given(HEADER) {
        let given = headers_out(&given.obj)?.unwrap_or_default();
        let twice = |name: &str| made.iter().any(|header| header.name == name) || own.iter().any(|(other, _)| other == name);
        if let Some((name, _)) = given.iter().find(|(name, _)| twice(name)) {
            return Err(Argument::HeaderTwice(name.clone()).into());
        }
        own.extend(given);
    }
    let needs = made.iter().filter(|header| header.level > 0).max_by_key(|header| header.level);
    let needs = needs.map(|header| (header.option, header.level));
    own.extend(made.into_iter().map(|header| (header.name.to_string(), header.value)));
    Ok(((!own.is_empty()).then_some(own), needs))
}

/// How the message of a call is repeated where nobody listens.
fn repeat_of(js: &JetStream, options: &Options) -> Result<Repeat> {
    const RETRIES: Name = named(PUBLISH_OPTIONS, "retries");
    let mut repeat = js.repeat;
    if let Some(retries) = options.given_int(RETRIES) {
        repeat.times = api::repeat(RETRIES.as_str(), retries, 0)?.times;
    }
    if let Some(wait) = options.given_int(const { named(PUBLISH_OPTIONS, "retry_wait") }) {
        repeat.wait = Duration::from_millis(wait as u64);
    }
    Ok(repeat)
}

fn send(js: &Rc<JetStream>, call: &Invocation, msg: Outgoing, needs: Needs) -> Result<Reply> {
    let ms = call.options.given_int(const { named(PUBLISH_OPTIONS, "timeout") }).unwrap_or(js.api.timeout);
    let subject = msg.subject.clone();
    let repeat = repeat_of(js, &call.options)?;
    let mode = if repeat.times == Some(0) { Mode::Shared } else { Mode::Repeated(repeat) };
    let spec = RequestSpec { msg, timeout: timeout(ms), mode };
    let callback = match call.options.given(const { named(PUBLISH_OPTIONS, "callback") }) {
        Some(callback) => Some(prefix(&callback.obj)?),
        None => None,
    };
    let call_back = |js: &JetStream, spec: RequestSpec, callback: Vec<Obj>| {
        let run = move |connection: &Rc<Connection>, answer| acknowledged(connection, &callback, answer);
        js.connection.call_back(spec, run).map(|id| Obj::int(id as i64))
    };
    let Some((option, level)) = needs else {
        if let Some(callback) = callback {
            return Ok(call_back(js, spec, callback)?.into());
        }
        let calling = js.connection.call(spec)?;
        return block(call.interp, awaited(calling, subject));
    };
    let (js, deadline) = (Rc::clone(js), Deadline::after(ms));
    block(call.interp, async move {
        js.api.with_timeout(ms).needs_level(&format!("The option -{option}"), level).await?;
        let spec = RequestSpec { timeout: timeout(deadline.left()), ..spec };
        match callback {
            Some(callback) => Ok(call_back(&js, spec, callback)?),
            None => awaited(js.connection.call(spec)?, subject).await,
        }
    })
}

/// Publishes a message with the object's timeout and repetitions: the answer.
///
/// # Errors
/// [`Fault::NoResponders`], [`Fault::Timeout`], [`Fault::Closed`] and those of the connection's publish.
pub(super) async fn stored(js: &JetStream, msg: Outgoing) -> std::result::Result<Message, Fault> {
    let subject = msg.subject.as_str().to_string();
    let mode = if js.repeat.times == Some(0) { Mode::Shared } else { Mode::Repeated(js.repeat) };
    let calling = js.connection.call(RequestSpec { msg, timeout: timeout(js.api.timeout), mode })?;
    match calling.next().await {
        Answer::Reply(answer) => Ok(answer),
        Answer::End(end) => Err(Fault::of_end(&end, Waiting::Request(subject))),
    }
}

/// The acknowledgement as a dict.
async fn awaited(calling: Calling, subject: Subject) -> Result<Obj> {
    match calling.next().await {
        Answer::Reply(message) => Ok(ack_dict(&message)?),
        Answer::End(end) => Err(end_error(&end, subject.as_str())),
    }
}

/// An acknowledgement as a dict.
///
/// # Errors
/// [`Fault::Api`], [`Fault::NotAnAck`].
pub(crate) fn ack_dict(message: &Message) -> std::result::Result<Obj, Fault> {
    plain(message).map_or_else(|| full(message), Ok)
}

/// Members of an acknowledgement.
const MEMBERS: &[&str] = &["stream", "seq", "domain", "duplicate", "val", "batch", "count"];

/// An acknowledgement as servers write it; `None` for what needs the full parser.
fn plain(message: &Message) -> Option<Obj> {
    let mut dict = Obj::dict();
    let (mut stream, mut seq) = (false, false);
    for (name, value) in flat::members(message.payload())? {
        match (name, value) {
            ("stream", Scalar::Text(text)) => stream = !text.is_empty(),
            ("seq", Scalar::Int(number)) => seq = number >= 0,
            ("stream" | "seq", _) => return None,
            _ => {}
        }
        let value = match value {
            Scalar::Text(text) => Obj::text(text),
            Scalar::Int(number) => Obj::int(number),
            Scalar::Bool(truth) => Obj::bool(truth),
        };
        let name = MEMBERS.iter().find(|known| **known == name)?;
        dict.put(key(name), &value);
    }
    (stream && seq).then_some(dict)
}

fn acknowledged(connection: &Rc<Connection>, callback: &[Obj], answer: Answer) {
    let (timed_out, ack, error) = match answer {
        Answer::Reply(message) => match ack_dict(&message) {
            Ok(ack) => (false, ack, Obj::empty()),
            Err(fault) => (false, Obj::empty(), error_dict(&fault)),
        },
        Answer::End(End::Closed | End::Full | End::Stalled | End::Pong(_)) => return,
        Answer::End(_) => (true, Obj::empty(), Obj::empty()),
    };
    connection.run_callback(callback, [truth(timed_out), ack, error]);
}

/// The acknowledgement as a dict, read with the full parser.
fn full(message: &Message) -> std::result::Result<Obj, Fault> {
    pub_ack(message).map(|ack| to_obj(&convert_reply(ack, false)))
}

fn error_dict(fault: &Fault) -> Obj {
    let (code, err_code, text) = match fault {
        Fault::Api(error) => (error.code, error.err_code, error.description.as_str()),
        _ => (500, 0, "Invalid acknowledgement of a published message"),
    };
    let mut dict = Obj::dict();
    dict.put_text("code", &Obj::int(code));
    dict.put_text("err_code", &Obj::int(err_code));
    dict.put_text("errorMessage", &Obj::text(text));
    dict
}

fn acknowledgement(js: &JetStream, message: &Obj, payload: Bytes) -> Result<Outgoing> {
    js.connection.open_or_error()?;
    let subject = reply_subject(message)?;
    Ok(Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload })
}

fn answer(js: &JetStream, message: &Obj, payload: &[u8]) -> Result<Reply> {
    js.connection.open_or_error()?;
    js.connection.engine().answer(&reply_subject(message)?, payload)?;
    Ok(Reply::Empty)
}

/// `ack message`
pub(super) fn ack(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    answer(js, &call.args[0], b"+ACK")
}

/// `nak message ?-delay ms?`
pub(super) fn nak(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bad =
        || bad_value(DELAY.as_str(), Kind::Delay, &call.options.given(DELAY).map_or_else(Obj::empty, |given| given.obj.clone()));
    let body = nak_body(call.options.given_text(DELAY)).map_err(|_| bad())?;
    answer(js, &call.args[0], body.as_bytes())
}

/// `in_progress message`
pub(super) fn in_progress(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    answer(js, &call.args[0], b"+WPI")
}

/// `term message ?reason?`
pub(super) fn term(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let body = call.args.get(1).filter(|reason| !reason.is_empty());
    let body = body.map_or_else(|| "+TERM".to_string(), |reason| format!("+TERM {}", reason.as_text()));
    answer(js, &call.args[0], body.as_bytes())
}

/// `ack_sync message`
pub(super) fn ack_sync(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let msg = acknowledgement(js, &call.args[0], Bytes::from_static(b"+ACK"))?;
    let subject = msg.subject.as_str().to_string();
    let calling = js.connection.call(RequestSpec { msg, timeout: timeout(js.api.timeout), mode: Mode::Shared })?;
    block(call.interp, async move {
        match calling.next().await {
            Answer::Reply(_) => Ok(Obj::empty()),
            Answer::End(end) => Err(end_error(&end, &subject)),
        }
    })
}

/// `metadata message`
pub(super) fn metadata_of(_js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    Ok(metadata_dict(&call.args[0])?.into())
}
