//! Entries as dicts, and the errors of this class.

use crate::bridge::errors::Error;
use crate::bridge::messages::{Coding, payload_in};
use crate::client::{Fault, codes};
use crate::engine::Message;
use crate::rules::kv::{Operation, operation, split_subject};
use crate::tcl::Obj;

/// The parts of an entry.
pub struct Entry<'a> {
    /// Bucket that it was written to.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
    /// What was done.
    pub operation: Operation,
    /// Sequence in the stream.
    pub revision: u64,
    /// ms since the epoch.
    pub created: i64,
    /// Entries still to come; only watches and history know.
    pub delta: Option<u64>,
}

impl<'a> Entry<'a> {
    /// The entry in a message of a bucket's stream; `None` if its subject is none of a key.
    pub fn of(message: &'a Message, revision: u64, created: i64, delta: u64) -> Option<Entry<'a>> {
        let (bucket, key) = split_subject(message.subject())?;
        let operation = if message.has_headers() { operation(message.headers()) } else { Operation::Put };
        Some(Entry { bucket, key, operation, revision, created, delta: Some(delta) })
    }

    /// The dict that scripts see.
    pub fn dict(&self, coding: Coding, value: &[u8]) -> Obj {
        let mut dict = Obj::dict();
        dict.put_text("value", &payload_in(coding, value));
        dict.put_text("bucket", &Obj::text(self.bucket));
        dict.put_text("key", &Obj::text(self.key));
        dict.put_text("operation", &Obj::text(self.operation.as_str()));
        dict.put_text("revision", &Obj::int(self.revision as i64));
        dict.put_text("created", &Obj::int(self.created));
        if let Some(delta) = self.delta {
            dict.put_text("delta", &Obj::int(delta as i64));
        }
        dict
    }
}

/// The error of a key without a value.
pub fn key_not_found(bucket: &str, key: &str) -> Error {
    Fault::KeyNotFound { bucket: bucket.to_string(), key: key.to_string() }.into()
}

fn err_code(error: &Error) -> Option<i64> {
    match error {
        Error::Fault(fault) => fault.err_code(),
        Error::Tcl(_) => None,
    }
}

/// Whether a read found no message.
pub fn is_no_message(error: &Error) -> bool {
    err_code(error) == Some(codes::MESSAGE_NOT_FOUND)
}

/// Whether a consumer was refused for its filter.
pub fn is_filter_refused(error: &Error) -> bool {
    err_code(error) == Some(codes::FILTER_NOT_SUBSET)
}

/// Whether a stream was not made because there is one with another configuration.
pub fn is_name_in_use(error: &Error) -> bool {
    err_code(error) == Some(codes::STREAM_NAME_IN_USE)
}

/// An API error in the terms of this class: a missing stream is a missing bucket.
pub fn of_bucket(error: Error, bucket: &str) -> Error {
    match error {
        Error::Fault(fault) => fault.of_bucket(bucket).into(),
        other => other,
    }
}
