//! `nats::service_remote`: the endpoints of a service elsewhere as methods of an object.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::call::{PREFIX, outcome, request};
use super::check::bad;
use crate::bridge::birth;
use crate::bridge::errors::Result;
use crate::bridge::json::from_obj;
use crate::bridge::messages::{Coding, outgoing, payload_in};
use crate::bridge::method::{ANY, Invocation, Method, constructor, row};
use crate::bridge::task::block;
use crate::classes::connection::state::Connection;
use crate::client::Fault;
use crate::rules::option::{Preset, int, named};
use crate::rules::service::{Verb, is_name};
use crate::rules::service_remote::{DISCOVER_OPTIONS, Elsewhere, REMOTE_OPTIONS, Takes, endpoints};
use crate::tcl::{Class, Instance, Obj, Reply};

/// The class.
pub(crate) static CLASS: Class<Method<Remote>> = Class {
    name: "::nats::service_remote",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the connection's method service_remote. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[row(
        "unknown",
        "endpoint ?arg ...?",
        (1, ANY),
        &[],
        "Called by Tcl for `object endpoint ?arg ...?`: calls the endpoint.",
        unknown,
    )]],
};

const LONGEST: Preset<i64> = int(DISCOVER_OPTIONS, "timeout");
const STALL: Preset<i64> = int(DISCOVER_OPTIONS, "stall");

/// State of a `nats::service_remote` object.
pub(crate) struct Remote {
    connection: Rc<Connection>,
    name: String,
    version: Option<Obj>,
    endpoints: RefCell<Vec<Elsewhere>>,
}

impl Instance for Remote {
    fn close(&self) {}

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

/// `service_remote name ?-version pattern?`, a method of the connection
pub(crate) fn service_remote(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    let name = call.args[0].to_text();
    if !is_name(&name) {
        return Err(bad("service name", &name).into());
    }
    connection.open_or_error()?;
    let version = call.options.given(const { named(REMOTE_OPTIONS, "version") }).map(|given| given.obj.clone());
    let remote = Remote { connection: Rc::clone(connection), name, version, endpoints: RefCell::default() };
    block(call.interp, async move {
        if !remote.look().await? {
            return Err(Fault::NoResponders(Verb::Info.subject(PREFIX, &remote.name, "")).into());
        }
        let connection = Rc::clone(&remote.connection);
        let kept = connection.home.live().ok_or(Fault::Closed)?;
        let born = birth::make(kept.interp(), CLASS.name, Rc::new(remote) as Rc<dyn Instance>)?;
        let command = born.handle.name(kept.interp());
        if connection.family.adopt(&connection.home, born.handle) { Ok(command) } else { Err(Fault::Closed.into()) }
    })
}

fn unknown(remote: &Rc<Remote>, call: &Invocation) -> Result<Reply> {
    remote.connection.open_or_error()?;
    let (name, args) = (call.args[0].to_text(), call.args[1..].to_vec());
    let remote = Rc::clone(remote);
    block(call.interp, async move {
        let mut found = remote.find(&name);
        if found.is_none() && is_name(&name) {
            // It may have come since.
            remote.look().await?;
            found = remote.find(&name);
        }
        let endpoint = found.ok_or_else(|| bad("endpoint", &name))?;
        let connection = &remote.connection;
        let payload = payload(&endpoint, &args, connection.coding())?;
        let subject = Obj::text(&endpoint.subject);
        let message = outgoing(&connection.latest, connection.coding(), &subject, &payload, "", None)?;
        let calling = connection.call(request(connection, message, None))?;
        outcome(connection, calling, endpoint.subject).await
    })
}

/// The arguments as the endpoint takes them.
fn payload(endpoint: &Elsewhere, args: &[Obj], coding: Coding) -> Result<Obj> {
    let wrong = || bad("number of arguments for the endpoint", &format!("{}: {}", endpoint.name, args.len()));
    match &endpoint.takes {
        Takes::List => Ok(Obj::list(args)),
        Takes::Payload => match args {
            [] => Ok(Obj::empty()),
            [payload] => Ok(payload.clone()),
            _ => Err(wrong().into()),
        },
        Takes::Dict(names) => {
            let mut names = Obj::text(names).as_list().unwrap_or_default();
            let rest = names.last().is_some_and(|name| name.raw_str() == b"args");
            if rest {
                names.pop();
            }
            let (plain, further) = args.split_at(names.len().min(args.len()));
            if !further.is_empty() && (!rest || further.len() % 2 == 1) {
                return Err(wrong().into());
            }
            let further = further.chunks_exact(2).map(|pair| (&pair[0], &pair[1]));
            let given = names.iter().zip(plain).chain(further).map(|(name, value)| Ok((name.to_text(), from_obj(value)?)));
            let members: Map<String, Json> = given.collect::<Result<_>>()?;
            // JSON is UTF-8, whatever becomes of texts.
            Ok(payload_in(coding, Json::Object(members).to_string().as_bytes()))
        }
    }
}

impl Remote {
    fn find(&self, name: &str) -> Option<Elsewhere> {
        self.endpoints.borrow().iter().find(|endpoint| endpoint.name == name).cloned()
    }

    /// Asks which endpoints there are; false if there is no such service.
    async fn look(&self) -> Result<bool> {
        let subject = Verb::Info.subject(PREFIX, &self.name, "");
        let known = self.connection.client.discover(&subject, LONGEST.default, STALL.default).await?;
        let kept = self.connection.home.live().ok_or(Fault::Closed)?;
        let mut found = Vec::new();
        let mut there = false;
        for answer in known.into_iter().filter_map(|known| known.answer) {
            let version = Obj::text(answer.get("version").and_then(Json::as_str).unwrap_or_default());
            let fits = match &self.version {
                None => true,
                Some(pattern) => {
                    let words = [Obj::text("::tcl::string::match"), pattern.clone(), version];
                    kept.interp().call(&words)?.as_bool().unwrap_or(false)
                }
            };
            if fits {
                there = true;
                found.extend(endpoints(&answer));
            }
        }
        self.endpoints.replace(found);
        Ok(there)
    }
}
