//! Pull requests (ADR-13).

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use async_nats::StatusCode;
use bytes::Bytes;

use super::api::{JetStream, consumer_name, stream_name};
use super::fetches::Fetches;
use crate::bridge::errors::{Error, Result};
use crate::bridge::keys::truth;
use crate::bridge::messages::dict_in;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::requests::{cancel, end_error};
use crate::classes::connection::state::Connection;
use crate::client::Answer;
use crate::client::timeout;
use crate::client::{Argument, Fault, Waiting};
use crate::engine::{CallId, End, Level, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::jetstream_consumers::{CONSUME_OPTIONS, pull_expires, pull_request, pull_rest};
use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::option::{Kind, Name, Preset, int, named};
use crate::tcl::{Obj, Reply};

const BATCH_SIZE: Preset<i64> = int(CONSUME_OPTIONS, "batch_size");
const TIMEOUT: Name = named(CONSUME_OPTIONS, "timeout");
const EXPIRES: Name = named(CONSUME_OPTIONS, "expires");
pub(super) const CALLBACK: Name = named(CONSUME_OPTIONS, "callback");

/// A pull request to be sent.
pub(super) struct Pull {
    pub(super) connection: Rc<Connection>,
    pub(super) stream: String,
    pub(super) consumer: String,
    pub(super) subject: String,
    /// The request, and the time to wait for answers.
    pub(super) spec: RequestSpec,
}

impl Pull {
    /// Reads the words of a call: `stream consumer ?-batch_size int? ?-timeout ms? ?-expires ms? ?-callback cmdPrefix?`
    ///
    /// # Errors
    /// `ErrInvalidArg`, `ErrBadTimeout`, `ErrConnectionClosed`.
    pub(super) fn read(js: &Rc<JetStream>, call: &Invocation) -> Result<Pull> {
        let stream = stream_name(&call.args[0])?;
        let consumer = consumer_name(&call.args[1].as_text())?;
        js.connection.open_or_error()?;
        let options = &call.options;
        let batch = options.int(BATCH_SIZE);
        if batch == 0 {
            return Err(wrong(BATCH_SIZE.name.as_str(), Kind::Count, 0));
        }
        let (given, expires) = (options.given_int(TIMEOUT), options.given_int(EXPIRES));
        if given.is_none() && expires.is_some() {
            return Err(Argument::Needs(EXPIRES, TIMEOUT).into());
        }
        let expires = given.map(|ms| pull_expires(ms, expires));
        let body = pull_request(batch, expires).map_err(|_| too_long(call))?;
        let subject = js.api.subject(&format!("CONSUMER.MSG.NEXT.{stream}.{consumer}"));
        js.api.trace_request(&subject, &body);
        let to = Subject::from(subject.as_str());
        let msg = Outgoing { subject: to, reply: None, headers: None, payload: Bytes::from(body) };
        // With `expires` 0 the server waits for ever.
        let ends_at_client = expires.zip(given).is_none_or(|(server, client)| server == 0 || server >= client);
        let mode = Mode::Pull { max: batch as u64, ends_at_client, renew: Some(renew) };
        let spec = RequestSpec { msg, timeout: timeout(given.unwrap_or(js.api.timeout)), mode };
        Ok(Pull { connection: Rc::clone(&js.connection), stream, consumer, subject, spec })
    }

    /// Nothing came in time.
    pub(super) fn timed_out(stream: String, consumer: String, subject: String) -> Fault {
        Fault::Timeout(Waiting::Pull { stream, consumer, subject })
    }
}

/// `consume stream consumer ?-batch_size int? ?-timeout ms? ?-expires ms? ?-callback cmdPrefix?`
pub(super) fn consume(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let pull = Pull::read(js, call)?;
    if let Some(callback) = call.options.given(CALLBACK) {
        let callback = prefix(&callback.obj)?;
        // The ID is only known once the request is under way; no answer can come before this call has returned.
        let own = Rc::new(Own { fetches: Rc::downgrade(&js.fetches), id: Cell::new(0) });
        let of_handler = Rc::clone(&own);
        let run = move |connection: &Rc<Connection>, answer| pulled(connection, of_handler.id.get(), &callback, answer);
        let id = js.connection.call_back(pull.spec, run)?;
        own.id.set(id);
        js.fetches.insert(id);
        return Ok(Obj::int(id as i64).into());
    }
    let calling = js.connection.call(pull.spec)?;
    let (connection, fault) = (pull.connection, Pull::timed_out(pull.stream, pull.consumer, pull.subject));
    block(call.interp, async move {
        let mut messages = Vec::new();
        loop {
            match calling.next().await {
                Answer::Reply(message) => messages.push(dict_in(connection.coding(), &message, 0)),
                Answer::End(end) => {
                    log_end(&connection, calling.id(), &end);
                    return ended(&connection, end, messages, fault);
                }
            }
        }
    })
}

/// Payload of a request for the rest of a pull.
fn renew(payload: &Bytes, left: u64, elapsed: Duration) -> Option<Bytes> {
    pull_rest(payload, left, elapsed).map(Bytes::from)
}

/// An asynchronous pull, known to its object until the handler is dropped.
struct Own {
    fetches: Weak<Fetches>,
    id: Cell<CallId>,
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(fetches) = self.fetches.upgrade() {
            fetches.remove(self.id.get());
        }
    }
}

