//! `nats::jet_stream`: the table of its methods, those of both dialects.

mod account;
pub(crate) mod api;
mod batch;
mod config;
mod consume;
pub(crate) mod consumers;
mod counters;
mod direct;
mod fetch;
mod fetches;
mod manage;
mod object_stores;
pub(crate) mod publish;
mod pull;
mod schedules;
mod stored;
pub(crate) mod streams;
mod table2;
mod table3;
mod update;

use crate::bridge::method::{ANY, Method, constructor, raw, row};
use crate::classes::batch::{self as atomic, publish_batch};
use crate::classes::fast_publisher::fast_publisher;
use crate::classes::messages::messages;
use crate::classes::publisher::publisher;
use crate::rules::direct::{BATCH_OPTIONS, LAST_OPTIONS};
use crate::rules::jetstream_consumers::{CONSUMER_OPTIONS, NAK_OPTIONS};
use crate::rules::jetstream_streams::{JET_STREAM_OPTIONS, MSG_GET_OPTIONS, PURGE_OPTIONS, STREAM_NAMES_OPTIONS};
use crate::rules::messages::MESSAGES_OPTIONS;
use crate::rules::publishing::{
    BATCH_OPTIONS as ATOMIC_OPTIONS, FAST_OPTIONS, PUBLISH_BATCH_OPTIONS, PUBLISH_OPTIONS, PUBLISHER_OPTIONS,
};
use crate::rules::pull::NEXT_OPTIONS;
use crate::tcl::Class;
use api::JetStream;

const NEW: Method<JetStream> = constructor(
    "connection ?-option value ...?",
    (1, 1),
    JET_STREAM_OPTIONS,
    "Made by the connection's method jet_stream.",
    api::construct,
);

/// The class in dialect 2.
pub(crate) static CLASS_2: Class<Method<JetStream>> = Class {
    name: "::nats::jet_stream",
    constructor: NEW,
    methods: &[SHARED, manage::METHODS, counters::METHODS, schedules::METHODS, object_stores::METHODS, table2::METHODS],
};

/// The class in dialect 3.
pub(crate) static CLASS_3: Class<Method<JetStream>> = Class {
    name: "::nats::jet_stream",
    constructor: NEW,
    methods: &[SHARED, manage::METHODS, counters::METHODS, schedules::METHODS, object_stores::METHODS, table3::METHODS],
};

