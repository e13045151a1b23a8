//! `nats::key_value`: the table of its methods (NATS ADR-8).

mod buckets;
mod entries;
mod entry;
mod history;
mod many;
mod reading;
mod state;
mod watch;
mod watches;

use crate::bridge::method::{ANY, Method, constructor, raw, row};
use crate::rules::jetstream_streams::KEY_VALUE_OPTIONS;
use crate::rules::kv::{
    COUNT_OPTIONS, DEL_OPTIONS, ENTRIES_OPTIONS, GET_OPTIONS, HISTORY_OPTIONS, KEYS_OPTIONS, MGET_OPTIONS, MPUT_OPTIONS,
    PURGE_DELETES_OPTIONS, PURGE_OPTIONS, STORE_OPTIONS, WATCH_OPTIONS, WRITE_OPTIONS,
};
use crate::rules::kv_bucket::{ADD_OPTIONS, UPDATE_OPTIONS};
use crate::tcl::Class;
use state::{KeyValue, construct};

/// The class.
pub(crate) static CLASS: Class<Method<KeyValue>> = Class {
    name: "::nats::key_value",
    constructor: constructor(
        "jet_stream ?-option value ...?",
        (1, 1),
        KEY_VALUE_OPTIONS,
        "Made by the JetStream object's method key_value.",
        construct,
    ),
    methods: &[&[
        row(
            "get",
            "bucket key ?-revision n?",
            (2, 2),
            GET_OPTIONS,
            "The latest entry of the key, or with `-revision` (count) that one. Errors: `KeyNotFound` (no such key, a revision of another key, deleted or purged), `BucketNotFound`.",
            entries::get,
        ),
        row(
            "put",
            "bucket key value ?-option value ...?",
            (3, 3),
            STORE_OPTIONS,
            "Sets the value; the new revision.",
            entries::put,
        ),
        row(
            "create",
            "bucket key value ?-option value ...?",
            (3, 3),
            STORE_OPTIONS,
            "The new revision, if the key is absent or deleted. Errors: WrongLastSequence, BucketNotFound, KvReadOnly.",
            entries::create,
        ),
        row(
            "update",
            "bucket key revision value ?-option value ...?",
            (4, 4),
            STORE_OPTIONS,
            "Sets the value if `revision` is still the latest of the key; the new revision. Otherwise `WrongLastSequence`: read again, and try again.",
            entries::update,
        ),
        raw(
            "del",
            "bucket ?key? ?-option value ...?",
            (1, ANY),
            DEL_OPTIONS,
            "Deletes the key and keeps its history; an empty result. Without a key: deletes the bucket.",
            entries::del,
        ),
        row(
            "purge",
            "bucket key ?-option value ...?",
            (2, 2),
            PURGE_OPTIONS,
            "Deletes the key with its history; the acknowledgement as a dict.",
            entries::purge,
        ),
        row(
            "revert",
            "bucket key revision ?-check_bucket bool?",
            (3, 3),
            WRITE_OPTIONS,
            "Sets the value that the key had in that revision; the new revision. Further error: `KeyNotFound`.",
            entries::revert,
        ),
        row(
            "history",
            "bucket ?key? ?-timeout ms? ?-check_bucket bool?",
            (1, 2),
            HISTORY_OPTIONS,
            "List of entries, oldest first, with delta: how many are still to come. Errors: ErrTimeout, BucketNotFound.",
            history::history,
        ),
        row(
            "keys",
            "bucket ?-option value ...?",
            (1, 1),
            KEYS_OPTIONS,
            "List of the keys that have a value, each once, in the order of their last change; the last operation seen on a key counts. Errors: `BucketNotFound`, `ErrTimeout`.",
            history::keys,
        ),
        row(
            "mget",
            "bucket keys ?-option value ...?",
            (2, 2),
            MGET_OPTIONS,
            "Dict of key to value, of the keys that have one; wildcards allowed. Errors: BucketNotFound, ErrInvalidArg.",
            many::mget,
        ),
        row(
            "entries",
            "bucket ?keys? ?-option value ...?",
            (1, 2),
            ENTRIES_OPTIONS,
            "List of the latest entries of the keys that have a value, in the order of their revisions. Errors: BucketNotFound.",
            many::entries,
        ),
        row(
            "mput",
            "bucket dict ?-option value ...?",
            (2, 2),
            MPUT_OPTIONS,
            "Sets many values; dict of key to the new revision. Errors: KvPartial, BucketNotFound, KvReadOnly.",
            many::mput,
        ),
        row(
            "count",
            "bucket ?pattern? ?-option value ...?",
            (1, 2),
            COUNT_OPTIONS,
            "Number of keys, those that are deleted included. Errors: BucketNotFound.",
            history::count,
        ),
        row(
            "watch",
            "bucket ?keys? -callback cmdPrefix ?-option value ...?",
            (1, 2),
            WATCH_OPTIONS,
            "Watch ID; the callback gets a status (empty, end_of_initial_data, error, ok) and an entry or a text. Errors: ErrInvalidArg, BucketNotFound.",
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
            "add",
            "bucket ?-option value ...?",
            (1, 1),
            ADD_OPTIONS,
            "Creates a bucket; the response as a dict. Errors: ErrInvalidArg, ErrJSResponse, KvReadOnly.",
            buckets::add,
        ),
        row(
            "update_bucket",
            "bucket ?-option value ...?",
            (1, 1),
            UPDATE_OPTIONS,
            "Changes a bucket: what is not given stays; the response as a dict. Errors: BucketNotFound, ErrInvalidArg, ErrJSResponse, KvReadOnly.",
            buckets::update,
        ),
        row(
            "purge_deletes",
            "bucket ?-option value ...?",
            (1, 1),
            PURGE_DELETES_OPTIONS,
            "Removes deleted keys from the stream; their number. Errors: BucketNotFound, ErrTimeout, KvReadOnly.",
            history::purge_deletes,
        ),
        row("info", "bucket", (1, 1), &[], "Dict. Errors: BucketNotFound.", buckets::info),
        row("ls", "", (0, 0), &[], "List of all buckets.", buckets::ls),
    ]],
};
