//! Requests to the JetStream API (NATS ADR-1).

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::calling::timeout;
use super::calls::Answer;
use super::conn::Client;
use super::fault::{Fault, Waiting};
use crate::engine::{Headers, Message, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::jetstream_convert::{api_error, is_pub_ack};
use crate::rules::option::{Opt, Value};
use crate::rules::replies::check;
use crate::rules::too_new::too_new;
use crate::rules::version::Version;

/// Prefix of the API's subjects by default.
pub(crate) const PREFIX: &str = "$JS.API";

/// Prefix of the API's subjects in a domain.
pub(crate) fn prefix_of_domain(domain: &str) -> String {
    format!("$JS.{domain}.API")
}

/// Writes a line to the log.
pub(crate) type Trace = Rc<dyn Fn(String)>;

/// The JetStream API with the settings of one object.
pub(crate) struct Api {
    /// The connection.
    pub client: Rc<Client>,
    /// Timeout of its requests in ms; 0 waits for ever.
    pub timeout: i64,
    /// JetStream domain.
    pub domain: Option<String>,
    prefix: String,
    /// Logs the requests to the API and their replies, if that is wanted.
    trace: Option<Trace>,
    /// The API level, by the ID of the server that the connection had when it was asked.
    level: Rc<RefCell<Option<(String, u32)>>>,
}

/// The error in an API reply, or that of a reply that is none.
pub(super) fn response_error(reply: &Json) -> Option<Fault> {
    match api_error(reply) {
        Ok(error) => error.map(Fault::Api),
        Err(_) => Some(Fault::ReplyIncomplete),
    }
}

/// A reply as JSON.
///
/// # Errors
/// [`Fault::ReplyNotJson`]
pub(super) fn parse(message: &Message) -> Result<Json, Fault> {
    serde_json::from_slice(message.payload()).map_err(|_| Fault::ReplyNotJson)
}

/// The reply of the API to a request; `rest` is the request's subject behind the prefix.
///
/// # Errors
/// Those of [`unrefused`]; [`Fault::ReplyIncomplete`] if it does not hold what a reply to that request does.
pub(super) fn read(rest: &str, message: &Message) -> Result<Json, Fault> {
    let reply = unrefused(message)?;
    check(rest, &reply).map_err(|_| Fault::ReplyIncomplete)?;
    Ok(reply)
}

/// A reply that is no error.
///
/// # Errors
/// [`Fault::Api`] if it is a refusal; [`Fault::ReplyNotJson`] and [`Fault::ReplyIncomplete`] if it is no reply of the API.
fn unrefused(message: &Message) -> Result<Json, Fault> {
    let reply = parse(message)?;
    match response_error(&reply) {
        Some(fault) => Err(fault),
        None => Ok(reply),
    }
}

/// The acknowledgement of a published message.
///
/// # Errors
/// [`Fault::Api`]; [`Fault::NotAnAck`] if it is no acknowledgement: any client may listen to the subject.
pub(crate) fn pub_ack(message: &Message) -> Result<Json, Fault> {
    match unrefused(message) {
        Ok(reply) if is_pub_ack(&reply) => Ok(reply),
        Err(Fault::Api(error)) => Err(Fault::Api(error)),
        _ => Err(Fault::NotAnAck),
    }
}

impl Api {
    /// The API of a connection.
    pub(crate) fn new(client: &Rc<Client>, timeout: i64, domain: Option<String>, prefix: String, trace: Option<Trace>) -> Api {
        Api { client: Rc::clone(client), timeout, domain, prefix, trace, level: Rc::default() }
    }

    /// The same with another prefix, such as that of a mirror's origin.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Api {
        Api {
            client: Rc::clone(&self.client),
            timeout: self.timeout,
            domain: self.domain.clone(),
            prefix: prefix.to_string(),
            trace: self.trace.clone(),
            level: Rc::default(),
        }
    }

    /// The same with another timeout, in ms; with 0 requests wait for ever.
    pub(crate) fn with_timeout(&self, timeout: i64) -> Api {
        Api { timeout, level: Rc::clone(&self.level), ..self.with_prefix(&self.prefix) }
    }

    /// The API level that a server was asked for, and the server's ID.
    pub(super) fn asked_level(&self) -> &RefCell<Option<(String, u32)>> {
        &self.level
    }

    /// Prefix of its subjects.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether it has one of the usual prefixes: that of the account itself, or of a domain.
    pub(crate) fn is_own(&self) -> bool {
        self.prefix == self.domain.as_deref().map_or_else(|| PREFIX.to_string(), prefix_of_domain)
    }

    /// A subject of the API.
    pub(crate) fn subject(&self, rest: &str) -> String {
        format!("{}.{rest}", self.prefix)
    }

    /// Logs a request to the API, if that is wanted.
    pub(crate) fn trace_request(&self, subject: &str, body: &str) {
        if let Some(trace) = &self.trace {
            trace(format!(">>> {subject} {body}").trim_end().to_string());
        }
    }

    /// Logs the reply to such a request.
    pub(crate) fn trace_reply(&self, subject: &str, reply: &Message) {
        if let Some(trace) = &self.trace {
            let body = String::from_utf8_lossy(reply.payload());
            trace(format!("<<< {subject} {body}").trim_end().to_string());
        }
    }

    /// Sends a request and gives the reply; `ms` is its timeout.
    ///
    /// # Errors
    /// [`Fault::Timeout`], [`Fault::NoResponders`], [`Fault::Closed`] and those of publish.
    pub(crate) async fn exchange(
        &self,
        subject: &str,
        payload: Bytes,
        headers: Option<Headers>,
        ms: i64,
    ) -> Result<Message, Fault> {
        self.exchange_as(Mode::Shared, subject, payload, headers, ms).await
    }

    async fn exchange_as(
        &self,
        mode: Mode,
        subject: &str,
        payload: Bytes,
        headers: Option<Headers>,
        ms: i64,
    ) -> Result<Message, Fault> {
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers, payload };
        let calling = self.client.call(RequestSpec { msg, timeout: timeout(ms), mode })?;
        match calling.next().await {
            Answer::Reply(message) => Ok(message),
            Answer::End(end) => Err(Fault::of_end(&end, Waiting::Request(subject.to_string()))),
        }
    }

    /// Sends a request to the API (`rest` follows the prefix) and gives the reply as it is; `ms` is the timeout.
    ///
    /// # Errors
    /// Those of [`Api::exchange`]; [`Fault::NoJetStream`] where nobody answers.
    async fn raw(&self, mode: Mode, rest: &str, body: Bytes, ms: i64) -> Result<Message, Fault> {
        let subject = self.subject(rest);
        self.trace_request(&subject, &String::from_utf8_lossy(&body));
        match self.exchange_as(mode, &subject, body, None, ms).await {
            Ok(reply) => {
                self.trace_reply(&subject, &reply);
                Ok(reply)
            }
            Err(Fault::NoResponders(_)) => Err(Fault::NoJetStream),
            Err(fault) => Err(fault),
        }
    }

    /// Sends a request to the API (`rest` follows the prefix) and gives the reply and its JSON.
    ///
    /// # Errors
    /// [`Fault::Api`] and those of [`Api::exchange`].
    pub(crate) async fn ask(&self, rest: &str, body: String) -> Result<(Message, Json), Fault> {
        self.ask_within(rest, body, self.timeout).await
    }

    /// [`Api::ask`] with a timeout of its own in ms; 0 waits for ever.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(super) async fn ask_within(&self, rest: &str, body: String, ms: i64) -> Result<(Message, Json), Fault> {
        self.ask_as(Mode::Shared, rest, body, ms).await
    }

    /// The same for the making of a consumer, which may push much before the answer: that is awaited as long as it may still come.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(super) async fn ask_patiently(&self, rest: &str, body: String, ms: i64) -> Result<(Message, Json), Fault> {
        self.ask_as(Mode::Patient, rest, body, ms).await
    }

    async fn ask_as(&self, mode: Mode, rest: &str, body: String, ms: i64) -> Result<(Message, Json), Fault> {
        let message = self.raw(mode, rest, Bytes::from(body), ms).await?;
        let reply = read(rest, &message)?;
        Ok((message, reply))
    }

    /// [`Api::ask`], giving only the JSON.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn json(&self, rest: &str, body: String) -> Result<Json, Fault> {
        self.ask(rest, body).await.map(|(_, reply)| reply)
    }

    /// [`Api::json`] without a body and with a timeout of its own in ms; 0 waits for ever.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn json_within(&self, rest: &str, ms: i64) -> Result<Json, Fault> {
        self.ask_within(rest, String::new(), ms).await.map(|(_, reply)| reply)
    }
}