/// The error of a time that does not fit the protocol, which counts nanoseconds.
fn too_long(call: &Invocation) -> Error {
    let name = if call.options.given(EXPIRES).is_some() { EXPIRES } else { TIMEOUT };
    wrong(name.as_str(), Kind::Timeout, call.options.given_int(name).unwrap_or_default())
}

fn wrong(name: &str, kind: Kind, value: i64) -> Error {
    Argument::Value(BadValue { name: name.to_string(), kind, value: value.to_string() }).into()
}

fn ended(connection: &Connection, end: End, messages: Vec<Obj>, timed_out: Fault) -> Result<Obj> {
    let none = messages.is_empty();
    match end {
        End::Full => Ok(Obj::list(&messages)),
        End::Closed => Err(end_error(&End::Closed, "")),
        End::Refused(_) if none => Err(end_error(&end, "")),
        End::Status(status) if none && status.status() == Some(StatusCode::NO_RESPONDERS) => {
            let info = connection.engine().server_info();
            if info.is_some_and(|info| info.jetstream) {
                Err(timed_out.into())
            } else {
                Err(end_error(&End::NoResponders(status), ""))
            }
        }
        End::Timeout if none => Err(timed_out.into()),
        End::Lost if none => Err(end_error(&End::Lost, "")),
        _ => Ok(Obj::list(&messages)),
    }
}

fn log_end(connection: &Connection, id: u64, end: &End) {
    match end {
        End::Status(message) => connection.log(Level::Debug, || {
            format!("Pull request {id} got status message {}", message.status().map_or(0, |status| status.as_u16()))
        }),
        End::Timeout => connection.log(Level::Debug, || format!("Pull request {id} timed out")),
        _ => {}
    }
}

fn pulled(connection: &Rc<Connection>, id: u64, callback: &[Obj], answer: Answer) {
    let (timed_out, message) = match answer {
        Answer::Reply(message) => (false, dict_in(connection.coding(), &message, 0)),
        Answer::End(end) => {
            log_end(connection, id, &end);
            match end {
                End::Status(status) => (true, dict_in(connection.coding(), &status, 0)),
                End::Timeout | End::Lost | End::Refused(_) => (true, Obj::empty()),
                End::Closed | End::Full | End::Stalled | End::Pong(_) | End::NoResponders(_) => return,
            }
        }
    };
    connection.run_callback(callback, [truth(timed_out), message]);
}

/// `cancel_pull_request reqID`
pub(super) fn cancel_pull_request(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    cancel(&js.connection, &call.args[0])
}
