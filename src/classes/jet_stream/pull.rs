//! A pull request of a script (ADR-13): its options, and the status that ended it.

use std::rc::Rc;

use bytes::Bytes;

use super::api::{JetStream, consumer_name, stream_name};
use crate::bridge::errors::{Error, Result};
use crate::bridge::messages::dict_in;
use crate::bridge::method::Invocation;
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::classes::connection::requests::end_error;
use crate::classes::connection::state::Connection;
use crate::classes::priority;
use crate::client::{Answer, Argument, Deadline, Fault, Waiting, timeout};
use crate::engine::{End, Message, Mode, Outgoing, Progress, RequestSpec, Subject};
use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::option::{Kind, Name, Preset, int, named};
use crate::rules::pull::{
    BATCH_BY_BYTES, CONSUME_OPTIONS, NEXT_OPTIONS, PullRequest, pull_expires, pull_of_less, pull_rest, undelivered,
};
use crate::tcl::{Interp, Obj, Reply};

const BATCH_SIZE: Preset<i64> = int(CONSUME_OPTIONS, "batch_size");
const TIMEOUT: Name = named(CONSUME_OPTIONS, "timeout");
const EXPIRES: Name = named(CONSUME_OPTIONS, "expires");
pub(super) const CALLBACK: Name = named(CONSUME_OPTIONS, "callback");
const MAX_BYTES: Name = named(CONSUME_OPTIONS, "max_bytes");
const IDLE_HEARTBEAT: Name = named(CONSUME_OPTIONS, "idle_heartbeat");
const STATUS: Name = named(CONSUME_OPTIONS, "status");

/// A pull request to be sent.
pub(super) struct Pull {
    pub(super) connection: Rc<Connection>,
    pub(super) stream: String,
    pub(super) consumer: String,
    pub(super) subject: String,
    /// The request, and the time to wait for answers.
    pub(super) spec: RequestSpec,
    /// Variable that gets the status.
    pub(super) status: Option<Obj>,
    /// The time for the question why nothing came.
    pub(super) question: Question,
}

/// Least time in ms to find out why nothing came, unless the pull itself has less: what a server at hand
/// needs for an answer, also on a busy machine.
const GRACE: i64 = 250;

/// How long to ask why a pull delivered nothing.
#[derive(Clone, Copy)]
pub(super) struct Question {
    deadline: Deadline,
    ms: i64,
    /// Timeout of the object's requests.
    most: i64,
}

impl Question {
    fn new(js: &JetStream, ms: i64) -> Question {
        Question { deadline: Deadline::after(ms), ms, most: js.api.timeout }
    }

    /// Its time in ms, 0 for no limit: what is left of the pull's, since a server that keeps silent must not hold the call for the
    /// object's timeout as well.
    pub(super) fn ms(self) -> i64 {
        let left = if self.ms > 0 { self.deadline.left().max(GRACE.min(self.ms)) } else { 0 };
        [left, self.most].into_iter().filter(|ms| *ms > 0).min().unwrap_or(0)
    }
}

impl Pull {
    /// Reads the words of a call: `stream consumer ?-option value ...?`
    ///
    /// # Errors
    /// `ErrInvalidArg`, `ErrBadTimeout`, `ErrConnectionClosed`, `ErrNotSupported`.
    pub(super) fn read(js: &Rc<JetStream>, call: &Invocation) -> Result<Pull> {
        let stream = stream_name(&call.args[0])?;
        let consumer = consumer_name(&call.args[1].as_text())?;
        js.connection.open_or_error()?;
        let options = &call.options;
        let max_bytes = not_zero(MAX_BYTES, options.given_int(MAX_BYTES))?;
        let batch = match (options.given_int(BATCH_SIZE.name), max_bytes) {
            (None, Some(_)) => BATCH_BY_BYTES,
            (given, _) => given.unwrap_or(BATCH_SIZE.default),
        };
        not_zero(BATCH_SIZE.name, Some(batch))?;
        let (given, expires) = (options.given_int(TIMEOUT), options.given_int(EXPIRES));
        if given.is_none() && expires.is_some() {
            return Err(Argument::Needs(EXPIRES, TIMEOUT).into());
        }
        let expires = given.map(|ms| pull_expires(ms, expires));
        let idle_heartbeat = not_zero(IDLE_HEARTBEAT, options.given_int(IDLE_HEARTBEAT))?;
        if let Some(heartbeat) = idle_heartbeat {
            let expires = expires.ok_or(Argument::Needs(IDLE_HEARTBEAT, TIMEOUT))?;
            if heartbeat > expires / 2 {
                return Err(Argument::HeartbeatTooLong { heartbeat, expires }.into());
            }
        }
        let status = options.given(STATUS).map(|given| given.obj.clone());
        if status.is_some() && options.given(CALLBACK).is_some() {
            return Err(Argument::Exclusive(STATUS, CALLBACK).into());
        }
        let priority = priority::read(options)?;
        let request = PullRequest { batch, max_bytes, expires, idle_heartbeat, priority };
        let body = request.payload().map_err(|_| too_long(call))?;
        js.api.knows(CONSUME_OPTIONS, &options.values(), false)?;
        let mut pull = Pull::new(js, stream, consumer, body, given.unwrap_or(js.api.timeout));
        // With `expires` 0 the server waits for ever.
        let ends_at_client = expires.zip(given).is_none_or(|(server, client)| server == 0 || server >= client);
        let by_bytes = options.given(BATCH_SIZE.name).is_none() && max_bytes.is_some();
        pull.spec.mode = Mode::Pull {
            max: batch as u64,
            ends_at_client,
            renew: Some(renew),
            amend: by_bytes.then_some(amend),
            silence: idle_heartbeat.and_then(|ms| timeout(ms.saturating_mul(2))),
        };
        pull.status = status;
        Ok(pull)
    }

