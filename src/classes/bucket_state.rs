//! The object's state, and what its methods have in common.

use std::rc::Rc;

use serde_json::Value as Json;

use crate::bridge::birth;
use crate::bridge::errors::{Error, Result};
use crate::bridge::messages::payload_in;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::client::{Argument, Fault, kv};
use crate::rules::kv::Operation;
use crate::rules::kv_filters::Selection;
use crate::rules::names::{is_bucket, is_key, is_key_pattern};
use crate::rules::version::Version;
use crate::tcl::{Instance, Obj};

/// Name of the class.
pub(super) const CLASS_NAME: &str = "::nats::key_value";

/// State of a `nats::key_value` object.
pub(super) struct Bucket {
    /// The JetStream object it was made from.
    pub js: Rc<JetStream>,
    /// The bucket.
    pub entries: kv::Bucket,
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
    pub(super) fn make(js: &Rc<JetStream>, name: &str, config: &Json) -> Result<Obj> {
        let state = Bucket { js: Rc::clone(js), entries: kv::Bucket::new(&js.api, name, config)? };
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

    /// An entry as scripts see it; those of watches and histories have a `delta`, those that the server made in place of others
    /// a `reason`.
    pub(super) fn entry(
        &self,
        key: &str,
        value: &[u8],
        at: (u64, i64),
        delta: Option<u64>,
        operation: Operation,
        reason: Option<&str>,
    ) -> Obj {
        let mut dict = Obj::dict();
        dict.put_text("bucket", &Obj::text(&self.entries.name));
        dict.put_text("key", &Obj::text(key));
        dict.put_text("value", &payload_in(self.js.connection.coding(), value));
        dict.put_text("revision", &Obj::uint(at.0));
        dict.put_text("created", &Obj::int(at.1));
        if let Some(delta) = delta {
            dict.put_text("delta", &Obj::uint(delta));
        }
        dict.put_text("operation", &Obj::text(operation.as_str()));
        if let Some(reason) = reason {
            dict.put_text("reason", &Obj::text(reason));
        }
        dict
    }
}

/// A bucket's name.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn bucket_name(word: &Obj) -> Result<String> {
    let name = word.to_text();
    if is_bucket(&name) { Ok(name) } else { Err(Argument::BucketName(name).into()) }
}

/// A key.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn key_name(word: &Obj) -> Result<String> {
    let key = word.to_text();
    if is_key(&key) { Ok(key) } else { Err(Argument::KeyName(key).into()) }
}

/// How several patterns are read on this server, whose consumers take several filters from 2.10 on.
pub(super) fn selection(bucket: &Bucket, patterns: &[String]) -> Selection {
    Selection::new(patterns, bucket.js.api.is_at_least(Version(2, 10, 0)))
}

/// What is watched: a key or pattern of keys, or a list of several, with nothing but blanks between them.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn watched(words: &Obj) -> Result<Vec<String>> {
    let text = words.to_text();
    let keys = if text.contains(char::is_control) { Vec::new() } else { key_patterns(words)? };
    if keys.is_empty() { Err(Argument::KeyName(text).into()) } else { Ok(keys) }
}

/// A list of keys or patterns of keys.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn key_patterns(words: &Obj) -> Result<Vec<String>> {
    let list = words.as_list().ok_or_else(|| Argument::KeyName(words.to_text()))?;
    let text = words.to_text();
    if list.len() <= 1 && text.trim() != text {
        // One key, and no list.
        return Err(Argument::KeyName(text).into());
    }
    list.iter().map(key_pattern).collect()
}

/// A key, or a pattern of keys.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn key_pattern(word: &Obj) -> Result<String> {
    let key = word.to_text();
    if is_key_pattern(&key) { Ok(key) } else { Err(Argument::KeyName(key).into()) }
}
