//! `nats::service_group`: endpoints whose subjects begin alike.

use std::rc::Rc;

use super::check::{bad, queue_group};
use super::endpoint::add;
use super::state::Service;
use crate::bridge::birth;
use crate::bridge::errors::Result;
use crate::bridge::method::{ANY, Invocation, Method, constructor, raw, row};
use crate::client::Fault;
use crate::rules::option::named;
use crate::rules::service::joined;
use crate::rules::service_options::{ENDPOINT_OPTIONS, GROUP_OPTIONS};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Class, Instance, Reply};

/// The class.
pub(crate) static CLASS: Class<Method<Group>> = Class {
    name: "::nats::service_group",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the method group of services and groups. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        raw(
            "endpoint",
            "name ?-option value ...? ?args body?",
            (1, ANY),
            ENDPOINT_OPTIONS,
            "As the method of the service, the subject behind the group's prefix.",
            |group, call| add(&group.service, call, &group.prefix, &group.queue),
        ),
        row("group", "prefix ?-queue group?", (1, 1), GROUP_OPTIONS, "A group within the group.", |group, call| {
            make(&group.service, call, &group.prefix, &group.queue)
        }),
    ]],
};

/// State of a `nats::service_group` object.
pub(crate) struct Group {
    service: Rc<Service>,
    prefix: String,
    queue: String,
}

impl Instance for Group {
    fn close(&self) {}

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

/// `group prefix ?-queue group?`, a method of the service
pub(super) fn of_service(service: &Rc<Service>, call: &Invocation) -> Result<Reply> {
    make(service, call, "", &service.settings.queue)
}

fn make(service: &Rc<Service>, call: &Invocation, outer: &str, queue: &str) -> Result<Reply> {
    let prefix = call.args[0].as_text();
    let strict = service.connection.coding().strict;
    // Nothing can follow `>`.
    let fits =
        prefix.is_empty() || (check_subject(&prefix, Role::Subscribe, strict) && !prefix.split('.').any(|token| token == ">"));
    if !fits {
        return Err(bad("group", &prefix).into());
    }
    let queue = call.options.given_text(const { named(GROUP_OPTIONS, "queue") }).unwrap_or(queue);
    let queue = queue_group(&service.connection, queue)?;
    let group = Rc::new(Group { service: Rc::clone(service), prefix: joined(outer, &prefix), queue });
    let born = birth::make(call.interp, CLASS.name, group as Rc<dyn Instance>)?;
    let name = born.handle.name(call.interp);
    if service.family.adopt(&service.connection.home, born.handle) { Ok(name.into()) } else { Err(Fault::Closed.into()) }
}
