//! Requests, synchronous and with callbacks.

use std::rc::Rc;

use super::receive::prefix;
use super::state::Connection;
use crate::bridge::errors::{Error, Result};
use crate::bridge::keys::truth;
use crate::bridge::messages::{Coding, dict_in, headers_out, outgoing, parts, payload_in};
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::{Answer, Argument, Fault, Waiting, timeout};
use crate::engine::{End, Level, Message, Mode, Outgoing, RequestSpec};
use crate::rules::connection::REQUEST_OPTIONS;
use crate::rules::option::{Name, named};
use crate::tcl::{Obj, Reply};

const TIMEOUT: Name = named(REQUEST_OPTIONS, "timeout");
const CALLBACK: Name = named(REQUEST_OPTIONS, "callback");
const DICTMSG: Name = named(REQUEST_OPTIONS, "dictmsg");
const MAX_MSGS: Name = named(REQUEST_OPTIONS, "max_msgs");
const HEADER: Name = named(REQUEST_OPTIONS, "header");

/// The error of a call that ended without a result.
pub(crate) fn end_error(end: &End, subject: &str) -> Error {
    Fault::of_end(end, Waiting::Request(subject.to_string())).into()
}

/// `request subject message ?-timeout ms? ?-callback prefix? ?-dictmsg bool? ?-max_msgs n? ?-header dict?`
pub(crate) fn request(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let headers = match call.options.given(HEADER) {
        Some(given) => headers_out(&given.obj)?,
        None => None,
    };
    let message = outgoing(&connection.latest, connection.coding(), &call.args[0], &call.args[1], "", headers)?;
    run(connection, call, message)
}

/// `request_msg msg ?...?`
pub(crate) fn request_msg(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let parts = parts(&call.args[0])?;
    if !parts.reply.is_empty() {
        connection.log(Level::Warn, || format!("The reply subject {} of a request is ignored", parts.reply));
    }
    let message = outgoing(&connection.latest, connection.coding(), &parts.subject, &parts.data, "", parts.headers)?;
    run(connection, call, message)
}

/// `cancel_request reqID`
pub(crate) fn cancel_request(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    cancel(connection, &call.args[0])
}

/// Cancels an asynchronous request by the ID that a script gives.
///
/// # Errors
/// `ErrInvalidArg` for an unknown or finished one.
pub(crate) fn cancel(connection: &Connection, word: &Obj) -> Result<Reply> {
    let id = word.as_int().filter(|id| *id > 0);
    if id.is_some_and(|id| connection.cancel(id as u64)) {
        return Ok(Reply::Empty);
    }
    Err(Argument::RequestId(word.to_text()).into())
}

fn shown(coding: Coding, dicts: bool, message: &Message) -> Obj {
    if dicts { dict_in(coding, message, 0) } else { payload_in(coding, message.payload()) }
}

fn run(connection: &Rc<Connection>, call: &Invocation, message: Outgoing) -> Result<Reply> {
    let options = &call.options;
    let ms = options.given_int(TIMEOUT).unwrap_or_else(|| connection.settings.borrow().request_timeout());
    let max = options.given_int(MAX_MSGS).filter(|max| *max > 0);
    let dicts = max.is_some() || options.given_flag(DICTMSG).unwrap_or_else(|| connection.settings.borrow().dictmsg());
    let mode = max.map_or(Mode::Shared, |max| Mode::Own { max: max as u64 });
    let subject = message.subject.clone();
    let spec = RequestSpec { msg: message, timeout: timeout(ms), mode };
    if let Some(callback) = options.given(CALLBACK).filter(|given| !given.obj.is_empty()) {
        let callback = prefix(&callback.obj)?;
        let id = connection.call_back(spec, move |connection, answer| notify(connection, &callback, dicts, answer))?;
        return Ok(Obj::int(id as i64).into());
    }
    let coding_of = Rc::clone(connection);
    let calling = connection.call(spec)?;
    block(call.interp, async move {
        if max.is_none() {
            return match calling.next().await {
                Answer::Reply(reply) => Ok(shown(coding_of.coding(), dicts, &reply)),
                Answer::End(end) => Err(end_error(&end, subject.as_str())),
            };
        }
        let mut replies = Vec::new();
        loop {
            match calling.next().await {
                Answer::Reply(reply) => replies.push(shown(coding_of.coding(), true, &reply)),
                Answer::End(End::Full) => return Ok(Obj::list(&replies)),
                Answer::End(End::Timeout) if !replies.is_empty() => return Ok(Obj::list(&replies)),
                Answer::End(end) => {
                    return Err(Fault::of_end(&end, Waiting::Replies(subject.as_str().to_string())).into());
                }
            }
        }
    })
}

fn notify(connection: &Rc<Connection>, callback: &[Obj], dicts: bool, answer: Answer) {
    let (timed_out, reply) = match answer {
        Answer::Reply(reply) => (false, shown(connection.coding(), dicts, &reply)),
        Answer::End(End::NoResponders(reply)) => (true, shown(connection.coding(), dicts, &reply)),
        Answer::End(End::Timeout | End::Lost | End::Status(_) | End::Refused(_)) => (true, Obj::empty()),
        Answer::End(End::Closed | End::Full | End::Stalled | End::Pong(_)) => return,
    };
    connection.run_callback(callback, [truth(timed_out), reply]);
}
