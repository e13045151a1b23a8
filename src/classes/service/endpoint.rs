//! `endpoint`, of services and groups.

use std::rc::Rc;

use super::check::{bad, queue_group};
use super::handler::Handler;
use super::state::{Endpoint, Service, Stage, texts};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::Options;
use crate::client::Argument;
use crate::rules::option::{Name, int, named};
use crate::rules::service::{Place, is_name, joined};
use crate::rules::service_args::Form;
use crate::rules::service_options::ENDPOINT_OPTIONS;
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Interp, Obj, Reply};

const PROC: Name = named(ENDPOINT_OPTIONS, "proc");
const CALLBACK: Name = named(ENDPOINT_OPTIONS, "callback");
const ARGS: Name = named(ENDPOINT_OPTIONS, "args");

/// `endpoint name ?-option value ...? ?args body?`, a method of the service
pub(super) fn endpoint(service: &Rc<Service>, call: &Invocation) -> Result<Reply> {
    add(service, call, "", &service.settings.queue)
}

/// Adds an endpoint below the prefixes of its groups.
pub(super) fn add(service: &Rc<Service>, call: &Invocation, prefix: &str, queue: &str) -> Result<Reply> {
    let connection = &service.connection;
    let name = call.args[0].to_text();
    if !is_name(&name) {
        return Err(bad("endpoint name", &name).into());
    }
    if service.stage.get() != Stage::Serving {
        return Err(Argument::ServiceStopped.into());
    }
    let (words, lambda) = split(&call.args[1..])?;
    let options = Options::parse(call.interp, ENDPOINT_OPTIONS, words)?;
    let handler = handler(call.interp, &options, lambda)?;
    let subject = joined(prefix, options.given_text(const { named(ENDPOINT_OPTIONS, "subject") }).unwrap_or(&name));
    if !check_subject(&subject, Role::Subscribe, connection.coding().strict) {
        return Err(bad("subject", &subject).into());
    }
    let queue = queue_group(connection, options.given_text(const { named(ENDPOINT_OPTIONS, "queue") }).unwrap_or(queue))?;
    let mut metadata = texts(options.given(const { named(ENDPOINT_OPTIONS, "metadata") }));
    handler.describe(&mut metadata);
    let limit = options.given_int(const { named(ENDPOINT_OPTIONS, "pending_msgs_limit") });
    let concurrency = options.int(const { int(ENDPOINT_OPTIONS, "concurrency") });
    let place = Place { name, subject: subject.clone(), queue, metadata };
    service.add(Endpoint::new(place, handler, concurrency, limit))?;
    Ok(Obj::text(&subject).into())
}

/// The options, and `args body` behind them.
fn split(words: &[Obj]) -> Result<(&[Obj], Option<[&Obj; 2]>)> {
    match words {
        [options @ .., args, body] if options.len().is_multiple_of(2) && !args.raw_str().starts_with(b"-") => {
            Ok((options, Some([args, body])))
        }
        words => Ok((words, None)),
    }
}

fn handler(interp: Interp, options: &Options, lambda: Option<[&Obj; 2]>) -> Result<Handler> {
    let form = options.given_text(ARGS).map(Form::of);
    match (options.given(PROC), options.given(CALLBACK), lambda) {
        (Some(command), None, None) => Handler::command(interp, &command.obj, form.unwrap_or(Form::Raw)),
        (None, Some(_), None) if form.is_some() => Err(Argument::Conflict(ARGS, CALLBACK).into()),
        (None, Some(prefix), None) => Ok(Handler::callback(prefix.obj.as_list().unwrap_or_default())),
        (None, None, Some([args, body])) => Handler::lambda(args, body, form),
        _ => Err(Argument::OneHandler.into()),
    }
}
