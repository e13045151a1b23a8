//! The object's state, and what its methods have in common.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::Value as Json;

use super::kv_codec::{Codecs, Key, Place};
use crate::bridge::birth;
use crate::bridge::errors::{Error, Result};
use crate::bridge::method::Invocation;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::client::{Argument, Fault, kv};
use crate::rules::kv::Operation;
use crate::rules::kv_filters::Selection;
use crate::rules::names::{is_bucket, is_key_pattern};
use crate::rules::version::Version;
use crate::tcl::{Instance, Interp, Obj};

/// Name of the class.
pub(super) const CLASS_NAME: &str = "::nats::key_value";

/// State of a `nats::key_value` object.
pub(super) struct Bucket {
    /// The JetStream object it was made from.
    pub js: Rc<JetStream>,
    /// The bucket.
    pub entries: kv::Bucket,
    /// How keys and values are stored.
    pub codecs: Codecs,
}

impl Instance for Bucket {
    /// Ends nothing: its watchers live on.
    fn close(&self) {}

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

impl Bucket {
    /// Makes the object of a bucket by its stream's configuration.
    ///
    /// # Errors
    /// `ErrBucketNotFound` if the stream is none of a bucket.
    pub(super) fn make(js: &Rc<JetStream>, name: &str, config: &Json, codecs: Codecs) -> Result<Obj> {
        let state = Bucket { js: Rc::clone(js), entries: kv::Bucket::new(&js.api, name, config)?, codecs };
        let kept = js.connection.home.live().ok_or(Fault::Closed)?;
        let born = birth::make(kept.interp(), CLASS_NAME, Rc::new(state))?;
        let command = born.handle.name(kept.interp());
        if js.family.adopt(&js.connection.home, born.handle) { Ok(command) } else { Err(Fault::Closed.into()) }
    }

    /// `ErrConnectionClosed` when the connection is closed.
    pub(super) fn open(&self) -> Result<()> {
        open_or_error(&self.js)
    }

    /// An error in terms of a bucket that existed when the object was made: a missing stream is a bucket that has gone.
    pub(super) fn gone(&self, error: Error) -> Error {
        match error {
            Error::Fault(fault) => self.entries.gone(fault).into(),
            other => other,
        }
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
    /// As [`Codecs::value`]; `ErrConnectionClosed` if a codec ended the connection.
    pub(super) fn value(&self, call: &Invocation, word: &Obj) -> Result<Bytes> {
        let value = self.codecs.value(call.interp, word)?;
        self.open()?;
        Ok(value)
    }

    /// A key as it is stored, for the codecs.
    pub(super) fn place<'a>(&'a self, key: &'a str) -> Place<'a> {
        Place { bucket: &self.entries.name, key }
    }

    /// A stored value as scripts see it.
    ///
    /// # Errors
    /// [`Fault::Codec`]
    pub(super) fn shown_value(&self, interp: Interp, key: &str, value: &[u8]) -> std::result::Result<Obj, Fault> {
        self.codecs.shown_value(interp, self.place(key), value)
    }

    /// An entry as scripts see it.
    ///
    /// # Errors
    /// [`Fault::Codec`]
    pub(super) fn entry(&self, interp: Interp, entry: &Entry) -> std::result::Result<Shown, Fault> {
        let key = self.codecs.shown_key(interp, self.place(entry.key))?;
        let value = match entry.value.filter(|_| entry.operation == Operation::Put) {
            Some(value) => self.shown_value(interp, entry.key, value)?,
            None => Obj::empty(),
        };
        let mut dict = Obj::dict();
        dict.put_text("bucket", &Obj::text(&self.entries.name));
        dict.put_text("key", &Obj::text(&key));
        dict.put_text("value", &value);
        dict.put_text("revision", &Obj::uint(entry.revision));
        dict.put_text("created", &Obj::int(entry.created));
        if let Some(delta) = entry.delta {
            dict.put_text("delta", &Obj::uint(delta));
        }
        dict.put_text("operation", &Obj::text(entry.operation.as_str()));
        if let Some(reason) = &entry.reason {
            dict.put_text("reason", &Obj::text(reason));
        }
        Ok(Shown { key, value, dict })
    }
}

/// An entry as it is stored.
pub(super) struct Entry<'a> {
    /// Key.
    pub key: &'a str,
    /// Value, if it is shown.
    pub value: Option<&'a [u8]>,
    /// Sequence in the stream.
    pub revision: u64,
    /// ms since the epoch.
    pub created: i64,
    /// What was done.
    pub operation: Operation,
    /// Number of entries still to come, known in watches and histories only.
    pub delta: Option<u64>,
    /// Why the server made the entry in place of others, if it did.
    pub reason: Option<String>,
}

/// An entry as scripts see it.
pub(super) struct Shown {
    /// Key.
    pub key: String,
    /// Value.
    pub value: Obj,
    /// The whole.
    pub dict: Obj,
}

/// A bucket's name.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn bucket_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_bucket(&name) { Ok(name) } else { Err(Argument::BucketName(name).into()) }
}

/// How several patterns are read on this server, whose consumers take several filters from 2.10 on.
pub(super) fn selection(bucket: &Bucket, patterns: &[String]) -> Selection {
    Selection::new(patterns, bucket.js.api.is_at_least(Version(2, 10, 0)))
}

/// A key as it is stored, or a pattern of such keys.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn key_pattern(word: &Obj) -> Result<String> {
    let key = word.to_text();
    if is_key_pattern(&key) { Ok(key) } else { Err(Argument::KeyName(key).into()) }
}
