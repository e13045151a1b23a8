//! `nats::key_value` of dialect 3: one object is one bucket (NATS ADR-8).

pub(super) mod buckets;
mod entries;
mod gather;
mod many;

use crate::bridge::birth;
use crate::bridge::method::{ANY, Method, constructor, row};
use crate::classes::bucket_state::{self, Bucket};
use crate::classes::kv_watcher;
use crate::rules::kv::MANY_OPTIONS;
use crate::rules::kv3_options::{
    COUNT_OPTIONS, ENTRIES_OPTIONS, GET_OPTIONS, KEYS_OPTIONS, MPUT_OPTIONS, PURGE_DELETES_OPTIONS, PURGE_OPTIONS, STORE_OPTIONS,
    WATCH_OPTIONS,
};
use crate::tcl::Class;

/// The class.
pub(super) static CLASS: Class<Method<Bucket>> = Class {
    name: bucket_state::CLASS_NAME,
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by methods of the JetStream object such as bind_kv_bucket. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        row(
            "get",
            "key ?-revision n?",
            (1, 1),
            GET_OPTIONS,
            "The latest entry, or that revision: dict bucket key value revision created operation. Errors: ErrKeyNotFound, ErrBucketNotFound.",
            entries::get,
        ),
        row("get_value", "key ?-revision n?", (1, 1), GET_OPTIONS, "The value of an entry. Errors as get.", entries::get_value),
        row("put", "key value ?-ttl ms?", (2, 2), STORE_OPTIONS, "The new revision. Errors: ErrBucketNotFound.", entries::put),
        row(
            "create",
            "key value ?-ttl ms?",
            (2, 2),
            STORE_OPTIONS,
            "The new revision, if the key is absent or deleted. Errors: ErrWrongLastSequence, ErrBucketNotFound.",
            entries::create,
        ),
        row(
            "update",
            "key value revision ?-ttl ms?",
            (3, 3),
            STORE_OPTIONS,
            "The new revision, if that one is the latest. Errors: ErrWrongLastSequence, ErrBucketNotFound.",
            entries::update,
        ),
        row(
            "delete",
            "key ?revision?",
            (1, 2),
            &[],
            "Deletes a key, its history kept; empty result. Errors: ErrWrongLastSequence, ErrBucketNotFound.",
            entries::delete,
        ),
        row(
            "purge",
            "key ?-option value ...?",
            (1, 1),
            PURGE_OPTIONS,
            "Deletes a key with its history; empty result. Errors: ErrBucketNotFound.",
            entries::purge,
        ),
        row(
            "revert",
            "key revision",
            (2, 2),
            &[],
            "Puts the value of that revision again; the new revision. Errors: ErrKeyNotFound, ErrBucketNotFound.",
            entries::revert,
        ),
        row(
            "status",
            "",
            (0, 0),
            &[],
            "Dict bucket bytes history ttl values is_compressed ?mirror_name? ?mirror_domain? stream_config stream_state. Errors: BucketNotFound.",
            buckets::status,
        ),
        row(
            "history",
            "key",
            (1, 1),
            &[],
            "List of entries, oldest first, with delta: how many are still to come. Errors: ErrKeyNotFound, BucketNotFound, ErrTimeout.",
            gather::history,
        ),
        row(
            "keys",
            "?-filter list?",
            (0, 0),
            KEYS_OPTIONS,
            "List of the keys that have a value. Errors: ErrKeyNotFound, BucketNotFound, ErrTimeout.",
            gather::keys,
        ),
        row(
            "mget",
            "keys ?-option value ...?",
            (1, 1),
            MANY_OPTIONS,
            "Dict of key to value, of the keys that have one; wildcards allowed. Errors: ErrBucketNotFound, ErrInvalidArg.",
            many::mget,
        ),
        row(
            "entries",
            "?keys? ?-up_to revision?",
            (0, 1),
            ENTRIES_OPTIONS,
            "List of the latest entries of the keys that have a value, in the order of their revisions. Errors: ErrBucketNotFound.",
            many::entries,
        ),
        row(
            "mput",
            "dict ?-revisions dict?",
            (1, 1),
            MPUT_OPTIONS,
            "Sets many values; dict of key to the new revision. Errors: KvPartial.",
            many::mput,
        ),
        row(
            "count",
            "?pattern? ?-exact bool?",
            (0, 1),
            COUNT_OPTIONS,
            "Number of keys, those that are deleted included. Errors: BucketNotFound.",
            gather::count,
        ),
        row(
            "purge_deletes",
            "?-older ms?",
            (0, 0),
            PURGE_DELETES_OPTIONS,
            "Removes deleted keys from the stream; their number. Errors: BucketNotFound, ErrTimeout.",
            gather::purge_deletes,
        ),
        row(
            "watch",
            "keys ?-option value ...?",
            (1, 1),
            WATCH_OPTIONS,
            "A new nats::kv_watcher object. Errors: ErrInvalidArg, BucketNotFound.",
            kv_watcher::watch,
        ),
    ]],
};
