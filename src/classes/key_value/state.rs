//! The object's state, and what its methods have in common.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;

use super::watch::Watch;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::classes::kv_codec::{Codecs, Key};
use crate::client::kv::Buckets;
use crate::client::{Argument, Fault};
use crate::rules::jetstream_streams::KEY_VALUE_OPTIONS;
use crate::rules::kv::WRITE_OPTIONS;
use crate::rules::names::is_bucket;
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
    /// How keys and values are stored.
    pub(super) codecs: Rc<Codecs>,
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
    let codecs = Rc::new(Codecs::of(&js.connection, options)?);
    object.set_instance(Rc::new(KeyValue {
        timeout: options.given_int(const { named(KEY_VALUE_OPTIONS, "timeout") }).unwrap_or(js.api.timeout),
        buckets: Rc::new(Buckets::new(&js.api)),
        js,
        codecs,
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

    /// A key in a call.
    ///
    /// # Errors
    /// As [`Codecs::key`].
    pub(super) fn key(&self, call: &Invocation, word: &Obj) -> Result<Key> {
        self.codecs.key(call.interp, word)
    }

    /// A value in a call, as it is stored.
    ///
    /// # Errors
    /// As [`Codecs::value`]; `ErrConnectionClosed` if a codec ended the object.
    pub(super) fn value(&self, call: &Invocation, word: &Obj) -> Result<Bytes> {
        let value = self.codecs.value(call.interp, word)?;
        self.open()?;
        Ok(value)
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
