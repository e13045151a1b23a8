//! Publishing with acknowledgements, and acknowledging.

use std::rc::Rc;

use bytes::Bytes;

use super::api::JetStream;
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::keys::{key, truth};
use crate::bridge::messages::{outgoing, parts};
use crate::bridge::metadata::{metadata_dict, reply_subject};
use crate::bridge::method::Invocation;
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::requests::end_error;
use crate::classes::connection::state::Connection;
use crate::client::{Answer, Fault, pub_ack, timeout};
use crate::engine::{End, Headers, Message, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::flat::{self, Scalar};
use crate::rules::jetstream_consumers::{NAK_OPTIONS, PUBLISH_OPTIONS, nak as nak_body};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::option::{Kind, Name, named};
use crate::tcl::{Obj, Reply};

const DELAY: Name = named(NAK_OPTIONS, "delay");

/// Header that names the stream which must store the message.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";

/// `publish subject message ?args?`
pub(super) fn publish(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let headers = expected_stream(call, Headers::new());
    let message = outgoing(&js.connection.latest, js.connection.coding(), &call.args[0], &call.args[1], "", headers)?;
    send(js, call, message)
}

/// `publish_msg message ?args?`
pub(super) fn publish_msg(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let parts = parts(&call.args[0])?;
    let headers = expected_stream(call, parts.headers.unwrap_or_default());
    let message = outgoing(&js.connection.latest, js.connection.coding(), &parts.subject, &parts.data, "", headers)?;
    send(js, call, message)
}

fn expected_stream(call: &Invocation, mut headers: Headers) -> Option<Headers> {
    if let Some(stream) = call.options.given_text(const { named(PUBLISH_OPTIONS, "stream") }) {
        // The server reads the first of several, so that of the option must be the only one.
        headers.retain(|(name, _)| name != EXPECTED_STREAM);
        headers.push((EXPECTED_STREAM.to_string(), stream.to_string()));
    }
    (!headers.is_empty()).then_some(headers)
}

fn send(js: &Rc<JetStream>, call: &Invocation, msg: Outgoing) -> Result<Reply> {
    let ms = call.options.given_int(const { named(PUBLISH_OPTIONS, "timeout") }).unwrap_or(js.api.timeout);
    let subject = msg.subject.clone();
    let spec = RequestSpec { msg, timeout: timeout(ms), mode: Mode::Shared };
    if let Some(callback) = call.options.given(const { named(PUBLISH_OPTIONS, "callback") }) {
        let callback = prefix(&callback.obj)?;
        let run = move |connection: &Rc<Connection>, answer| acknowledged(connection, &callback, answer);
        let id = js.connection.call_back(spec, run)?;
        return Ok(Obj::int(id as i64).into());
    }
    let calling = js.connection.call(spec)?;
    block(call.interp, async move {
        match calling.next().await {
            Answer::Reply(message) => {
                if let Some(ack) = plain(&message) {
                    return Ok(ack);
                }
                Ok(to_obj(&convert_reply(pub_ack(&message)?, false)))
            }
            Answer::End(end) => Err(end_error(&end, subject.as_str())),
        }
    })
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
        Answer::Reply(message) => match plain(&message).map_or_else(|| full(&message), Ok) {
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

fn answer(js: &JetStream, message: &Obj, payload: Bytes) -> Result<Reply> {
    js.connection.engine().publish(&acknowledgement(js, message, payload)?.as_publication())?;
    Ok(Reply::Empty)
}

/// `ack message`
pub(super) fn ack(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    answer(js, &call.args[0], Bytes::from_static(b"+ACK"))
}

/// `nak message ?-delay ms?`
pub(super) fn nak(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let bad =
        || bad_value(DELAY.as_str(), Kind::Delay, &call.options.given(DELAY).map_or_else(Obj::empty, |given| given.obj.clone()));
    let body = nak_body(call.options.given_text(DELAY)).map_err(|_| bad())?;
    answer(js, &call.args[0], Bytes::from(body))
}

/// `in_progress message`
pub(super) fn in_progress(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    answer(js, &call.args[0], Bytes::from_static(b"+WPI"))
}

/// `term message`
pub(super) fn term(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    answer(js, &call.args[0], Bytes::from_static(b"+TERM"))
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
