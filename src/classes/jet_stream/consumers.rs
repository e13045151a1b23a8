//! Consumers.

use std::rc::Rc;

use serde_json::Value as Json;

use super::api::{JetStream, Shape, consumer_name, open_or_error, request, stream_name};
use super::config::{ConfigOptions, DELIVER_SUBJECT, DURABLE_NAME, NAME, check_groups};
use super::streams::json_object;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::client::Argument;
use crate::rules::jetstream_consumers::{CONSUMER_CONFIG_MARKS, CONSUMER_OPTIONS};
use crate::rules::option::{Kind, named};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Obj, Reply};

/// The options of a consumer.
pub(super) fn parse(call: &Invocation, words: &[Obj]) -> Result<ConfigOptions> {
    ConfigOptions::parse(call.interp, CONSUMER_OPTIONS, CONSUMER_CONFIG_MARKS, words)
}

/// `add_consumer stream ?-option value ...?`
pub(crate) fn add_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let config = parse(call, &call.args[1..])?;
    create(js, call, &stream, &config)
}

/// `add_pull_consumer stream consumer ?args?`
pub(crate) fn add_pull_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let mut config = parse(call, &call.args[2..])?;
    durable(&mut config, &call.args[1])?;
    create(js, call, &stream, &config)
}

/// `add_push_consumer stream consumer deliver_subject ?args?`
pub(crate) fn add_push_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let mut config = parse(call, &call.args[3..])?;
    durable(&mut config, &call.args[1])?;
    let subject = call.args[2].to_text();
    if subject.is_empty() {
        return Err(bad_value(DELIVER_SUBJECT.as_str(), Kind::NonEmpty, &call.args[2]).into());
    }
    config.options.set_text(DELIVER_SUBJECT, &subject);
    create(js, call, &stream, &config)
}

/// A positional name wins over those among the options.
pub(super) fn durable(config: &mut ConfigOptions, name: &Obj) -> Result<()> {
    let name = consumer_name(&name.as_text())?;
    config.options.set_text(DURABLE_NAME, &name);
    if config.has(NAME) {
        config.options.set_text(NAME, &name);
    }
    Ok(())
}

fn create(js: &Rc<JetStream>, call: &Invocation, stream: &str, config: &ConfigOptions) -> Result<Reply> {
    let options = &config.options;
    let (name, durable) = (options.given_text(NAME), options.given_text(DURABLE_NAME));
    if let (Some(name), Some(durable)) = (name, durable)
        && name != durable
    {
        return Err(Argument::TwoNames(name.to_string(), durable.to_string()).into());
    }
    let body = config.body(true)?;
    open_or_error(js)?;
    config.known_to_server(js)?;
    check_groups(config)?;
    let rest = subject_of(js, stream, config)?;
    request(js, call, rest, js.api.consumer_request(stream, body, None), Shape::Dict)
}

/// Subject of the request that makes a consumer, without the prefix.
///
/// # Errors
/// `ErrInvalidArg` for a name.
pub(super) fn subject_of(js: &JetStream, stream: &str, config: &ConfigOptions) -> Result<String> {
    let options = &config.options;
    let (name, durable) = (options.given_text(NAME), options.given_text(DURABLE_NAME));
    for given in [name, durable].into_iter().flatten() {
        consumer_name(given)?;
    }
    let filter = options
        .given_text(const { named(CONSUMER_OPTIONS, "filter_subject") })
        .filter(|filter| !filter.is_empty() && *filter != ">");
    Ok(match (durable, name) {
        (Some(durable), _) => format!("CONSUMER.DURABLE.CREATE.{stream}.{durable}"),
        (None, Some(name)) if js.api.names_consumers() => match filter {
            // As a part of the subject it would make an invalid one.
            Some(filter) if !check_subject(filter, Role::Subscribe, true) => {
                return Err(bad_value("filter_subject", Kind::NonEmpty, &Obj::text(filter)).into());
            }
            Some(filter) if js.api.goes_into_subject(filter) => format!("CONSUMER.CREATE.{stream}.{name}.{filter}"),
            _ => format!("CONSUMER.CREATE.{stream}.{name}"),
        },
        (None, _) => format!("CONSUMER.CREATE.{stream}"),
    })
}

/// `add_consumer_from_json stream consumer json_config`
pub(crate) fn add_consumer_from_json(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let consumer = consumer_name(&call.args[1].as_text())?;
    let text = call.args[2].to_text();
    let durable = json_object(&text)?.get("durable_name").and_then(Json::as_str).is_some_and(|name| !name.is_empty());
    let verb = if durable { "DURABLE.CREATE" } else { "CREATE" };
    let body = format!("{{\"stream_name\":{},\"config\":{text}}}", Json::from(stream.as_str()));
    request(js, call, format!("CONSUMER.{verb}.{stream}.{consumer}"), body, Shape::Raw)
}

fn addressed(call: &Invocation) -> Result<String> {
    Ok(format!("{}.{}", stream_name(&call.args[0])?, consumer_name(&call.args[1].as_text())?))
}

/// `delete_consumer stream consumer`
pub(crate) fn delete_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    request(js, call, format!("CONSUMER.DELETE.{}", addressed(call)?), String::new(), Shape::Success)
}

/// `consumer_info stream consumer`
pub(crate) fn consumer_info(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    request(js, call, format!("CONSUMER.INFO.{}", addressed(call)?), String::new(), Shape::Dict)
}

/// `consumer_names stream`
pub(crate) fn consumer_names(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(
        call.interp,
        async move { Ok(Obj::text_list(&js.api.names(&format!("CONSUMER.NAMES.{stream}"), "consumers", None).await?)) },
    )
}
