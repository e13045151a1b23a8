//! `nats::object_store`: the table of its methods (NATS ADR-20).

pub(super) mod buckets;
mod changes;
mod entries;
mod file;
mod get;
mod info;
mod open;
mod put;
mod reader;
mod state;
mod watch;
mod watches;
mod writer;

use crate::bridge::birth;
use crate::bridge::method::{ANY, Method, constructor, row};
use crate::rules::object_options::{
    GET_OPTIONS, INFO_OPTIONS, LINK_OPTIONS, LIST_OPTIONS, META_OPTIONS, OPEN_OPTIONS, PUT_OPTIONS, WATCH_OPTIONS,
};
use crate::tcl::Class;
use state::ObjectStore;

/// The class.
pub(crate) static CLASS: Class<Method<ObjectStore>> = Class {
    name: state::CLASS_NAME,
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by methods of the JetStream object such as object_store. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        row(
            "put",
            "name data ?-option value ...?",
            (2, 2),
            PUT_OPTIONS,
            "Stores bytes under a name, replacing what was there; the info. Errors: `ErrInvalidArg`, `BucketNotFound`, `WrongLastSequence`, `ErrJSResponse`, `ErrTimeout`.",
            put::put,
        ),
        row(
            "put_file",
            "name path ?-option value ...?",
            (2, 2),
            PUT_OPTIONS,
            "Like `put`, for a file, which is read piece by piece; the path is not sent.",
            put::put_file,
        ),
        row(
            "put_channel",
            "name channel ?-option value ...?",
            (2, 2),
            PUT_OPTIONS,
            "Like `put`, for what a channel delivers until its end, read in its own translation and encoding; it stays open.",
            put::put_channel,
        ),
        row(
            "open",
            "name ?mode? ?-option value ...?",
            (1, 2),
            OPEN_OPTIONS,
            "A channel that reads an object (mode `r`, the default) or writes one (`w`). Errors: `ErrInvalidArg`, those of `get` and `put`.",
            open::open,
        ),
        row(
            "get",
            "name ?-option value ...?",
            (1, 1),
            GET_OPTIONS,
            "The bytes; with `-channel` and `-file` the info. Links are followed. Errors: `ObjectNotFound`, `ObjectCorrupt`, `BadObjectMeta`, `LinkIsBucket`, `BucketNotFound`, `ErrTimeout`.",
            get::get,
        ),
        row(
            "info",
            "name ?-deleted bool?",
            (1, 1),
            INFO_OPTIONS,
            "The info of an object; links are not followed. Errors: `ObjectNotFound`, `BadObjectMeta`, `BucketNotFound`.",
            entries::info,
        ),
        row(
            "exists",
            "name",
            (1, 1),
            &[],
            "Whether the object exists and is not deleted. Errors: `BucketNotFound`.",
            entries::exists,
        ),
        row(
            "delete",
            "name",
            (1, 1),
            &[],
            "Deletes an object, or a link but not its target; empty result. Deleting a deleted object is no error. Errors: `ObjectNotFound`, `BucketNotFound`.",
            entries::delete,
        ),
        row(
            "list",
            "?-deleted bool? ?-pattern glob?",
            (0, 0),
            LIST_OPTIONS,
            "List of infos in the order of their revisions; an empty list if there is none. Errors: `BucketNotFound`, `ErrTimeout`.",
            entries::list,
        ),
        row(
            "update_meta",
            "name ?-option value ...?",
            (1, 1),
            META_OPTIONS,
            "Changes the description of an object, including its name; the content stays. The info. Errors: `ObjectNotFound`, `ObjectExists`, `BucketNotFound`.",
            changes::update_meta,
        ),
        row(
            "link",
            "name target ?-bucket bucket?",
            (2, 2),
            LINK_OPTIONS,
            "Makes a name for another object; the info of the link. Errors: `ObjectNotFound`, `ObjectExists`, `LinkToLink`, `BucketNotFound`.",
            changes::link,
        ),
        row(
            "link_bucket",
            "name bucket",
            (2, 2),
            &[],
            "Makes a name for a whole bucket; the info of the link. Errors: `ObjectExists`, `BucketNotFound`.",
            changes::link_bucket,
        ),
        row(
            "seal",
            "",
            (0, 0),
            &[],
            "Makes the bucket read-only for ever; empty result. Every write then raises `ErrJSResponse`. Errors: `BucketNotFound`.",
            changes::seal,
        ),
        row(
            "watch",
            "-callback cmdPrefix ?-option value ...?",
            (0, 0),
            WATCH_OPTIONS,
            "Watch ID; the callback gets a status (empty, end_of_initial_data, error, ok) and an info or a text. Errors: `ErrInvalidArg`, `BucketNotFound`.",
            watches::watch,
        ),
        row(
            "unwatch",
            "watchID",
            (1, 1),
            &[],
            "Ends a watch; empty result. Errors: `ErrInvalidArg` (unknown ID).",
            watches::unwatch,
        ),
        row(
            "status",
            "",
            (0, 0),
            &[],
            "Dict `bucket description ttl storage num_replicas sealed size objects compression metadata backing_store stream_config stream_state`. Errors: `BucketNotFound`.",
            buckets::status,
        ),
    ]],
};
