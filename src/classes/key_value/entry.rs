//! Entries as dicts, and the errors of this class.

use crate::bridge::errors::coded;
use crate::bridge::messages::{Coding, payload_in};
use crate::engine::Message;
use crate::rules::kv::{Operation, operation, split_subject};
use crate::tcl::{Error, Obj};

/// `no message found`
const NO_MESSAGE: &str = "10037";
/// `stream not found`
const NO_STREAM: &str = "10059";
/// `consumer filter subject is not a valid subset of the interest subjects`
const NO_SUBSET: &str = "10093";
/// `wrong last sequence`, with and without the sequence in the text.
const WRONG_LAST_SEQUENCE: [&str; 2] = ["10071", "10164"];

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
        let dict = Obj::dict();
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
pub fn key_not_found(key: &str) -> Error {
    coded(&["KeyNotFound"], format!("Key {key} not found"))
}

/// Whether the error has this code (`{NATS <code> ...}`).
pub fn is_code(error: &Error, wanted: &str) -> bool {
    matches!(error, Error::Raised { code, .. } if code.get(1).is_some_and(|code| code == wanted))
}

fn err_code(error: &Error) -> &str {
    match error {
        Error::Raised { code, .. } if is_code(error, "ErrJSResponse") => code.get(3).map_or("", String::as_str),
        _ => "",
    }
}

/// Whether a read found no message.
pub fn is_no_message(error: &Error) -> bool {
    err_code(error) == NO_MESSAGE
}

/// Whether a consumer was refused for its filter.
pub fn is_filter_refused(error: &Error) -> bool {
    err_code(error) == NO_SUBSET
}

/// An API error in the words of this class: a missing stream is a missing bucket.
pub fn of_bucket(error: Error, bucket: &str) -> Error {
    if err_code(&error) == NO_STREAM {
        return coded(&["BucketNotFound"], format!("Bucket {bucket} not found"));
    }
    error
}

/// The error of a write in the words of this class.
pub fn of_write(error: Error) -> Error {
    match error {
        Error::Raised { message, .. } if WRONG_LAST_SEQUENCE.contains(&err_code(&error)) => {
            coded(&["WrongLastSequence"], message)
        }
        other => other,
    }
}
