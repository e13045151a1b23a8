//! The object's state, and what its methods have in common.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::watch::Watch;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::client::kv::Buckets;
use crate::client::{Argument, Fault};
use crate::rules::jetstream_streams::KEY_VALUE_OPTIONS;
use crate::rules::kv::WRITE_OPTIONS;
use crate::rules::names::{is_bucket, is_key, is_key_pattern};
use crate::rules::option::{flag, named};
use crate::tcl::{Instance, Obj, Object, class};

/// State of a `nats::key_value` object.
pub(crate) struct KeyValue {
    /// The JetStream object it was made from.
    pub(super) js: Rc<JetStream>,
    /// What it reads and writes.
    pub(super) buckets: Rc<Buckets>,
    /// Timeout of `history` and `keys` in ms; 0 waits for ever.
    pub(super) timeout: i64,
    pub(super) check_bucket: bool,
    pub(super) read_only: bool,
    pub(super) watches: RefCell<HashMap<i64, Rc<Watch>>>,
    pub(super) last_watch: Cell<i64>,
    pub(super) destroyed: Cell<bool>,
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

/// `nats::key_value new jet_stream ?-option value ...?`, called by the JetStream object's `key_value`.
pub(super) fn construct(call: &Invocation, object: Object) -> Result<()> {
    let js = &call.args[0];
    let state = class::instance_of::<JetStream>(call.interp, js);
    let js = state.ok_or_else(|| Argument::NotOfClass { given: js.to_text(), class: "nats::jet_stream" })?;
    let options = &call.options;
    object.set_instance(Rc::new(KeyValue {
        timeout: options.given_int(const { named(KEY_VALUE_OPTIONS, "timeout") }).unwrap_or(js.api.timeout),
        buckets: Rc::new(Buckets::new(&js.api)),
        js,
        check_bucket: options.flag(const { flag(KEY_VALUE_OPTIONS, "check_bucket") }),
        read_only: options.flag(const { flag(KEY_VALUE_OPTIONS, "read_only") }),
        watches: RefCell::default(),
        last_watch: Cell::new(0),
        destroyed: Cell::new(false),
    }));
    Ok(())
}

impl KeyValue {
    /// Refuses a change on an object that only reads.
    pub(super) fn writable(&self) -> Result<()> {
        if self.read_only { Err(Fault::ReadOnly.into()) } else { Ok(()) }
    }

    /// Whether this call is to look the bucket up.
    pub(super) fn checks(&self, call: &Invocation) -> bool {
        call.options.given_flag(const { named(WRITE_OPTIONS, "check_bucket") }).unwrap_or(self.check_bucket)
    }

    /// `ErrConnectionClosed` when the connection is closed.
    pub(super) fn open(&self) -> Result<()> {
        if self.destroyed.get() { Err(Fault::Closed.into()) } else { open_or_error(&self.js) }
    }
}

/// A bucket name.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn bucket_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_bucket(&name) { Ok(name) } else { Err(Argument::BucketName(name).into()) }
}

/// A key that passes `fits`.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn key_that(word: &Obj, fits: fn(&str) -> bool) -> Result<String> {
    let key = word.to_text();
    if fits(&key) { Ok(key) } else { Err(Argument::KeyName(key).into()) }
}

/// What is watched: a key or pattern of keys, or a list of several, with nothing but blanks between them.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn watched(words: &Obj) -> Result<Vec<String>> {
    let text = words.to_text();
    let keys = if text.contains(char::is_control) { Vec::new() } else { patterns(words)? };
    if keys.is_empty() { Err(Argument::KeyName(text).into()) } else { Ok(keys) }
}

/// A list of keys or patterns of keys.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn patterns(words: &Obj) -> Result<Vec<String>> {
    let list = words.as_list().ok_or_else(|| Argument::KeyName(words.to_text()))?;
    let text = words.to_text();
    if list.len() <= 1 && text.trim() != text {
        // One key, and no list.
        return Err(Argument::KeyName(text).into());
    }
    list.iter().map(|word| key_that(word, is_key_pattern)).collect()
}

/// A key.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn key_name(word: &Obj) -> Result<String> {
    key_that(word, is_key)
}
