//! `call`, and the questions to all services.

use std::rc::Rc;

use super::check::bad;
use crate::bridge::errors::{Result, words_of};
use crate::bridge::json::to_obj;
use crate::bridge::messages::{headers_out, outgoing, payload_in};
use crate::bridge::method::Invocation;
use crate::bridge::options::Options;
use crate::bridge::task::block;
use crate::classes::connection::state::Connection;
use crate::client::{Answer, Calling, Fault, Waiting, reply_of, timeout};
use crate::engine::{End, Level, Mode, Outgoing, RequestSpec};
use crate::rules::option::{Name, Preset, int, named};
use crate::rules::service::{Verb, is_name};
use crate::rules::service_remote::{CALL_OPTIONS, DISCOVER_OPTIONS};
use crate::tcl::{Obj, Reply};

const HEADER: Name = named(CALL_OPTIONS, "header");
const TIMEOUT: Name = named(CALL_OPTIONS, "timeout");
const CALLBACK: Name = named(CALL_OPTIONS, "callback");
const LONGEST: Preset<i64> = int(DISCOVER_OPTIONS, "timeout");
const STALL: Preset<i64> = int(DISCOVER_OPTIONS, "stall");

/// `call subject data ?-option value ...?`
pub(crate) fn call(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let headers = match call.options.given(HEADER) {
        Some(given) => headers_out(&given.obj)?,
        None => None,
    };
    let message = outgoing(&connection.latest, connection.coding(), &call.args[0], &call.args[1], "", headers)?;
    let spec = request(connection, message, call.options.given_int(TIMEOUT));
    if let Some(callback) = call.options.given(CALLBACK) {
        let callback = callback.obj.as_list().unwrap_or_default();
        let subject = spec.msg.subject.as_str().to_string();
        let run = move |connection: &Rc<Connection>, answer| notify(connection, &callback, &subject, answer);
        return Ok(Obj::int(connection.call_back(spec, run)? as i64).into());
    }
    let subject = spec.msg.subject.as_str().to_string();
    let calling = connection.call(spec)?;
    let connection = Rc::clone(connection);
    block(call.interp, async move { outcome(&connection, calling, subject).await })
}

/// A request with one reply; without a time of its own it has the connection's.
pub(super) fn request(connection: &Connection, msg: Outgoing, ms: Option<i64>) -> RequestSpec {
    let ms = ms.unwrap_or_else(|| connection.settings.borrow().request_timeout());
    RequestSpec { msg, timeout: timeout(ms), mode: Mode::Shared }
}

/// Waits for the payload of the reply.
///
/// # Errors
/// `ErrService` for an error reply; those of `request`.
pub(super) async fn outcome(connection: &Rc<Connection>, calling: Calling, subject: String) -> Result<Obj> {
    let answer = calling.next().await;
    Ok(payload_of(connection, &subject, answer)?)
}

fn payload_of(connection: &Connection, subject: &str, answer: Answer) -> std::result::Result<Obj, Fault> {
    match answer {
        Answer::Reply(message) => Ok(payload_in(connection.coding(), reply_of(message, connection.coding().utf8)?.payload())),
        Answer::End(end) => Err(Fault::of_end(&end, Waiting::Request(subject.to_string()))),
    }
}

fn notify(connection: &Rc<Connection>, callback: &[Obj], subject: &str, answer: Answer) {
    if matches!(answer, Answer::End(End::Closed)) {
        return;
    }
    let (error, reply) = match payload_of(connection, subject, answer) {
        Ok(reply) => (Obj::empty(), reply),
        Err(fault) => {
            let (code, message) = words_of(&connection.home, &fault);
            let data = match &fault {
                Fault::Service { data, .. } => payload_in(connection.coding(), data),
                _ => Obj::empty(),
            };
            let mut error = Obj::dict();
            // The service's own code, or the name of what went wrong.
            error.put_text("code", &Obj::text(code.last().map_or("", String::as_str)));
            error.put_text("message", &Obj::text(&message));
            error.put_text("data", &data);
            (error, Obj::empty())
        }
    };
    connection.run_callback(callback, [error, reply]);
}

/// `service_ping ?name? ?id? ?-option value ...?`
pub(crate) fn ping(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    ask(connection, call, Verb::Ping)
}

/// `service_info ?name? ?id? ?-option value ...?`
pub(crate) fn info(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    ask(connection, call, Verb::Info)
}

/// `service_stats ?name? ?id? ?-option value ...?`
pub(crate) fn stats(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    ask(connection, call, Verb::Stats)
}

fn ask(connection: &Rc<Connection>, call: &Invocation, verb: Verb) -> Result<Reply> {
    // A name and an ID are an even number of words, as options are: what begins with a dash is one of these.
    let plain = call.args.iter().take(2).take_while(|word| !word.raw_str().starts_with(b"-")).count();
    let (words, options) = call.args.split_at(plain);
    let options = Options::parse(call.interp, DISCOVER_OPTIONS, options)?;
    let word = |index: usize| words.get(index).map(Obj::to_text).unwrap_or_default();
    let (name, id) = (word(0), word(1));
    for (what, word) in [("service name", &name), ("service ID", &id)] {
        if !word.is_empty() && !is_name(word) {
            return Err(bad(what, word).into());
        }
    }
    if name.is_empty() && !id.is_empty() {
        return Err(bad("service name", &name).into());
    }
    connection.open_or_error()?;
    let (ms, stall) = (options.int(LONGEST), options.int(STALL));
    let connection = Rc::clone(connection);
    block(call.interp, async move {
        let known = connection.client.discover(&verb.subject(PREFIX, &name, &id), ms, stall).await?;
        let mut found = Vec::with_capacity(known.len());
        for known in known {
            let Some(answer) = known.answer else {
                connection.log(Level::Debug, || "A service's answer is no JSON object".to_string());
                continue;
            };
            let mut dict = to_obj(&answer.into());
            if verb == Verb::Ping {
                dict.put_text("rtt", &Obj::text(&format!("{:.3}", known.rtt)));
            }
            found.push(dict);
        }
        Ok(Obj::list(&found))
    })
}

/// What the control subjects begin with.
pub(super) const PREFIX: &str = "$SRV";
