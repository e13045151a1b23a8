//! `nats::key_value`: the table of its methods and the object's state (NATS ADR-8).

mod buckets;
mod entries;
mod entry;
mod history;
mod read;
mod watch;
mod write;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::bridge::errors::Result;
use crate::bridge::method::{Invocation, Method, constructor, row};
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::classes::ordered::Access;
use crate::client::{Argument, Fault};
use crate::rules::jetstream_streams::KEY_VALUE_OPTIONS;
use crate::rules::kv::{ADD_OPTIONS, GET_OPTIONS, HISTORY_OPTIONS, Holds, KEYS_OPTIONS, WATCH_OPTIONS, WRITE_OPTIONS};
use crate::rules::names::{is_bucket, is_key};
use crate::rules::option::{flag, named};
use crate::tcl::{Class, Instance, Obj, Object, class};
use watch::Watch;

/// The class.
pub static CLASS: Class<Method<KeyValue>> = Class {
    name: "::nats::key_value",
    constructor: constructor(
        "jet_stream ?-timeout ms? ?-check_bucket bool? ?-read_only bool?",
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
            "bucket key value ?-check_bucket bool?",
            (3, 3),
            WRITE_OPTIONS,
            "Sets the value; the new revision.",
            entries::put,
        ),
        row(
            "create",
            "bucket key value ?-check_bucket bool?",
            (3, 3),
            WRITE_OPTIONS,
            "The new revision, if the key is absent or deleted. Errors: WrongLastSequence, BucketNotFound, KvReadOnly.",
            entries::create,
        ),
        row(
            "update",
            "bucket key revision value ?-check_bucket bool?",
            (4, 4),
            WRITE_OPTIONS,
            "Sets the value if `revision` is still the latest of the key; the new revision. Otherwise `WrongLastSequence`: read again, and try again.",
            entries::update,
        ),
        row(
            "del",
            "bucket ?key? ?-check_bucket bool?",
            (1, 2),
            WRITE_OPTIONS,
            "Deletes the key and keeps its history; an empty result. Without a key: deletes the bucket.",
            entries::del,
        ),
        row(
            "purge",
            "bucket key ?-check_bucket bool?",
            (2, 2),
            WRITE_OPTIONS,
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
            "bucket ?-timeout ms?",
            (1, 1),
            KEYS_OPTIONS,
            "List of the keys that have a value, each once, in the order of their last change; the last operation seen on a key counts. Errors: `BucketNotFound`, `ErrTimeout`.",
            history::keys,
        ),
        row(
            "watch",
            "bucket ?key? -callback cmdPrefix ?-option value ...?",
            (1, 2),
            WATCH_OPTIONS,
            "Watch ID; the callback gets a status (empty, end_of_initial_data, error, ok) and an entry or a text. Errors: ErrInvalidArg, BucketNotFound.",
            watch::watch,
        ),
        row(
            "unwatch",
            "watchID",
            (1, 1),
            &[],
            "Ends a watch; empty result. Errors: `ErrInvalidArg` (unknown ID).",
            watch::unwatch,
        ),
        row(
            "add",
            "bucket ?-option value ...?",
            (1, 1),
            ADD_OPTIONS,
            "Creates a bucket; the response as a dict. Errors: ErrInvalidArg, ErrJSResponse, KvReadOnly.",
            buckets::add,
        ),
        row("info", "bucket", (1, 1), &[], "Dict. Errors: BucketNotFound.", buckets::info),
        row("ls", "", (0, 0), &[], "List of all buckets.", buckets::ls),
    ]],
};

/// State of a `nats::key_value` object.
pub struct KeyValue {
    /// The JetStream object it was made from.
    js: Rc<JetStream>,
    /// Timeout of `history` and `keys` in ms; 0 waits for ever.
    timeout: i64,
    check_bucket: bool,
    read_only: bool,
    /// Whose entries buckets held when last looked at.
    known: RefCell<HashMap<String, Holds>>,
    /// What the server refused, by bucket.
    access: RefCell<HashMap<String, Rc<Access>>>,
    /// The server wants the filters of consumers to name the bucket (up to 2.9).
    exact_filters: Cell<bool>,
    watches: RefCell<HashMap<i64, Rc<Watch>>>,
    last_watch: Cell<i64>,
    destroyed: Cell<bool>,
}

impl Instance for KeyValue {
    fn close(&self) {
        self.destroyed.set(true);
        let watches = self.watches.take();
        for watch in watches.values() {
            watch.end();
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

fn construct(call: &Invocation, object: Object) -> Result<()> {
    let js = &call.args[0];
    let state = class::instance_of::<JetStream>(call.interp, js);
    let js = state.ok_or_else(|| Argument::NotOfClass { given: js.to_text(), class: "nats::jet_stream" })?;
    let options = &call.options;
    object.set_instance(Rc::new(KeyValue {
        timeout: options.given_int(const { named(KEY_VALUE_OPTIONS, "timeout") }).unwrap_or(js.timeout),
        js,
        check_bucket: options.flag(const { flag(KEY_VALUE_OPTIONS, "check_bucket") }),
        read_only: options.flag(const { flag(KEY_VALUE_OPTIONS, "read_only") }),
        known: RefCell::default(),
        access: RefCell::default(),
        exact_filters: Cell::new(false),
        watches: RefCell::default(),
        last_watch: Cell::new(0),
        destroyed: Cell::new(false),
    }));
    Ok(())
}

impl KeyValue {
    /// Refuses a change on an object that only reads.
    fn writable(&self) -> Result<()> {
        if self.read_only { Err(Fault::ReadOnly.into()) } else { Ok(()) }
    }

    /// Whether this call is to look the bucket up.
    fn checks(&self, call: &Invocation) -> bool {
        call.options.given_flag(const { named(WRITE_OPTIONS, "check_bucket") }).unwrap_or(self.check_bucket)
    }

    /// `ErrConnectionClosed` when the connection is closed.
    fn open(&self) -> Result<()> {
        if self.destroyed.get() { Err(Fault::Closed.into()) } else { open_or_error(&self.js) }
    }
}

/// A bucket name.
///
/// # Errors
/// `ErrInvalidArg`
fn bucket_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_bucket(&name) { Ok(name) } else { Err(Argument::BucketName(name).into()) }
}

/// A key that passes `fits`.
///
/// # Errors
/// `ErrInvalidArg`
fn key_that(word: &Obj, fits: fn(&str) -> bool) -> Result<String> {
    let key = word.to_text();
    if fits(&key) { Ok(key) } else { Err(Argument::KeyName(key).into()) }
}

/// A key.
///
/// # Errors
/// `ErrInvalidArg`
fn key_name(word: &Obj) -> Result<String> {
    key_that(word, is_key)
}
