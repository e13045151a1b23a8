//! Methods of `nats::jet_stream` for the buckets of object stores, the same in both dialects.

use super::api::JetStream;
use crate::bridge::method::{Method, row};
use crate::classes::object_store::buckets::{
    create_object_store, delete_object_store, object_store, object_stores, update_object_store,
};
use crate::rules::object_options::{BIND_OPTIONS, BUCKET_OPTIONS};

/// The rows.
pub(super) const METHODS: &[Method<JetStream>] = &[
    row(
        "object_store",
        "bucket ?-timeout ms?",
        (1, 1),
        BIND_OPTIONS,
        "A `nats::object_store` object for a bucket that exists. Errors: `BucketNotFound`.",
        object_store,
    ),
    row(
        "create_object_store",
        "bucket ?-option value ...?",
        (1, 1),
        BUCKET_OPTIONS,
        "Creates a bucket for objects; its `nats::object_store` object. A bucket that exists with another configuration is `ErrJSResponse`. Errors: `ErrInvalidArg`, `ErrNotSupported`.",
        create_object_store,
    ),
    row(
        "update_object_store",
        "bucket ?-option value ...?",
        (1, 1),
        BUCKET_OPTIONS,
        "Changes a bucket: what the call does not name stays; its status. Errors: `BucketNotFound`, `ErrInvalidArg`, `ErrJSResponse`.",
        update_object_store,
    ),
    row(
        "delete_object_store",
        "bucket",
        (1, 1),
        &[],
        "Deletes a bucket with its objects; `true`. Errors: `BucketNotFound`.",
        delete_object_store,
    ),
    row("object_stores", "", (0, 0), &[], "List of the names of all buckets for objects.", object_stores),
];
