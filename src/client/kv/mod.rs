//! Key-value (NATS ADR-8): the entries of buckets, which are streams.

mod bucket;
mod buckets;
mod gather;
mod lives;
mod many;
mod read;
mod write;

pub(crate) use bucket::Bucket;
pub(crate) use buckets::{Added, Buckets};
pub(crate) use gather::{Found, Gather, gather};
pub(crate) use lives::{Marker, living};
pub(crate) use many::Put;
pub(crate) use read::Reading;
pub(crate) use write::{Writer, revision};

use crate::engine::Headers;

/// Header of a write that depends on a revision.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// Header that tells the kinds of deletion markers apart.
const OPERATION: &str = "KV-Operation";

fn line(name: &str, value: &str) -> (String, String) {
    (name.to_string(), value.to_string())
}

/// The header line that makes a write depend on the key's latest revision; 0 stands for none.
pub(crate) fn expecting(revision: u64) -> (String, String) {
    line(EXPECTED, &revision.to_string())
}

/// The header lines of an entry that deletes a key.
pub(crate) fn deletion() -> Headers {
    vec![line(OPERATION, "DEL")]
}

/// The header lines of an entry that deletes a key with its history.
pub(crate) fn purge() -> Headers {
    vec![line(OPERATION, "PURGE"), line("Nats-Rollup", "sub")]
}