/// Methods that are the same in both.
const SHARED: &[Method<JetStream>] = &[
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
        "Like `publish`, for a message made with `nats::msg create`, which can have headers.",
        publish::publish_msg,
    ),
    row(
        "publish_batch",
        "messages ?-timeout ms?",
        (1, 1),
        PUBLISH_BATCH_OPTIONS,
        "Publishes a list of up to 1000 messages of which the stream stores all or none; the pubAck dict `stream seq batch count`. Level 2. Errors: ErrInvalidArg, ErrNotSupported, ErrNoResponders, ErrJSResponse, ErrConnectionClosed, ErrTimeout.",
        publish_batch,
    ),
    row(
        "batch",
        "?-ack_every n?",
        (0, 0),
        ATOMIC_OPTIONS,
        "A new nats::batch object. Level 2. Errors: ErrInvalidArg.",
        atomic::batch,
    ),
    row(
        "publisher",
        "?-option value ...?",
        (0, 0),
        PUBLISHER_OPTIONS,
        "A new nats::publisher object. Errors: ErrInvalidArg, ErrBadTimeout.",
        publisher,
    ),
    row(
        "fast_publisher",
        "?-option value ...?",
        (0, 0),
        FAST_OPTIONS,
        "A new nats::fast_publisher object. Level 4. Errors: ErrInvalidArg, ErrBadTimeout.",
        fast_publisher,
    ),
    row("ack", "message", (1, 1), &[], "Positive acknowledgement: the message has been processed.", publish::ack),
    row(
        "ack_sync",
        "message",
        (1, 1),
        &[],
        "Positive acknowledgement, confirmed by the server: returns an empty result when it is. Recommended. Further error: `ErrTimeout`.",
        publish::ack_sync,
    ),
    row(
        "nak",
        "message ?-delay ms?",
        (1, 1),
        NAK_OPTIONS,
        "Not done: deliver the message again, now or after the delay in ms; a bad delay is `ErrBadTimeout`.",
        publish::nak,
    ),
    row("in_progress", "message", (1, 1), &[], "Still being processed: the redelivery timer starts again.", publish::in_progress),
    row(
        "term",
        "message ?reason?",
        (1, 2),
        &[],
        "Never deliver again. The server includes the reason in its advisory (*new*; servers from 2.10.4).",
        publish::term,
    ),
    row(
        "next",
        "stream consumer ?-timeout ms?",
        (2, 2),
        NEXT_OPTIONS,
        "The next message of a pull consumer as a dict. Errors: `ErrTimeout` if none came, `ErrJSResponse` and those of `consumer_info` if the consumer does not exist or ends the pull, `ErrConnectionClosed`, `ErrInvalidArg`, `ErrBadTimeout`.",
        pull::next,
    ),
    row(
        "messages",
        "stream consumer ?-option value ...?",
        (2, 2),
        MESSAGES_OPTIONS,
        "A new nats::messages object. Errors: ErrInvalidArg, ErrBadTimeout, ErrJSResponse, ErrNotSupported.",
        messages,
    ),
    row("delete_stream", "stream", (1, 1), &[], "`true`. Errors: `ErrJSResponse`.", streams::delete_stream),
    row(
        "purge_stream",
        "stream ?-option value ...?",
        (1, 1),
        PURGE_OPTIONS,
        "Number of messages removed. Errors: ErrJSResponse.",
        streams::purge_stream,
    ),
    row(
        "stream_names",
        "?-subject subject?",
        (0, 0),
        STREAM_NAMES_OPTIONS,
        "List of all streams, or of those that store the subject.",
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
        "add_consumer_from_json",
        "stream consumer json_config",
        (3, 3),
        &[],
        "Creates or updates a consumer. The JSON, the `config` object that `nats consumer info STREAM CONSUMER --json` prints, is sent as it is; the server's JSON is returned unchanged. Errors: `ErrInvalidArg` (not a JSON object), `ErrJSResponse`.",
        consumers::add_consumer_from_json,
    ),
    row("delete_consumer", "stream consumer", (2, 2), &[], "`true`. Errors: `ErrJSResponse`.", consumers::delete_consumer),
    row(
        "consumer_info",
        "stream consumer",
        (2, 2),
        &[],
        "Information as a dict. Errors: `ErrJSResponse`.",
        consumers::consumer_info,
    ),
    row("consumer_names", "stream", (1, 1), &[], "List of all consumers of the stream.", consumers::consumer_names),
    raw(
        "update_consumer",
        "stream ?-option value ...?",
        (1, ANY),
        CONSUMER_OPTIONS,
        "Replaces the configuration of a consumer; the response dict. Errors: ErrInvalidArg, ErrJSResponse.",
        update::update_consumer,
    ),
    row(
        "stream_direct_get",
        "stream ?-option value ...?",
        (1, 1),
        MSG_GET_OPTIONS,
        "Message dict with seq and time, from any server with a copy. Errors: ErrJSResponse, ErrNoResponders, ErrInvalidArg.",
        direct::stream_direct_get,
    ),
    row(
        "stream_get_batch",
        "stream ?-option value ...?",
        (1, 1),
        BATCH_OPTIONS,
        "List of message dicts with seq and time, or with -callback empty. Errors: ErrNotSupported, ErrInvalidArg.",
        batch::stream_get_batch,
    ),
    row(
        "stream_get_last",
        "stream subjects ?-option value ...?",
        (2, 2),
        LAST_OPTIONS,
        "List of the last message of each subject, in their order in the stream. Errors: ErrNotSupported, ErrInvalidArg.",
        batch::stream_get_last,
    ),
    row(
        "account_info",
        "",
        (0, 0),
        &[],
        "Dict of the account's usage and limits: `memory storage streams consumers limits api ...`, numbers as the server gives them.",
        account::account_info,
    ),
    row(
        "api_level",
        "",
        (0, 0),
        &[],
        "The API level of the JetStream in use: 1 for servers from 2.11, 2 from 2.12, 4 from 2.14, 0 for older ones (NATS ADR-44).",
        account::api_level,
    ),
    row(
        "api_prefix",
        "",
        (0, 0),
        &[],
        "The prefix of the subjects of the object's requests: `$JS.API`, `$JS.<domain>.API`, or what `-api_prefix` said.",
        account::api_prefix,
    ),
    row("timeout", "", (0, 0), &[], "The timeout of the object's requests in ms.", account::timeout),
];