    /// A request for one message.
    fn new(js: &Rc<JetStream>, stream: String, consumer: String, body: String, ms: i64) -> Pull {
        let subject = js.api.subject(&format!("CONSUMER.MSG.NEXT.{stream}.{consumer}"));
        js.api.trace_request(&subject, &body);
        let to = Subject::from(subject.as_str());
        let msg = Outgoing { subject: to, reply: None, headers: None, payload: Bytes::from(body) };
        let mode = Mode::Pull { max: 1, ends_at_client: ms < 20, renew: Some(renew), amend: None, silence: None };
        let spec = RequestSpec { msg, timeout: timeout(ms), mode };
        Pull {
            connection: Rc::clone(&js.connection),
            stream,
            consumer,
            subject,
            spec,
            status: None,
            question: Question::new(js, ms),
        }
    }

    /// Nothing came in time.
    pub(super) fn timed_out(stream: String, consumer: String, subject: String) -> Fault {
        Fault::Timeout(Waiting::Pull { stream, consumer, subject })
    }
}

/// Payload of a request for the rest of a pull.
fn renew(payload: &Bytes, progress: Progress) -> Option<Bytes> {
    pull_rest(payload, progress.left, progress.bytes, progress.elapsed).map(Bytes::from)
}

/// Payload of a request for as many messages as the consumer allows.
fn amend(payload: &Bytes, code: u16, description: &str) -> Option<(Bytes, u64)> {
    pull_of_less(payload, code, description).map(|(payload, batch)| (payload.into(), batch))
}

/// The error of a time that does not fit the protocol, which counts nanoseconds.
fn too_long(call: &Invocation) -> Error {
    let name = if call.options.given(EXPIRES).is_some() { EXPIRES } else { TIMEOUT };
    let word = call.options.given(name).map_or_else(Obj::empty, |given| given.obj.clone());
    bad_value(name.as_str(), Kind::Timeout, &word).into()
}

fn not_zero(name: Name, value: Option<i64>) -> Result<Option<i64>> {
    if value == Some(0) { Err(wrong(name.as_str(), Kind::Count, 0)) } else { Ok(value) }
}

fn wrong(name: &str, kind: Kind, value: i64) -> Error {
    Argument::Value(BadValue { name: name.to_string(), kind, value: value.to_string() }).into()
}

/// The status that ended a pull as a dict, empty if there was none.
pub(super) fn status_dict(end: &End) -> Obj {
    let mut dict = Obj::dict();
    if let End::Status(status) = end {
        let (msgs, bytes) = undelivered(status.headers()).unwrap_or_default();
        dict.put_text("code", &Obj::int(i64::from(code(status))));
        dict.put_text("description", &Obj::text(&status.description().unwrap_or_default()));
        dict.put_text("pending_msgs", &Obj::uint(msgs));
        dict.put_text("pending_bytes", &Obj::uint(bytes));
    }
    dict
}

fn code(status: &Message) -> u16 {
    status.status().map_or(0, |status| status.as_u16())
}

/// Writes the status into the variable, in the frame of the caller, before the result of the method is there.
pub(super) fn finish(variable: Option<Obj>) -> impl FnOnce(Interp, (Obj, Result<Obj>)) -> Result<Obj> {
    move |interp, (status, result)| {
        if let Some(variable) = variable {
            interp.set_var(&variable, &status)?;
        }
        result
    }
}

/// `next stream consumer ?-timeout ms?`
pub(super) fn next(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let consumer = consumer_name(&call.args[1].as_text())?;
    js.connection.open_or_error()?;
    let given = call.options.given_int(const { named(NEXT_OPTIONS, "timeout") });
    let ms = given.unwrap_or(js.api.timeout);
    let request = PullRequest { batch: 1, expires: Some(pull_expires(ms, None)), ..PullRequest::default() };
    let body = request.payload().map_err(|_| wrong("timeout", Kind::Timeout, ms))?;
    let pull = Pull::new(js, stream, consumer, body, ms);
    let calling = js.connection.call(pull.spec)?;
    let js = Rc::clone(js);
    let (stream, consumer, subject) = (pull.stream, pull.consumer, pull.subject);
    let question = pull.question;
    block(call.interp, async move {
        let end = match calling.next().await {
            Answer::Reply(message) => return Ok(dict_in(js.connection.coding(), &message, 0)),
            Answer::End(end) => end,
        };
        match &end {
            End::Status(status) => match code(status) {
                // The word of the consumer itself: it exists.
                404 | 408 => Err(Pull::timed_out(stream, consumer, subject).into()),
                503 => Err(js.api.why_empty(stream, consumer, subject, question.ms()).await.into()),
                code => Err(Fault::of_status(code, &status.description().unwrap_or_default()).into()),
            },
            End::Timeout => Err(js.api.why_empty(stream, consumer, subject, question.ms()).await.into()),
            end => Err(end_error(end, &subject)),
        }
    })
}
