//! Methods of `nats::jet_stream` in dialect 3 only.

use super::api::JetStream;
use super::{fetch, streams, update};
use crate::bridge::method::{ANY, Method, raw, row};
use crate::classes::bucket::buckets;
use crate::classes::ordered_consumer::ordered_consumer_3;
use crate::rules::jetstream_consumers::CONSUMER_OPTIONS;
use crate::rules::jetstream_streams::{MSG_DELETE_OPTIONS_3, STREAM_OPTIONS_3};
use crate::rules::kv_codec::CODEC_OPTIONS;
use crate::rules::kv3::{BUCKET_OPTIONS, OBJECT_OPTIONS, UPDATE_OPTIONS};
use crate::rules::ordered_options::ORDERED_OPTIONS;
use crate::rules::pull::CONSUME_OPTIONS;

/// The rows.
pub(super) const METHODS: &[Method<JetStream>] = &[
    row(
        "fetch",
        "stream consumer ?-option value ...?",
        (2, 2),
        CONSUME_OPTIONS,
        "List of message dicts, or with -callback a fetch ID. Errors: ErrTimeout, ErrStreamNotFound, ErrConsumerNotFound, ErrJetStreamNotEnabled, ErrConnectionClosed, ErrInvalidArg.",
        fetch::fetch,
    ),
    row("consume", "stream consumer ?-option value ...?", (2, 2), CONSUME_OPTIONS, "The older name of fetch.", fetch::fetch),
    row(
        "cancel_pull_request",
        "fetchID",
        (1, 1),
        &[],
        "Ends an asynchronous fetch; empty result. Errors: ErrInvalidArg.",
        fetch::cancel_pull_request,
    ),
    raw(
        "add_stream",
        "stream ?-option value ...?",
        (1, ANY),
        STREAM_OPTIONS_3,
        "Creates a stream; the response dict. Errors: ErrInvalidArg, ErrJSResponse.",
        update::add_stream,
    ),
    raw(
        "update_stream",
        "stream ?-option value ...?",
        (1, ANY),
        STREAM_OPTIONS_3,
        "Changes a stream: what the call does not name stays; the response dict. Errors: ErrInvalidArg, ErrStreamNotFound, ErrJSResponse.",
        update::update_stream,
    ),
    row(
        "add_stream_from_json",
        "json_config",
        (1, 1),
        &[],
        "Creates a stream; the response JSON. Errors: ErrInvalidArg, ErrJSResponse.",
        update::add_stream_from_json,
    ),
    row(
        "stream_msg_delete",
        "stream -seq sequence ?-no_erase no_erase?",
        (1, 1),
        MSG_DELETE_OPTIONS_3,
        "true. Errors: ErrInvalidArg, ErrStreamNotFound, ErrJSResponse.",
        streams::stream_msg_delete,
    ),
    raw(
        "add_consumer",
        "stream ?-option value ...?",
        (1, ANY),
        CONSUMER_OPTIONS,
        "Creates a consumer; the response dict. Errors: ErrInvalidArg, ErrStreamNotFound, ErrJSResponse.",
        update::add_consumer,
    ),
    raw(
        "add_pull_consumer",
        "stream consumer ?-option value ...?",
        (2, ANY),
        CONSUMER_OPTIONS,
        "A durable pull consumer. Options as above; the name in the arguments wins.",
        update::add_pull_consumer,
    ),
    raw(
        "add_push_consumer",
        "stream consumer deliver_subject ?-option value ...?",
        (3, ANY),
        CONSUMER_OPTIONS,
        "A durable push consumer. Options as above.",
        update::add_push_consumer,
    ),
    row(
        "ordered_consumer",
        "stream -callback cmdPrefix ?-option value ...?",
        (1, 1),
        ORDERED_OPTIONS,
        "A new nats::ordered_consumer object. Errors: ErrInvalidArg, ErrStreamNotFound, ErrJSResponse.",
        ordered_consumer_3,
    ),
    row(
        "bind_kv_bucket",
        "bucket ?-option value ...?",
        (1, 1),
        CODEC_OPTIONS,
        "A `nats::key_value` object for a bucket that exists. Errors: `ErrBucketNotFound`, also for a stream that keeps less than one message a subject.",
        buckets::bind_kv_bucket,
    ),
    row(
        "create_kv_bucket",
        "bucket ?-option value ...?",
        (1, 1),
        OBJECT_OPTIONS,
        "Creates a bucket; its nats::key_value object. Errors: ErrInvalidArg, ErrJSResponse.",
        buckets::create_kv_bucket,
    ),
    row(
        "update_kv_bucket",
        "bucket ?-option value ...?",
        (1, 1),
        UPDATE_OPTIONS,
        "Changes a bucket: what is not given stays; the response as a dict. Errors: `ErrBucketNotFound`, `ErrInvalidArg`, `ErrJSResponse`.",
        buckets::update_kv_bucket,
    ),
    row(
        "create_kv_aggregate",
        "bucket writable origins ?-option value ...?",
        (3, 3),
        OBJECT_OPTIONS,
        "Creates a bucket that is filled from others; its nats::key_value object. Errors: ErrInvalidArg, ErrJSResponse.",
        buckets::create_kv_aggregate,
    ),
    row(
        "create_kv_mirror",
        "name origin ?-option value ...?",
        (2, 2),
        BUCKET_OPTIONS,
        "Creates a stream that answers direct gets for another bucket; empty result. Errors: ErrInvalidArg, ErrJSResponse.",
        buckets::create_kv_mirror,
    ),
    row("delete_kv_bucket", "bucket", (1, 1), &[], "`true`. Errors: `ErrBucketNotFound`.", buckets::delete_kv_bucket),
    row("kv_buckets", "", (0, 0), &[], "List of the names of all buckets.", buckets::kv_buckets),
    row(
        "empty_kv_bucket",
        "bucket",
        (1, 1),
        &[],
        "Removes all entries; their number is the result. Revisions go on counting. Errors: `ErrBucketNotFound`.",
        buckets::empty_kv_bucket,
    ),
];
