//! The object's state, and requests whose reply is the result.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::fetches::Fetches;
use crate::bridge::dialect;
use crate::bridge::errors::Result;
use crate::bridge::family::Family;
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::options::{Options, bad_value};
use crate::bridge::task::block;
use crate::classes::connection::state::Connection;
use crate::client::{Api, Argument, Fault, PREFIX, Trace, prefix_of_domain};
use crate::engine::{Level, Message, Repeat};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::jetstream_convert_body::body;
use crate::rules::jetstream_streams::JET_STREAM_OPTIONS;
use crate::rules::names::is_stream_name;
use crate::rules::option::{Kind, Name, Opt, flag, int, named};
use crate::tcl::{Instance, Obj, Object, Reply, class};

/// State of a `nats::jet_stream` object.
pub(crate) struct JetStream {
    /// The connection it was made from.
    pub connection: Rc<Connection>,
    /// Its requests.
    pub api: Rc<Api>,
    /// How a publish is repeated where nobody listens.
    pub repeat: Repeat,
    /// Fetches that call back.
    pub fetches: Rc<Fetches>,
    /// Objects that die with this one.
    pub family: Family,
}

impl Instance for JetStream {
    fn close(&self) {
        self.fetches.cancel(&self.connection);
        self.family.end(&self.connection.home);
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

const DOMAIN: Name = named(JET_STREAM_OPTIONS, "domain");
const API_PREFIX: Name = named(JET_STREAM_OPTIONS, "api_prefix");

/// `nats::jet_stream new connection ?-timeout ms? ?-domain domain?`, called by the connection's `jet_stream`.
pub(crate) fn construct(call: &Invocation, object: Object) -> Result<()> {
    let connection = &call.args[0];
    let state = class::instance_of::<Connection>(call.interp, connection);
    let state = state.ok_or_else(|| Argument::NotOfClass { given: connection.to_text(), class: "nats::connection" })?;
    let options = &call.options;
    let domain = options.given_text(DOMAIN).map(str::to_string);
    let prefix = match (options.given_text(API_PREFIX), &domain) {
        (Some(_), Some(_)) => return Err(Argument::Exclusive(DOMAIN, API_PREFIX).into()),
        (Some(prefix), None) => prefix.to_string(),
        (None, Some(domain)) => prefix_of_domain(domain),
        (None, None) => PREFIX.to_string(),
    };
    let timeout = options.int(const { int(JET_STREAM_OPTIONS, "timeout") });
    let retries = options.int(const { int(JET_STREAM_OPTIONS, "publish_retries") });
    let wait = options.int(const { int(JET_STREAM_OPTIONS, "publish_retry_wait") });
    let repeat = repeat("publish_retries", retries, wait)?;
    let traced = options.flag(const { flag(JET_STREAM_OPTIONS, "trace") });
    let trace = traced.then(|| -> Trace {
        let connection = Rc::clone(&state);
        Rc::new(move |line| connection.log(Level::Debug, || line))
    });
    object.set_instance(Rc::new(JetStream {
        connection: Rc::clone(&state),
        api: Rc::new(Api::new(&state.client, timeout, domain, prefix, trace)),
        repeat,
        fetches: Rc::default(),
        family: Family::default(),
    }));
    if dialect::of(call.interp).children_die {
        let adopted = object.handle().is_some_and(|handle| state.family.adopt(&state.home, handle));
        if !adopted {
            return Err(Fault::Closed.into());
        }
    }
    Ok(())
}

/// How a publish is repeated: `retries` times, the value of the option `name`, after `wait` ms each.
///
/// # Errors
/// `ErrInvalidArg` for a number below -1.
pub(crate) fn repeat(name: &str, retries: i64, wait: i64) -> Result<Repeat> {
    let times = match retries {
        -1 => None,
        0.. => Some(retries as u64),
        _ => return Err(bad_value(name, Kind::Count, &Obj::int(retries)).into()),
    };
    Ok(Repeat { times, wait: Duration::from_millis(wait as u64), at_timeout: false })
}

/// How an API reply becomes a result.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A dict of its fields.
    Dict,
    /// The field `success`, a boolean.
    Success,
    /// The field `purged`, a count.
    Purged,
    /// The JSON text as the server sent it.
    Raw,
}

/// Sends one API request and waits for its result.
pub(crate) fn request(js: &Rc<JetStream>, call: &Invocation, rest: String, body: String, shape: Shape) -> Result<Reply> {
    let js = Rc::clone(js);
    block(call.interp, async move {
        let (message, reply) = js.api.ask(&rest, body).await?;
        shaped(&message, reply, shape)
    })
}

/// A reply in the wanted shape.
///
/// # Errors
/// `ErrProtocol` if it has no such field.
pub(crate) fn shaped(message: &Message, reply: Json, shape: Shape) -> Result<Obj> {
    let field = |name: &str| reply.get(name).map(to_obj).ok_or(Fault::ReplyIncomplete);
    Ok(match shape {
        Shape::Dict => dict_of(reply),
        Shape::Success => field("success")?,
        Shape::Purged => field("purged")?,
        Shape::Raw => Obj::utf8(message.payload()),
    })
}

/// A reply as a dict of its fields.
pub(crate) fn dict_of(reply: Json) -> Obj {
    to_obj(&convert_reply(reply, false))
}

/// The options as the JSON object of a request.
pub(crate) fn options_body(table: &'static [Opt], options: &Options, creation: bool) -> Result<Map<String, Json>> {
    body(table, &options.values(), creation).map_err(|bad| Argument::Value(bad).into())
}

/// A stream name that may go into a subject.
///
/// # Errors
/// `ErrInvalidArg`
pub(crate) fn stream_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_stream_name(&name) { Ok(name) } else { Err(Argument::StreamName(name).into()) }
}

/// A consumer name that may go into a subject.
///
/// # Errors
/// `ErrInvalidArg`
pub(crate) fn consumer_name(name: &str) -> Result<String> {
    if is_stream_name(name) { Ok(name.to_string()) } else { Err(Argument::ConsumerName(name.to_string()).into()) }
}

/// `ErrConnectionClosed` if the connection is closed; to be checked before anything else.
pub(crate) fn open_or_error(js: &JetStream) -> Result<()> {
    if js.connection.is_destroyed() { Err(Fault::Closed.into()) } else { Ok(js.connection.open_or_error()?) }
}
