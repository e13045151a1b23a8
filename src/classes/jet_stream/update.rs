//! Creating and updating as two methods: `add_stream` and `add_consumer` of dialect 3, `update_stream` and `update_consumer` of
//! both.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::api::{JetStream, Shape, dict_of, open_or_error, request, stream_name};
use super::config::{ConfigOptions, DELIVER_SUBJECT, DURABLE_NAME, NAME, check_groups};
use super::consumers::{durable, parse, subject_of};
use super::streams::json_object;
use crate::bridge::dialect;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::bare_name;
use crate::bridge::task::block;
use crate::client::Argument;
use crate::engine::Level;
use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::jetstream_streams::{STREAM_CONFIG_MARKS, STREAM_OPTIONS_3, is_whole_config};
use crate::rules::option::{Kind, Name, named};
use crate::tcl::{Obj, Reply};

/// `add_stream stream ?-option value ...?`: creates, and never updates.
pub(super) fn add_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let config = stream_config(js, call)?;
    let body = under(&name, config.body(true)?);
    open_or_error(js)?;
    config.known_to_server(js)?;
    request(js, call, format!("STREAM.CREATE.{name}"), Json::Object(body).to_string(), Shape::Dict)
}

/// `update_stream stream ?-option value ...?`: what the call does not name stays.
pub(super) fn update_stream(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let config = stream_config(js, call)?;
    let change = under(&name, config.body(false)?);
    open_or_error(js)?;
    config.known_to_server(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move { Ok(dict_of(js.api.update_stream(&name, change).await?)) })
}

/// Options whose value must not be empty where it is a list or a dict.
const FILLED: &[(Name, Kind)] =
    &[(named(STREAM_OPTIONS_3, "subjects"), Kind::List), (named(STREAM_OPTIONS_3, "metadata"), Kind::Dict)];

/// The options of a stream as the dialect reads them.
fn stream_config(js: &JetStream, call: &Invocation) -> Result<ConfigOptions> {
    let (words, dialect) = (&call.args[1..], dialect::of(call.interp));
    if !dialect.leaves_out_unknown {
        return ConfigOptions::parse(call.interp, dialect.stream_options, STREAM_CONFIG_MARKS, words);
    }
    let names: Vec<String> = words.iter().step_by(2).map(|word| bare_name(&word.as_text()).to_string()).collect();
    let whole = is_whole_config(STREAM_CONFIG_MARKS, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut known = Vec::new();
    for (name, pair) in names.iter().zip(words.chunks(2)) {
        if pair.len() == 1 || dialect.stream_options.iter().any(|opt| opt.name == name) {
            known.extend_from_slice(pair);
        } else if !whole {
            js.connection.log(Level::Warn, || format!("Unknown option {name} of a stream is left out"));
        }
    }
    let config = ConfigOptions::parse(call.interp, dialect.stream_options, STREAM_CONFIG_MARKS, &known)?;
    match FILLED.iter().find(|(name, _)| config.has(*name) && !config.has_content(*name)) {
        Some((name, kind)) => {
            Err(Argument::Value(BadValue { name: name.as_str().to_string(), kind: *kind, value: String::new() }).into())
        }
        None => Ok(config),
    }
}

/// The configuration with the name given as an argument, which wins over one among the options.
fn under(name: &str, fields: Map<String, Json>) -> Map<String, Json> {
    let mut map = Map::new();
    map.insert("name".into(), name.into());
    map.extend(fields.into_iter().filter(|(field, _)| field != "name"));
    map
}

/// `add_stream_from_json json_config`: creates, and never updates.
pub(super) fn add_stream_from_json(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let text = call.args[0].to_text();
    let name = json_object(&text)?.get("name").and_then(Json::as_str).unwrap_or_default().to_string();
    let name = stream_name(&Obj::text(&name))?;
    request(js, call, format!("STREAM.CREATE.{name}"), text, Shape::Raw)
}

/// `add_consumer stream ?-option value ...?`: creates, and never updates where the server can tell.
pub(super) fn add_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    write_consumer(js, call, &stream, &named_once(call)?, "create")
}

/// `update_consumer stream ?-option value ...?`
pub(super) fn update_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    write_consumer(js, call, &stream, &named_once(call)?, "update")
}

/// `add_pull_consumer stream consumer ?args?`
pub(super) fn add_pull_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let mut config = parse(call, &call.args[2..])?;
    durable(&mut config, &call.args[1])?;
    write_consumer(js, call, &stream, &config, "create")
}

/// `add_push_consumer stream consumer deliver_subject ?args?`
pub(super) fn add_push_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let mut config = parse(call, &call.args[3..])?;
    durable(&mut config, &call.args[1])?;
    let subject = call.args[2].to_text();
    if subject.is_empty() {
        let bad = BadValue { name: DELIVER_SUBJECT.as_str().into(), kind: Kind::NonEmpty, value: subject };
        return Err(Argument::Value(bad).into());
    }
    config.options.set_text(DELIVER_SUBJECT, &subject);
    write_consumer(js, call, &stream, &config, "create")
}

/// The options of a consumer that has at most one name.
fn named_once(call: &Invocation) -> Result<ConfigOptions> {
    let config = parse(call, &call.args[1..])?;
    let (name, durable) = (config.options.given_text(NAME), config.options.given_text(DURABLE_NAME));
    // The server's configuration of a durable consumer has both, and they are the same.
    if name.is_some() && durable.is_some() && !(config.is_whole() && name == durable) {
        return Err(Argument::Conflict(NAME, DURABLE_NAME).into());
    }
    Ok(config)
}

fn write_consumer(js: &Rc<JetStream>, call: &Invocation, stream: &str, config: &ConfigOptions, action: &str) -> Result<Reply> {
    let (rest, body) = consumer_request(js, stream, config, action)?;
    open_or_error(js)?;
    config.known_to_server(js)?;
    check_groups(config)?;
    request(js, call, rest, body, Shape::Dict)
}

/// Subject and body of a request for a consumer.
fn consumer_request(js: &JetStream, stream: &str, config: &ConfigOptions, action: &str) -> Result<(String, String)> {
    let rest = subject_of(js, stream, config)?;
    Ok((rest, js.api.consumer_request(stream, config.body(true)?, Some(action))))
}
