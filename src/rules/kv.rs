//! Key-value: option tables, the stream behind a bucket, subjects, entries (NATS ADR-8, ADR-17 for watches).

use serde_json::{Map, Value as Json};

use super::names::is_bucket;
use super::option::{Kind, Opt, preset, row};

/// Options of `watch`; `check_bucket` defaults to the object's.
pub(crate) const WATCH_OPTIONS: &[Opt] = &[
    row("callback", Kind::Command, "invoked as `prefix status entry`; required"),
    preset("include_history", Kind::Bool, "false", "begin with all entries, not only the latest of each key"),
    preset("updates_only", Kind::Bool, "false", "only entries from now on; not together with `-include_history`"),
    preset("headers_only", Kind::Bool, "false", "entries with empty values"),
    preset("ignore_deletes", Kind::Bool, "false", "no `DEL` and `PURGE` entries"),
    preset(
        "idle_heartbeat",
        Kind::Timeout,
        "5000",
        "time between heartbeats of the server; three missed ones are an error. 0: no heartbeats, and no flow control; a consumer that is lost while the connection stays is then not noticed",
    ),
    row("check_bucket", Kind::Bool, "look the bucket up first; by default as the object says"),
    row(
        "resume_from",
        Kind::Count,
        "*new:* begin with this revision, or the next one that is left: what is there from then on are the initial data; not together with `-include_history` and `-updates_only`",
    ),
];

/// Options of `get`.
pub(crate) const GET_OPTIONS: &[Opt] = &[row("revision", Kind::Count, "this revision in place of the latest")];

/// Options of `put`, `create` and `update`.
pub(crate) const STORE_OPTIONS: &[Opt] = &[
    row(
        "ttl",
        Kind::Ttl,
        "life of the entry, at least 1000; the bucket needs `-limit_marker_ttl`, `put` and `update` one with `-history` 1",
    )
    .since(2, 11, 0),
    CHECK,
];

/// Options of `del`.
pub(crate) const DEL_OPTIONS: &[Opt] = &[EXPECTED, CHECK];

/// Options of `purge`.
pub(crate) const PURGE_OPTIONS: &[Opt] = &[
    EXPECTED,
    row("ttl", Kind::Ttl, "time to live of the `PURGE` entry, at least 1000; the bucket needs `-limit_marker_ttl`")
        .since(2, 11, 0),
    CHECK,
];

const EXPECTED: Opt = row("revision", Kind::Count, "only if this is the latest revision of the key");
const CHECK: Opt = row("check_bucket", Kind::Bool, "look the bucket up first");

/// Options of `purge_deletes`; the timeout defaults to the object's.
pub(crate) const PURGE_DELETES_OPTIONS: &[Opt] = &[
    preset(
        "older",
        Kind::Int,
        "1800000",
        "keep the `DEL` and `PURGE` entries that are younger than so many ms, of their keys only what is older than they; -1 keeps none",
    ),
    row("timeout", Kind::Timeout, "timeout of the reading"),
    CHECK,
];

/// Options of the methods that change a bucket.
pub(crate) const WRITE_OPTIONS: &[Opt] = &[row("check_bucket", Kind::Bool, "look the bucket up first")];

/// Options of `history`.
pub(crate) const HISTORY_OPTIONS: &[Opt] =
    &[row("timeout", Kind::Timeout, "timeout of the whole call"), row("check_bucket", Kind::Bool, "look the bucket up first")];

/// Options of `keys`.
pub(crate) const KEYS_OPTIONS: &[Opt] = &[
    row("timeout", Kind::Timeout, "timeout of the whole call"),
    row("filter", Kind::StrList, "*new:* only keys of these patterns"),
];

/// Options of `mget` that both dialects have.
pub(crate) const MANY_OPTIONS: &[Opt] = &[
    row("up_to", Kind::Count, "as the bucket was with this last revision; not together with `-consistent`"),
    row("default", Kind::Str, "value of the plain keys that have none"),
    preset("consistent", Kind::Bool, "false", "read from the leader, key by key: a copy may be behind it; plain keys only"),
];

/// Options of `mget`.
pub(crate) const MGET_OPTIONS: &[Opt] = &[
    MANY_OPTIONS[0],
    MANY_OPTIONS[1],
    MANY_OPTIONS[2],
    row("timeout", Kind::Timeout, "timeout of the whole call where an ordered consumer has to be read"),
    CHECK,
];

/// Options of `entries`.
pub(crate) const ENTRIES_OPTIONS: &[Opt] = &[
    row("up_to", Kind::Count, "as the bucket was with this last revision"),
    row("timeout", Kind::Timeout, "timeout of the whole call where an ordered consumer has to be read"),
    CHECK,
];

/// Options of `mput`.
pub(crate) const MPUT_OPTIONS: &[Opt] = &[
    row("revisions", Kind::Dict, "key to revision: write that key only if this is its latest; 0 for none"),
    preset("atomic", Kind::Bool, "false", "write all or none; at most 1000 keys, and the bucket needs `-allow_atomic`"),
    CHECK,
];

/// Options of `count`.
pub(crate) const COUNT_OPTIONS: &[Opt] = &[
    preset("exact", Kind::Bool, "false", "leave out the keys that are deleted"),
    row("timeout", Kind::Timeout, "timeout of the reading, with `-exact`"),
];

/// Operation on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A value was put.
    Put,
    /// The key was deleted, its history kept.
    Del,
    /// The key was deleted with its history.
    Purge,
}

impl Operation {
    /// The word in entries.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Del => "DEL",
            Self::Purge => "PURGE",
        }
    }
}

