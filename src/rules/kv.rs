//! Key-value: option tables, the stream behind a bucket, subjects, entries (NATS ADR-8, ADR-17 for watches).

use serde_json::{Map, Value as Json, json};

use super::jetstream_convert_body::{BadValue, body};
use super::names::is_bucket;
use super::option::{Kind, Opt, Value, index, preset, row};
use super::time::isotime_to_msec;

/// Options of `add`.
pub(crate) const ADD_OPTIONS: &[Opt] = &[
    preset("history", Kind::Int, "1", "entries kept for each key, 1 to 64"),
    preset("storage", Kind::Enum(&["file", "memory"]), "file", "where they are kept"),
    row("ttl", Kind::Millis, "age after which entries go; 0 and -1 for never"),
    preset("max_value_size", Kind::Int, "-1", "largest value in bytes; -1 no limit"),
    preset("max_bucket_size", Kind::Int, "-1", "most bytes of the bucket; -1 no limit"),
    row("mirror_name", Kind::NonEmpty, "make a mirror of that bucket"),
    row("mirror_domain", Kind::NonEmpty, "JetStream domain of the mirrored bucket; needs `-mirror_name`"),
];

/// The name of an option of `add`, checked in a constant.
const fn option(name: &str) -> &'static str {
    ADD_OPTIONS[index(ADD_OPTIONS, name)].name
}

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
        "time between the server's signs of life; three missed are trouble. 0: none, and no flow control; a consumer that is lost while the connection stays is then not noticed",
    ),
    row("check_bucket", Kind::Bool, "look the bucket up first; by default as the object says"),
];

/// Options of `get`.
pub(crate) const GET_OPTIONS: &[Opt] = &[row("revision", Kind::Count, "this revision in place of the latest")];

/// Options of the methods that change a bucket.
pub(crate) const WRITE_OPTIONS: &[Opt] = &[row("check_bucket", Kind::Bool, "look the bucket up first")];

/// Options of `history`.
pub(crate) const HISTORY_OPTIONS: &[Opt] =
    &[row("timeout", Kind::Timeout, "timeout of the whole call"), row("check_bucket", Kind::Bool, "look the bucket up first")];

/// Options of `keys`.
pub(crate) const KEYS_OPTIONS: &[Opt] = &[row("timeout", Kind::Timeout, "timeout of the whole call")];

/// Reason why a bucket cannot be made of its options.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BucketError {
    /// `-history` below 1.
    HistoryTooSmall,
    /// `-history` over 64.
    HistoryTooLarge,
    /// `-mirror_name` is no bucket name.
    MirrorName(String),
    /// `-mirror_domain` without `-mirror_name`.
    DomainWithoutMirror,
    /// A value that does not fit its option.
    Value(BadValue),
}

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
    /// With the next entry that is written.
    New,
}

const STREAM_PREFIX: &str = "KV_";
const HISTORY_MAX: i64 = 64;
const DUPLICATE_WINDOW_NS: i64 = 120_000_000_000;
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

/// Whether an existing bucket is what was asked for; `given` as for [`bucket_config`]. What was not given does not matter.
pub(crate) fn is_as_given(bucket: &str, given: &[(usize, Value)], config: &Json) -> bool {
    let Ok(options) = body(ADD_OPTIONS, given, false) else { return false };
    // The server takes each of them for "none" and writes one.
    let number = |value: &Json, none: i64| value.as_i64().map(|n| if n <= 0 { none } else { n });
    let same = |option: &str, field: &str, none: i64| {
        options.get(option).is_none_or(|wanted| number(wanted, none) == config.get(field).and_then(|is| number(is, none)))
    };
    let mirror = match (
        options.get(const { option("mirror_name") }).and_then(Json::as_str),
        options.get(const { option("mirror_domain") }).and_then(Json::as_str),
    ) {
        (Some(name), domain) => {
            let wanted = Origin { bucket: name.to_owned(), api: domain.map(|domain| format!("$JS.{domain}.API")) };
            origin(config) == Some(wanted)
        }
        (None, _) => {
            let own = Json::from(key_subject(bucket, ">"));
            let subjects = config.get("subjects").and_then(Json::as_array);
            holds(config) != Holds::Own || subjects.is_some_and(|subjects| subjects.contains(&own))
        }
    };
    let storage = options.get(const { option("storage") }).is_none_or(|wanted| Some(wanted) == config.get("storage"));
    mirror
        && storage
        && same(const { option("history") }, "max_msgs_per_subject", -1)
        && same(const { option("ttl") }, "max_age", 0)
        && same(const { option("max_value_size") }, "max_msg_size", -1)
        && same(const { option("max_bucket_size") }, "max_bytes", -1)
}

