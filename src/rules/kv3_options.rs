//! Options of the methods of dialect 3's key-value objects.

use super::option::{Kind, Opt, preset, row};

/// Options of `get` and `get_value`.
pub(crate) const GET_OPTIONS: &[Opt] = &[row("revision", Kind::Count, "this revision in place of the latest")];

/// Options of `watch`.
pub(crate) const WATCH_OPTIONS: &[Opt] = &[
    row(
        "callback",
        Kind::Command,
        "called with an entry, in an event of its own: first the present entries, then once with the empty string, then each new entry",
    ),
    row(
        "values_array",
        Kind::NonEmpty,
        "an array of a namespace: an element is set at PUT, and unset at DEL and PURGE, before the callback of that entry runs",
    ),
    preset("include_history", Kind::Bool, "false", "begin with all entries, not only the latest"),
    preset("meta_only", Kind::Bool, "false", "entries with empty values"),
    preset("ignore_deletes", Kind::Bool, "false", "no DEL and PURGE entries"),
    preset("updates_only", Kind::Bool, "false", "only entries from now on; not with `-include_history`"),
    preset("idle_heartbeat", Kind::Timeout, "5000", "time between heartbeats"),
    row(
        "resume_from",
        Kind::Count,
        "*new:* begin with this revision, or the next one that is left; not with `-include_history` and `-updates_only`",
    ),
];

/// Options of `put`, `create` and `update`.
pub(crate) const STORE_OPTIONS: &[Opt] = &[row(
    "ttl",
    Kind::Ttl,
    "*new:* life of the entry, at least 1000; the bucket needs `-limit_marker_ttl`, `put` and `update` one with `-history` 1",
)
.since(2, 11, 0)];

/// Options of `purge`.
pub(crate) const PURGE_OPTIONS: &[Opt] = &[
    row("revision", Kind::Count, "*new:* only if this is the latest revision of the key"),
    row("ttl", Kind::Ttl, "*new:* time to live of the `PURGE` entry, at least 1000; the bucket needs `-limit_marker_ttl`")
        .since(2, 11, 0),
];

/// Options of `keys`.
pub(crate) const KEYS_OPTIONS: &[Opt] = &[row("filter", Kind::StrList, "*new:* only keys of these patterns")];

/// Options of `entries`.
pub(crate) const ENTRIES_OPTIONS: &[Opt] = &[row("up_to", Kind::Count, "as the bucket was with this last revision")];

/// Options of `mput`.
pub(crate) const MPUT_OPTIONS: &[Opt] = &[
    row("revisions", Kind::Dict, "key to revision: write that key only if this is its latest; 0 for none"),
    preset("atomic", Kind::Bool, "false", "write all or none; at most 1000 keys, and the bucket needs `-allow_atomic`"),
];

/// Options of `count`.
pub(crate) const COUNT_OPTIONS: &[Opt] = &[preset("exact", Kind::Bool, "false", "leave out the keys that are deleted")];

/// Options of `purge_deletes`.
pub(crate) const PURGE_DELETES_OPTIONS: &[Opt] = &[preset(
    "older",
    Kind::Int,
    "1800000",
    "keep the `DEL` and `PURGE` entries that are younger than so many ms, of their keys only what is older than they; -1 keeps none",
)];
