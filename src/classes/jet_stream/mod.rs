//! `nats::jet_stream`: the table of its methods.

pub mod api;
mod config;
mod consume;
pub mod consumers;
mod publish;
pub mod streams;

use std::rc::Rc;

use crate::bridge::errors::Result;
use crate::bridge::method::{ANY, Invocation, Method, constructor, raw, row};
use crate::client::Fault;
use crate::rules::jetstream_consumers::{CONSUME_OPTIONS, CONSUMER_OPTIONS, NAK_OPTIONS, PUBLISH_OPTIONS};
use crate::rules::jetstream_streams::{
    JET_STREAM_OPTIONS, KEY_VALUE_OPTIONS, MSG_DELETE_OPTIONS, MSG_GET_OPTIONS, PURGE_OPTIONS, STREAM_NAMES_OPTIONS,
    STREAM_OPTIONS,
};
use crate::tcl::{Class, Reply, class};
use api::JetStream;

/// The class.
pub static CLASS: Class<Method<JetStream>> = Class {
    name: "::nats::jet_stream",
    constructor: constructor(
        "connection ?-timeout ms? ?-domain domain?",
        (1, 1),
        JET_STREAM_OPTIONS,
        "Made by the connection's method jet_stream.",
        api::construct,
    ),
    methods: &[
        row(
            "publish",
            "subject message ?-option value ...?",
            (2, 2),
            PUBLISH_OPTIONS,
            "The pubAck dict, or with -callback a request ID. Errors: ErrNoResponders, ErrJSResponse, ErrTimeout and those of the connection's publish.",
            publish::publish,
        ),
        row(
            "publish_msg",
            "message ?-option value ...?",
            (1, 1),
            PUBLISH_OPTIONS,
            "As publish, of a message made by nats::msg.",
            publish::publish_msg,
        ),
        row(
            "consume",
            "stream consumer ?-option value ...?",
            (2, 2),
            CONSUME_OPTIONS,
            "List of message dicts, or with -callback a request ID. Errors: ErrTimeout, ErrNoResponders, ErrConnectionClosed, ErrInvalidArg.",
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
            "ack",
            "message",
            (1, 1),
            &[],
            "Positive acknowledgement; empty result at once. Errors: ErrNotJSMessage.",
            publish::ack,
        ),
        row(
            "ack_sync",
            "message",
            (1, 1),
            &[],
            "Positive acknowledgement, confirmed; empty result. Errors: ErrNotJSMessage, ErrTimeout.",
            publish::ack_sync,
        ),
        row(
            "nak",
            "message ?-delay ms?",
            (1, 1),
            NAK_OPTIONS,
            "Asks for redelivery; empty result. Errors: ErrNotJSMessage.",
            publish::nak,
        ),
        row(
            "in_progress",
            "message",
            (1, 1),
            &[],
            "Resets the redelivery timer; empty result. Errors: ErrNotJSMessage.",
            publish::in_progress,
        ),
        row("term", "message", (1, 1), &[], "No redelivery; empty result. Errors: ErrNotJSMessage.", publish::term),
        row(
            "metadata",
            "message",
            (1, 1),
            &[],
            "Dict from the reply subject (ADR-15). Errors: ErrNotJSMessage.",
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
        row(
            "add_stream_from_json",
            "json_config",
            (1, 1),
            &[],
            "Creates or updates a stream; the response JSON. Errors: ErrInvalidArg, ErrJSResponse.",
            streams::add_stream_from_json,
        ),
        row("delete_stream", "stream", (1, 1), &[], "true. Errors: ErrJSResponse.", streams::delete_stream),
        row(
            "purge_stream",
            "stream ?-option value ...?",
            (1, 1),
            PURGE_OPTIONS,
            "Number of messages removed. Errors: ErrJSResponse.",
            streams::purge_stream,
        ),
        row("stream_info", "stream", (1, 1), &[], "Dict. Errors: ErrJSResponse.", streams::stream_info),
        row(
            "stream_names",
            "?-subject subject?",
            (0, 0),
            STREAM_NAMES_OPTIONS,
            "List of all names, however many.",
            streams::stream_names,
        ),
        row(
            "stream_msg_get",
            "stream ?-option value ...?",
            (1, 1),
            MSG_GET_OPTIONS,
            "Message dict with seq and time. Errors: ErrJSResponse.",
            streams::stream_msg_get,
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
            "As add_consumer, durable.",
            consumers::add_pull_consumer,
        ),
        raw(
            "add_push_consumer",
            "stream consumer deliver_subject ?-option value ...?",
            (3, ANY),
            CONSUMER_OPTIONS,
            "As add_consumer, durable, delivering to a subject.",
            consumers::add_push_consumer,
        ),
        row(
            "add_consumer_from_json",
            "stream consumer json_config",
            (3, 3),
            &[],
            "The response JSON. Errors: ErrInvalidArg, ErrJSResponse.",
            consumers::add_consumer_from_json,
        ),
        row("delete_consumer", "stream consumer", (2, 2), &[], "true. Errors: ErrJSResponse.", consumers::delete_consumer),
        row("consumer_info", "stream consumer", (2, 2), &[], "Dict. Errors: ErrJSResponse.", consumers::consumer_info),
        row("consumer_names", "stream", (1, 1), &[], "List of all names, however many.", consumers::consumer_names),
        raw(
            "key_value",
            "?-option value ...?",
            (0, ANY),
            KEY_VALUE_OPTIONS,
            "A new nats::key_value object. Errors: ErrInvalidArg, ErrBadTimeout.",
            key_value,
        ),
    ],
};

fn key_value(_js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let Some(object) = call.call.object() else { return Err(Fault::Closed.into()) };
    let mut words = vec![object.name(call.interp)];
    words.extend_from_slice(call.args);
    Ok(class::make(call.interp, "::nats::key_value", &words)?.into())
}
