//! Entries as dicts.

use crate::classes::kv_codec::{Codecs, Place};
use crate::client::Fault;
use crate::engine::Message;
use crate::rules::kv::{Operation, marker_reason, operation, split_subject};
use crate::tcl::{Interp, Obj};

/// The parts of an entry.
pub(super) struct Entry<'a> {
    /// Bucket that it was written to.
    pub bucket: &'a str,
    /// Key as it is stored.
    pub key: &'a str,
    /// What was done.
    pub operation: Operation,
    /// Sequence in the stream.
    pub revision: u64,
    /// ms since the epoch.
    pub created: i64,
    /// Number of entries still to come, known in watches and `history` only.
    pub delta: Option<u64>,
    /// Why the server made the entry in place of others, if it did.
    pub reason: Option<String>,
}

impl<'a> Entry<'a> {
    /// The entry in a message of a bucket's stream; `None` if its subject is none of a key.
    pub(super) fn of(message: &'a Message, revision: u64, created: i64, delta: u64) -> Option<Entry<'a>> {
        let (bucket, key) = split_subject(message.subject())?;
        let operation = if message.has_headers() { operation(message.headers()) } else { Operation::Put };
        let reason = if operation == Operation::Put { None } else { marker_reason(message.headers()) };
        Some(Entry { bucket, key, operation, revision, created, delta: Some(delta), reason })
    }

    /// The dict that scripts see, of an entry with the `value` as it is stored, if that is shown.
    ///
    /// # Errors
    /// [`Fault::Codec`]
    pub(super) fn dict(&self, interp: Interp, codecs: &Codecs, value: Option<&[u8]>) -> Result<Obj, Fault> {
        let place = Place { bucket: self.bucket, key: self.key };
        let key = codecs.shown_key(interp, place)?;
        let value = match value.filter(|_| self.operation == Operation::Put) {
            Some(value) => codecs.shown_value(interp, place, value)?,
            None => Obj::empty(),
        };
        let mut dict = Obj::dict();
        dict.put_text("value", &value);
        dict.put_text("bucket", &Obj::text(self.bucket));
        dict.put_text("key", &Obj::text(&key));
        dict.put_text("operation", &Obj::text(self.operation.as_str()));
        dict.put_text("revision", &Obj::uint(self.revision));
        dict.put_text("created", &Obj::int(self.created));
        if let Some(delta) = self.delta {
            dict.put_text("delta", &Obj::uint(delta));
        }
        if let Some(reason) = &self.reason {
            dict.put_text("reason", &Obj::text(reason));
        }
        Ok(dict)
    }
}