impl Api {
    /// The version in the server's INFO, if there is one and the JetStream asked is that server's own: about another domain it
    /// says nothing.
    pub(crate) fn server_version(&self) -> Option<Version> {
        let info = self.client.engine().server_info()?;
        let own = self.domain.as_deref().is_none_or(|domain| info.fields.get("domain").and_then(Json::as_str) == Some(domain));
        info.version.as_deref().filter(|_| own).and_then(Version::parse)
    }

    /// Whether the server has this version or a newer one. A server of unknown version is assumed to be new.
    pub(crate) fn is_at_least(&self, wanted: Version) -> bool {
        self.server_version().is_none_or(|version| version >= wanted)
    }

    /// Body of a request that makes or changes a consumer. `action` is left out for servers that do not know it, those before 2.10.
    pub(crate) fn consumer_request(&self, stream: &str, config: Map<String, Json>, action: Option<&str>) -> String {
        let mut body = Map::new();
        body.insert("stream_name".into(), stream.into());
        body.insert("config".into(), Json::Object(config));
        if let Some(action) = action.filter(|_| self.is_at_least(Version(2, 10, 0))) {
            body.insert("action".into(), action.into());
        }
        Json::Object(body).to_string()
    }

    /// Rest of the subject and body of the request that makes a consumer. The subject holds the name and the filter of a consumer
    /// that has them, so that permissions can name them; else it ends with the stream.
    pub(crate) fn consumer_creation(&self, stream: &str, config: Map<String, Json>, action: Option<&str>) -> (String, String) {
        let text = |name: &str| config.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let (durable, named) = (text("durable_name"), self.names_consumers());
        let filter = text("filter_subject").filter(|filter| self.goes_into_subject(filter));
        let rest = match (text("name").or(durable).filter(|_| named), filter) {
            (Some(name), Some(filter)) => format!("CONSUMER.CREATE.{stream}.{name}.{filter}"),
            (Some(name), None) => format!("CONSUMER.CREATE.{stream}.{name}"),
            (None, _) => match durable {
                Some(durable) => format!("CONSUMER.DURABLE.CREATE.{stream}.{durable}"),
                None => format!("CONSUMER.CREATE.{stream}"),
            },
        };
        (rest, self.consumer_request(stream, config, action))
    }

    /// Whether the server takes a consumer's name in the subject, as those of 2.9 and later do. A server of unknown version is
    /// assumed to be new.
    pub(crate) fn names_consumers(&self) -> bool {
        self.is_at_least(Version(2, 9, 0))
    }

    /// Whether a filter can be a part of the subject that makes a consumer: a pedantic server complains about wildcards there,
    /// once or twice.
    pub(crate) fn goes_into_subject(&self, filter: &str) -> bool {
        !self.client.is_pedantic() || !filter.split('.').any(|token| matches!(token, "*" | ">"))
    }

    /// Checks that the server knows the options given (index into `table`, value): it would silently drop one that it does not
    /// know. With `lenient` those that ask for nothing do not count.
    ///
    /// # Errors
    /// [`Fault::NotSupported`] names the option and the version that has it.
    pub(crate) fn knows(&self, table: &[Opt], given: &[(usize, Value)], lenient: bool) -> Result<(), Fault> {
        let Some(server) = self.server_version() else { return Ok(()) };
        match too_new(table, given, server, lenient) {
            Some((option, since)) => Err(Fault::NotSupported { option, since, server }),
            None => Ok(()),
        }
    }
}
