//! Methods of `nats::jet_stream` in dialect 2 only.

use std::rc::Rc;

use super::api::JetStream;
use super::{consume, consumers, publish, streams, update};
use crate::bridge::errors::Result;
use crate::bridge::method::{ANY, Invocation, Method, raw, row};
use crate::classes::ordered_consumer::ordered_consumer;
use crate::client::Fault;
use crate::rules::jetstream_consumers::CONSUMER_OPTIONS;
use crate::rules::jetstream_streams::{KEY_VALUE_OPTIONS, MSG_DELETE_OPTIONS, STREAM_OPTIONS};
use crate::rules::ordered_options::ORDERED_OPTIONS;
use crate::rules::pull::CONSUME_OPTIONS;
use crate::tcl::{Reply, class};

/// The rows.
pub(super) const METHODS: &[Method<JetStream>] = &[
    row(
        "consume",
        "stream consumer ?-option value ...?",
        (2, 2),
        CONSUME_OPTIONS,
        "List of message dicts, or with -callback a request ID. Errors: ErrTimeout, ErrNoResponders, ErrConnectionClosed, ErrInvalidArg.",
        consume::consume,
    ),
    row(
        "fetch",
        "stream consumer ?-option value ...?",
        (2, 2),
        CONSUME_OPTIONS,
        "As consume, by its newer name.",
        consume::consume,
    ),
    row(
        "cancel_pull_request",
        "reqID",
        (1, 1),
        &[],
        "Ends an asynchronous pull; empty result. Errors: ErrInvalidArg.",
        consume::cancel_pull_request,
    ),
    row(
        "metadata",
        "message",
        (1, 1),
        &[],
        "Dict `stream consumer num_delivered stream_seq consumer_seq timestamp num_pending ?domain?`, read from the reply subject; `timestamp` in ms since the epoch. Errors: `ErrNotJSMessage`.",
        publish::metadata_of,
    ),
    raw(
        "add_stream",
        "stream ?-option value ...?",
        (1, ANY),
        STREAM_OPTIONS,
        "Creates or updates a stream; the response dict. Errors: ErrInvalidArg, ErrJSResponse.",
        streams::add_stream,
    ),
    raw(
        "update_stream",
        "stream ?-option value ...?",
        (1, ANY),
        STREAM_OPTIONS,
        "Changes a stream: what the call does not name stays; the response dict. Errors: ErrInvalidArg, ErrJSResponse.",
        update::update_stream,
    ),
    row(
        "add_stream_from_json",
        "json_config",
        (1, 1),
        &[],
        "Creates or updates a stream; the response JSON. Errors: ErrInvalidArg, ErrJSResponse.",
        streams::add_stream_from_json,
    ),
    row(
        "stream_msg_delete",
        "stream -seq sequence ?-no_erase no_erase?",
        (1, 1),
        MSG_DELETE_OPTIONS,
        "true. Errors: ErrInvalidArg, ErrJSResponse.",
        streams::stream_msg_delete,
    ),
    raw(
        "add_consumer",
        "stream ?-option value ...?",
        (1, ANY),
        CONSUMER_OPTIONS,
        "Creates or updates a consumer; the response dict. Errors: ErrInvalidArg, ErrJSResponse.",
        consumers::add_consumer,
    ),
    raw(
        "add_pull_consumer",
        "stream consumer ?-option value ...?",
        (2, ANY),
        CONSUMER_OPTIONS,
        "A durable pull consumer. Options as above; the name in the arguments wins.",
        consumers::add_pull_consumer,
    ),
    raw(
        "add_push_consumer",
        "stream consumer deliver_subject ?-option value ...?",
        (3, ANY),
        CONSUMER_OPTIONS,
        "A durable push consumer. Options as above.",
        consumers::add_push_consumer,
    ),
    row(
        "ordered_consumer",
        "stream ?-option value ...?",
        (1, 1),
        ORDERED_OPTIONS,
        "A new nats::ordered_consumer object. Errors: ErrInvalidArg, ErrJSResponse, ErrNotSupported, ErrTimeout.",
        ordered_consumer,
    ),
    raw(
        "key_value",
        "?-option value ...?",
        (0, ANY),
        KEY_VALUE_OPTIONS,
        "A new nats::key_value object. Errors: ErrInvalidArg, ErrBadTimeout.",
        key_value,
    ),
];

fn key_value(_js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let Some(object) = call.call.object() else { return Err(Fault::Closed.into()) };
    let mut words = vec![object.name(call.interp)];
    words.extend_from_slice(call.args);
    Ok(class::make(call.interp, "::nats::key_value", &words)?.into())
}
