//! The object's state and requests to the JetStream API (ADR-1).

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::fetches::Fetches;
use crate::bridge::dialect;
use crate::bridge::errors::{Error, Result};
use crate::bridge::family::Family;
use crate::bridge::json::to_obj;
use crate::bridge::method::Invocation;
use crate::bridge::options::Options;
use crate::bridge::task::block;
use crate::classes::connection::requests::end_error;
use crate::classes::connection::state::Connection;
use crate::client::Answer;
use crate::client::timeout;
use crate::client::{Argument, Fault};
use crate::engine::{Headers, Level, Message, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::jetstream_convert::{api_error, convert_reply, is_pub_ack, page};
use crate::rules::jetstream_convert_body::body;
use crate::rules::jetstream_streams::JET_STREAM_OPTIONS;
use crate::rules::names::is_stream_name;
use crate::rules::option::{Name, Opt, Value, flag, int, named};
use crate::rules::too_new::too_new;
use crate::rules::version::Version;
use crate::tcl::{Instance, Obj, Object, Reply, class};
use bytes::Bytes;

/// State of a `nats::jet_stream` object.
pub struct JetStream {
    /// The connection it was made from.
    pub connection: Rc<Connection>,
    /// Default timeout in ms; 0 waits for ever.
    pub timeout: i64,
    /// JetStream domain.
    pub domain: Option<String>,
    prefix: String,
    /// Log requests to the API and their replies.
    trace: bool,
    /// Fetches that call back.
    pub fetches: Rc<Fetches>,
    /// What dies with the object.
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

/// What subjects of the API begin with, unless told otherwise.
pub const API: &str = "$JS.API";

/// What those of a domain begin with.
pub fn domain_api(domain: &str) -> String {
    format!("$JS.{domain}.API")
}

/// `nats::jet_stream new connection ?-timeout ms? ?-domain domain?`, called by the connection's `jet_stream`.
pub fn construct(call: &Invocation, object: Object) -> Result<()> {
    let connection = &call.args[0];
    let state = class::instance_of::<Connection>(call.interp, connection);
    let state = state.ok_or_else(|| Argument::NotOfClass { given: connection.to_text(), class: "nats::connection" })?;
    let options = &call.options;
    let domain = options.given_text(DOMAIN).map(str::to_string);
    let prefix = match (options.given_text(API_PREFIX), &domain) {
        (Some(_), Some(_)) => return Err(Argument::Exclusive(DOMAIN, API_PREFIX).into()),
        (Some(prefix), None) => prefix.to_string(),
        (None, Some(domain)) => domain_api(domain),
        (None, None) => API.to_string(),
    };
    object.set_instance(Rc::new(JetStream {
        connection: Rc::clone(&state),
        timeout: options.int(const { int(JET_STREAM_OPTIONS, "timeout") }),
        domain,
        prefix,
        trace: options.flag(const { flag(JET_STREAM_OPTIONS, "trace") }),
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

/// The error that an API reply carries, or that it is none.
pub fn response_error(reply: &Json) -> Option<Fault> {
    match api_error(reply) {
        Ok(error) => error.map(Fault::Api),
        Err(_) => Some(Fault::ReplyIncomplete),
    }
}

/// A reply as JSON.
pub fn parse(message: &Message) -> Result<Json> {
    serde_json::from_slice(message.payload()).map_err(|_| Fault::ReplyNotJson.into())
}

/// What the API replied.
///
/// # Errors
/// `ErrJSResponse`; `ErrProtocol` for what is no reply of the API.
pub fn read(message: &Message) -> std::result::Result<Json, Fault> {
    let reply = serde_json::from_slice(message.payload()).map_err(|_| Fault::ReplyNotJson)?;
    match response_error(&reply) {
        Some(fault) => Err(fault),
        None => Ok(reply),
    }
}

/// The acknowledgement of a published message.
///
/// # Errors
/// `ErrJSResponse`; `ErrInvalidJSAck` for what is no acknowledgement, whoever sent it.
pub fn pub_ack(message: &Message) -> std::result::Result<Json, Fault> {
    match read(message) {
        Ok(reply) if is_pub_ack(&reply) => Ok(reply),
        Err(Fault::Api(error)) => Err(Fault::Api(error)),
        _ => Err(Fault::NotAnAck),
    }
}

impl JetStream {
    /// The same with another API prefix, such as that of a mirror's origin.
    pub fn with_prefix(&self, prefix: &str) -> JetStream {
        JetStream {
            connection: Rc::clone(&self.connection),
            timeout: self.timeout,
            domain: self.domain.clone(),
            prefix: prefix.to_string(),
            trace: self.trace,
            fetches: Rc::default(),
            family: Family::default(),
        }
    }

    /// What subjects of the API begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Logs a request to the API, if that is wanted.
    pub fn trace_request(&self, subject: &str, body: &str) {
        if self.trace {
            self.connection.log(Level::Debug, || format!(">>> {subject} {body}").trim_end().to_string());
        }
    }

    /// Logs the reply to such a request.
    pub fn trace_reply(&self, subject: &str, reply: &Message) {
        if self.trace {
            let body = String::from_utf8_lossy(reply.payload());
            self.connection.log(Level::Debug, || format!("<<< {subject} {body}").trim_end().to_string());
        }
    }

    /// A subject of the API.
    pub fn subject(&self, rest: &str) -> String {
        format!("{}.{rest}", self.prefix)
    }

    /// Sends a request and gives the reply; `ms` is its timeout.
    ///
    /// # Errors
    /// `ErrTimeout`, `ErrNoResponders`, `ErrConnectionClosed` and those of publish.
    pub async fn exchange(&self, subject: &str, payload: Bytes, headers: Option<Headers>, ms: i64) -> Result<Message> {
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers, payload };
        let calling = self.connection.call(RequestSpec { msg, timeout: timeout(ms), mode: Mode::Shared })?;
        match calling.next().await {
            Answer::Reply(message) => Ok(message),
            Answer::End(end) => Err(end_error(&end, subject)),
        }
    }

    /// Sends a request to the API (`rest` follows the prefix) and gives the reply as it is; `ms` is the timeout.
    ///
    /// # Errors
    /// Those of [`JetStream::exchange`]; where nobody answers, JetStream is not there.
    async fn raw(&self, rest: &str, body: Bytes, ms: i64) -> Result<Message> {
        let subject = self.subject(rest);
        self.trace_request(&subject, &String::from_utf8_lossy(&body));
        match self.exchange(&subject, body, None, ms).await {
            Ok(reply) => {
                self.trace_reply(&subject, &reply);
                Ok(reply)
            }
            Err(Error::Fault(Fault::NoResponders(_))) => Err(Fault::NoJetStream.into()),
            Err(error) => Err(error),
        }
    }

    /// Sends a request to the API (`rest` follows the prefix) and gives the reply's payload and JSON.
    ///
    /// # Errors
    /// `ErrJSResponse` and those of [`JetStream::exchange`].
    pub async fn ask(&self, rest: &str, body: String) -> Result<(Message, Json)> {
        self.ask_within(rest, body, self.timeout).await
    }

    async fn ask_within(&self, rest: &str, body: String, ms: i64) -> Result<(Message, Json)> {
        let message = self.raw(rest, Bytes::from(body), ms).await?;
        let reply = read(&message)?;
        Ok((message, reply))
    }

    /// [`JetStream::ask`] for those who want the JSON only.
    pub async fn api(&self, rest: &str, body: String) -> Result<Json> {
        self.ask(rest, body).await.map(|(_, reply)| reply)
    }

    /// [`JetStream::api`] without a body, in another time than the object's: `ms`, 0 waits for ever.
    pub async fn api_within(&self, rest: &str, ms: i64) -> Result<Json> {
        self.ask_within(rest, String::new(), ms).await.map(|(_, reply)| reply)
    }

    /// All names of a paged list: `field` of the replies to `rest`, asked again until the server has no more.
    pub async fn names(&self, rest: &str, field: &str, filter: Option<(&str, &str)>) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let mut body = Map::new();
            body.insert("offset".into(), names.len().into());
            if let Some((name, value)) = filter {
                body.insert(name.into(), value.into());
            }
            let reply = self.api(rest, Json::Object(body).to_string()).await?;
            let (page, total) = page(&reply, field).map_err(|_| Fault::ReplyIncomplete)?;
            let empty = page.is_empty();
            names.extend(page.into_iter().map(str::to_string));
            if empty || names.len() as u64 >= total {
                return Ok(names);
            }
        }
    }
}

impl JetStream {
    /// The version in the server's INFO, if it has told one and the JetStream asked is its own: of that of another domain it says
    /// nothing.
    pub fn server_version(&self) -> Option<Version> {
        let info = self.connection.engine().server_info()?;
        let own = self.domain.as_deref().is_none_or(|domain| info.fields.get("domain").and_then(Json::as_str) == Some(domain));
        info.version.as_deref().filter(|_| own).and_then(Version::parse)
    }

    /// Whether the server knows the options given (index into `table`, value): an older one would drop what it does not know.
    /// With `lenient` those that ask for nothing do not count.
    ///
    /// # Errors
    /// `ErrNotSupported` names the option and the version that has it.
    pub fn knows(&self, table: &[Opt], given: &[(usize, Value)], lenient: bool) -> Result<()> {
        let Some(server) = self.server_version() else { return Ok(()) };
        match too_new(table, given, server, lenient) {
            Some((option, since)) => Err(Fault::NotSupported { option, since, server }.into()),
            None => Ok(()),
        }
    }
}

/// How an API reply becomes a result.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A dict of its fields.
    Dict,
    /// A dict without `total`, `offset` and `limit`.
    Unpaged,
    /// The field `success`, a boolean.
    Success,
    /// The field `purged`, a count.
    Purged,
    /// The JSON text as the server sent it.
    Raw,
}

/// Sends one API request and waits for its result.
pub fn request(js: &Rc<JetStream>, call: &Invocation, rest: String, body: String, shape: Shape) -> Result<Reply> {
    let js = Rc::clone(js);
    block(call.interp, async move {
        let (message, reply) = js.ask(&rest, body).await?;
        shaped(&message, reply, shape)
    })
}

/// A reply in the wanted shape.
///
/// # Errors
/// `ErrProtocol` if it has no such field.
pub fn shaped(message: &Message, reply: Json, shape: Shape) -> Result<Obj> {
    let field = |name: &str, fits: fn(&Json) -> bool| {
        reply.get(name).filter(|value| fits(value)).map(to_obj).ok_or(Fault::ReplyIncomplete)
    };
    Ok(match shape {
        Shape::Dict => to_obj(&convert_reply(reply, false)),
        Shape::Unpaged => to_obj(&convert_reply(reply, true)),
        Shape::Success => field("success", Json::is_boolean)?,
        Shape::Purged => field("purged", Json::is_u64)?,
        Shape::Raw => Obj::utf8(message.payload()),
    })
}

/// The options as the JSON object of a request.
pub fn options_body(table: &'static [Opt], options: &Options, creation: bool) -> Result<Map<String, Json>> {
    body(table, &options.values(), creation).map_err(|bad| Argument::Value(bad).into())
}

/// A stream name that may go into a subject.
///
/// # Errors
/// `ErrInvalidArg`
pub fn stream_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_stream_name(&name) { Ok(name) } else { Err(Argument::StreamName(name).into()) }
}

/// A consumer name that may go into a subject.
///
/// # Errors
/// `ErrInvalidArg`
pub fn consumer_name(name: &str) -> Result<String> {
    if is_stream_name(name) { Ok(name.to_string()) } else { Err(Argument::ConsumerName(name.to_string()).into()) }
}

/// `ErrConnectionClosed` when the connection is closed, before anything else is looked at.
pub fn open_or_error(js: &JetStream) -> Result<()> {
    if js.connection.is_destroyed() { Err(Fault::Closed.into()) } else { Ok(js.connection.open_or_error()?) }
}