/// The stream configuration of a new bucket; `given` as for [`body`] with [`ADD_OPTIONS`].
pub(crate) fn bucket_config(bucket: &str, given: &[(usize, Value)]) -> Result<Map<String, Json>, BucketError> {
    let options = body(ADD_OPTIONS, given, true).map_err(BucketError::Value)?;
    let field = |name: &str| options.get(name).cloned().unwrap_or_default();
    let history = options.get(const { option("history") }).and_then(Json::as_i64);
    match history {
        Some(..1) => return Err(BucketError::HistoryTooSmall),
        Some(..=HISTORY_MAX) => {}
        _ => return Err(BucketError::HistoryTooLarge),
    }
    let max_age = options.get(const { option("ttl") }).and_then(Json::as_i64).unwrap_or(0).max(0);
    let window = if max_age == 0 { DUPLICATE_WINDOW_NS } else { max_age.min(DUPLICATE_WINDOW_NS) };
    let mut config = Map::new();
    let mut set = |name: &str, value: Json| config.insert(name.to_owned(), value);
    set("name", stream_name(bucket).into());
    match (
        options.get(const { option("mirror_name") }).and_then(Json::as_str),
        options.get(const { option("mirror_domain") }).and_then(Json::as_str),
    ) {
        (None, None) => set("subjects", json!([key_subject(bucket, ">")])),
        (None, Some(_)) => return Err(BucketError::DomainWithoutMirror),
        (Some(name), _) if !is_bucket(name) => return Err(BucketError::MirrorName(name.to_owned())),
        (Some(name), None) => set("mirror", json!({ "name": stream_name(name) })),
        (Some(name), Some(domain)) => {
            set("mirror", json!({ "name": stream_name(name), "external": { "api": format!("$JS.{domain}.API") } }))
        }
    };
    set("max_msgs_per_subject", field(const { option("history") }));
    set("max_bytes", field(const { option("max_bucket_size") }));
    set("max_age", max_age.into());
    set("max_msg_size", field(const { option("max_value_size") }));
    set("storage", field(const { option("storage") }));
    set("discard", "new".into());
    set("num_replicas", 1.into());
    set("duplicate_window", window.into());
    set("allow_rollup_hdrs", true.into());
    set("allow_direct", true.into());
    set("deny_delete", true.into());
    set("deny_purge", false.into());
    Ok(config)
}

/// The result of `info`, made of the stream's information with durations in ms (`convert_reply`).
pub(crate) fn bucket_info(bucket: &str, stream: &Json) -> Map<String, Json> {
    let at = |path: &str| stream.pointer(path).cloned().unwrap_or_default();
    let created = at("/created");
    let created_ms = created.as_str().and_then(|iso| isotime_to_msec(iso).ok());
    let mut info = Map::new();
    let mut set = |name: &str, value: Json| info.insert(name.to_owned(), value);
    set("bucket", bucket.into());
    set("stream", stream_name(bucket).into());
    set("storage", at("/config/storage"));
    set("history", at("/config/max_msgs_per_subject"));
    set("ttl", at("/config/max_age"));
    set("max_value_size", at("/config/max_msg_size"));
    set("max_bucket_size", at("/config/max_bytes"));
    if let Some(mirror) = stream.get("mirror") {
        set("mirror", mirror.clone());
    }
    set("created", created_ms.map_or(created, Json::from));
    set("values_stored", at("/state/messages"));
    set("bytes_stored", at("/state/bytes"));
    set("backing_store", "JetStream".into());
    set("store_config", at("/config"));
    set("store_state", at("/state"));
    info
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

/// The configuration of the ordered consumer (NATS ADR-17) behind a watch. `heartbeat` in ms, 0 for none; without heartbeats
/// the server has no flow control either.
pub(crate) fn watch_config(
    filter: &str,
    deliver_subject: &str,
    start: Start,
    headers_only: bool,
    heartbeat: i64,
    flow_control: bool,
) -> Map<String, Json> {
    let mut config = Map::new();
    let mut set = |name: &str, value: Json| config.insert(name.to_owned(), value);
    set("deliver_subject", deliver_subject.into());
    set("filter_subject", filter.into());
    match start {
        Start::LastPerKey => set("deliver_policy", "last_per_subject".into()),
        Start::First => set("deliver_policy", "all".into()),
        Start::Revision(revision) => {
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
