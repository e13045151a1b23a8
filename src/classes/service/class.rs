//! The class: its table, the constructor, and what a service says of itself.

use std::rc::Rc;

use super::check::{bad, queue_group};
use super::state::{Service, texts};
use super::{endpoint, group, stop};
use crate::bridge::birth;
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::method::{ANY, Invocation, Method, constructor, raw, row};
use crate::classes::connection::state::Connection;
use crate::rules::option::{Preset, int, named, text};
use crate::rules::service::{Identity, is_name, is_version};
use crate::rules::service_options::{ENDPOINT_OPTIONS, GROUP_OPTIONS, SERVICE_OPTIONS, STOP_OPTIONS};
use crate::tcl::{Class, Instance, Obj, Reply};

/// The class.
pub(crate) static CLASS: Class<Method<Service>> = Class {
    name: "::nats::service",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the connection's method service. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        raw(
            "endpoint",
            "name ?-option value ...? ?args body?",
            (1, ANY),
            ENDPOINT_OPTIONS,
            "Adds an endpoint; its subject. Errors: `ErrInvalidArg`, `ErrConnectionClosed`.",
            endpoint::endpoint,
        ),
        row(
            "group",
            "prefix ?-queue group?",
            (1, 1),
            GROUP_OPTIONS,
            "A new [group](#groups), whose endpoints' subjects begin with the prefix. Errors: `ErrInvalidArg`.",
            group::of_service,
        ),
        row("info", "", (0, 0), &[], "Dict of what the service answers to INFO.", info),
        row("stats", "", (0, 0), &[], "Dict of what the service answers to STATS; times in ns.", stats),
        row("id", "", (0, 0), &[], "A unique ID of 22 letters and digits.", id),
        row("name", "", (0, 0), &[], "The name.", name),
        row("version", "", (0, 0), &[], "The version.", version),
        row("reset", "", (0, 0), &[], "Sets the counters and times of all endpoints to 0.", reset),
        row(
            "stop",
            "?-timeout ms?",
            (0, 0),
            STOP_OPTIONS,
            "Ends the service after requests that have arrived and running handlers; empty result. A second call does nothing.",
            stop::stop,
        ),
    ]],
};

const DESCRIPTION: crate::rules::option::Name = named(SERVICE_OPTIONS, "description");
const QUEUE: Preset<&str> = text(SERVICE_OPTIONS, "queue");
const API_PREFIX: Preset<&str> = text(SERVICE_OPTIONS, "api_prefix");
const CONCURRENCY: Preset<i64> = int(SERVICE_OPTIONS, "concurrency");

/// `service name version ?-option value ...?`, a method of the connection
pub(crate) fn service(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    let (name, version) = (call.args[0].to_text(), call.args[1].to_text());
    if !is_name(&name) {
        return Err(bad("service name", &name).into());
    }
    if !is_version(&version) {
        return Err(bad("version", &version).into());
    }
    let options = &call.options;
    let queue = queue_group(connection, options.text(QUEUE))?;
    connection.open_or_error()?;
    let identity = Identity {
        name,
        id: nuid::next().to_string(),
        version,
        metadata: texts(options.given(const { named(SERVICE_OPTIONS, "metadata") })),
    };
    let prefix = |name| options.given(name).and_then(|given| given.obj.as_list());
    let service = Rc::new(Service::new(
        connection,
        identity,
        super::state::Settings {
            description: options.given_text(DESCRIPTION).unwrap_or_default().to_string(),
            queue,
            api_prefix: options.text(API_PREFIX).to_string(),
            stats_data: prefix(const { named(SERVICE_OPTIONS, "stats_data") }),
            on_error: prefix(const { named(SERVICE_OPTIONS, "on_error") }),
            on_stop: prefix(const { named(SERVICE_OPTIONS, "on_stop") }),
            concurrency: options.int(CONCURRENCY),
        },
    ));
    let born = birth::make(call.interp, CLASS.name, Rc::clone(&service) as Rc<dyn Instance>)?;
    let command = born.handle.name(call.interp);
    if let Err(fault) = service.begin(&command) {
        born.handle.destroy(call.interp);
        return Err(fault.into());
    }
    if !connection.family.adopt(&connection.home, born.handle) {
        return Err(crate::client::Fault::Closed.into());
    }
    Ok(command.into())
}

fn info(service: &Rc<Service>, _call: &Invocation) -> Result<Reply> {
    Ok(to_obj(&service.info()).into())
}

fn stats(service: &Rc<Service>, _call: &Invocation) -> Result<Reply> {
    Ok(to_obj(&service.stats()).into())
}

fn id(service: &Rc<Service>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(&service.identity.id).into())
}

fn name(service: &Rc<Service>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(&service.identity.name).into())
}

fn version(service: &Rc<Service>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(&service.identity.version).into())
}

fn reset(service: &Rc<Service>, _call: &Invocation) -> Result<Reply> {
    service.reset();
    Ok(Reply::Empty)
}