/// Where a mirror takes its entries from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Bucket that is mirrored.
    pub bucket: String,
    /// API prefix through which it is reached, if it is in another domain or account.
    pub api: Option<String>,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the latest entry of each key.
    LastPerKey,
    /// With the oldest entry.
    First,
    /// With the entry of this revision, or the next one that exists.
    Revision(u64),
    /// The same, and what is there from then on are the initial data.
    Resume(u64),
    /// With the next entry that is written.
    New,
}

const STREAM_PREFIX: &str = "KV_";
/// Time for an acknowledgement in ns, longer than any outage a watch survives: nothing is acknowledged, so nothing may be
/// redelivered (ADR-17).
const ACK_WAIT_NS: i64 = 79_200_000_000_000;

/// Stream of a bucket.
pub(crate) fn stream_name(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// Bucket of a stream; `None` if it is not one of a bucket.
pub(crate) fn bucket_of_stream(stream: &str) -> Option<&str> {
    stream.strip_prefix(STREAM_PREFIX).filter(|bucket| is_bucket(bucket))
}

/// Subject of a key, or of a key pattern, as it is stored.
pub(crate) fn key_subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

/// Bucket and key of a stored subject.
pub(crate) fn split_subject(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix("$KV.")?.split_once('.')
}

/// Subject to which a key is written. `origin` is that of a mirror; `domain` the JetStream domain of the object.
pub(crate) fn write_subject(bucket: &str, key: &str, origin: Option<&Origin>, domain: Option<&str>) -> String {
    let subject = key_subject(origin.map_or(bucket, |origin| &origin.bucket), key);
    match (origin.and_then(|origin| origin.api.as_deref()), domain) {
        (Some(api), _) => format!("{api}.{subject}"),
        (None, Some(domain)) => format!("$JS.{domain}.API.{subject}"),
        (None, None) => subject,
    }
}

/// The origin of a bucket by its stream's configuration; `None` if it is no mirror of a bucket.
pub(crate) fn origin(config: &Json) -> Option<Origin> {
    let mirror = config.get("mirror")?;
    let bucket = bucket_of_stream(mirror.get("name")?.as_str()?)?.to_owned();
    let api = mirror.pointer("/external/api").and_then(Json::as_str).filter(|api| !api.is_empty());
    Some(Origin { bucket, api: api.map(str::to_owned) })
}

/// Whose entries a bucket holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Only its own: all of its subjects carry its name.
    Own,
    /// Those of other streams too; writes go to the bucket itself.
    Others,
    /// Those of the bucket that it mirrors.
    Mirrored(Origin),
}

/// Whose entries a bucket holds, by its stream's configuration.
pub(crate) fn holds(config: &Json) -> Holds {
    let fed = |field: &str| config.get(field).is_some_and(|from| from.as_array().is_none_or(|list| !list.is_empty()));
    match origin(config) {
        Some(origin) => Holds::Mirrored(origin),
        None if fed("mirror") || fed("sources") => Holds::Others,
        None => Holds::Own,
    }
}

/// The operation of an entry by its headers. Markers that the server leaves for expired entries count too (NATS ADR-48).
pub(crate) fn operation<T: AsRef<str>>(headers: impl IntoIterator<Item = (T, T)>) -> Operation {
    let mut found = Operation::Put;
    for (name, value) in headers {
        match (name.as_ref(), value.as_ref()) {
            ("KV-Operation", "DEL") | ("Nats-Marker-Reason", "Remove") => found = Operation::Del,
            ("KV-Operation", "PURGE") | ("Nats-Marker-Reason", "MaxAge" | "Purge") => return Operation::Purge,
            _ => {}
        }
    }
    found
}

/// The reason in an entry that the server made in place of others (NATS ADR-43), such as `MaxAge`.
pub(crate) fn marker_reason<T: AsRef<str>>(headers: impl IntoIterator<Item = (T, T)>) -> Option<String> {
    headers.into_iter().find(|(name, _)| name.as_ref() == "Nats-Marker-Reason").map(|(_, value)| value.as_ref().to_owned())
}

/// The configuration of the ordered consumer (NATS ADR-17) behind a watch. `heartbeat` in ms, 0 for none; without heartbeats
/// the server has no flow control either.
pub(crate) fn watch_config(
    filters: &[String],
    deliver_subject: &str,
    start: Start,
    headers_only: bool,
    heartbeat: i64,
    flow_control: bool,
) -> Map<String, Json> {
    let mut config = Map::new();
    let mut set = |name: &str, value: Json| config.insert(name.to_owned(), value);
    set("deliver_subject", deliver_subject.into());
    match filters {
        [filter] => set("filter_subject", filter.as_str().into()),
        several => set("filter_subjects", several.into()),
    };
    match start {
        Start::LastPerKey => set("deliver_policy", "last_per_subject".into()),
        Start::First => set("deliver_policy", "all".into()),
        Start::Revision(revision) | Start::Resume(revision) => {
            set("opt_start_seq", revision.into());
            set("deliver_policy", "by_start_sequence".into())
        }
        Start::New => set("deliver_policy", "new".into()),
    };
    set("ack_policy", "none".into());
    set("ack_wait", ACK_WAIT_NS.into());
    set("max_deliver", 1.into());
    set("replay_policy", "instant".into());
    if heartbeat > 0 {
        set("flow_control", flow_control.into());
        set("idle_heartbeat", heartbeat.saturating_mul(1_000_000).into());
    }
    set("headers_only", headers_only.into());
    set("num_replicas", 1.into());
    set("mem_storage", true.into());
    config
}

#[cfg(test)]
#[path = "kv_tests.rs"]
mod tests;
