//! The streams behind buckets: options, configurations, changes, and what `info` shows (NATS ADR-8).

use serde_json::{Map, Value as Json, json};

use super::jetstream_convert_body::{BadValue, body};
use super::jetstream_streams::{PLACEMENT, REPUBLISH};
use super::kv::{Holds, Origin, bucket_of_stream, holds, key_subject, origin, stream_name};
use super::names::is_bucket;
use super::option::{Kind, Opt, Value, changeable, index, preset, row};
use super::time::isotime_to_msec;

const HISTORY_MAX: i64 = 64;
const DUPLICATE_WINDOW_NS: i64 = 120_000_000_000;

/// Number of options of [`ADD_OPTIONS`] that only a new bucket can have; they are its last ones.
const ONLY_NEW: usize = 2;

/// The age of entries that never expire, besides 0; negative durations are not converted.
const NEVER: i64 = -1;

/// Options of `add`.
pub(crate) const ADD_OPTIONS: &[Opt] = &[
    preset("history", Kind::Int, "1", "entries kept for each key, 1 to 64"),
    preset("storage", Kind::Enum(&["file", "memory"]), "file", "where they are kept"),
    row("ttl", Kind::Millis, "age after which entries expire; 0 and -1 for never"),
    preset("max_value_size", Kind::Int, "-1", "largest value in bytes; -1 no limit"),
    preset("max_bucket_size", Kind::Int, "-1", "most bytes of the bucket; -1 no limit"),
    row("description", Kind::Str, "*new:* description").since(2, 3, 3),
    row("metadata", Kind::StrMap, "*new:* names and values of the user's choice").since(2, 10, 0),
    row("num_replicas", Kind::Count, "*new:* copies in a cluster"),
    row("placement", Kind::Object(PLACEMENT), "*new:* cluster and servers for the bucket"),
    row("republish", Kind::Object(REPUBLISH), "*new:* publish stored entries again").since(2, 8, 3),
    row("compression", Kind::Enum(&["none", "s2"]), "*new:* compression of the file store").since(2, 10, 0),
    row(
        "limit_marker_ttl",
        Kind::PosMillis,
        "*new:* age, at least 1000, of the `PURGE` entry that the server leaves for a key whose last entry has expired; entries may have a `-ttl` of their own",
    )
    .since(2, 11, 0),
    row("allow_atomic", Kind::Bool, "*new:* allow `mput -atomic true`").since(2, 12, 0),
    row(
        "sources",
        Kind::List,
        "*new:* buckets whose entries are copied into this one: names, or dicts as in `-sources` of `add_stream`; one with `subject_transforms` is taken as it is",
    )
    .since(2, 10, 0),
    row("mirror_name", Kind::NonEmpty, "make a mirror of that bucket, also by the name of its stream"),
    row("mirror_domain", Kind::NonEmpty, "JetStream domain of the mirrored bucket; needs `-mirror_name`"),
];

/// Options of `update_bucket`: none has a default, for what is not given stays.
pub(crate) const UPDATE_OPTIONS: &[Opt] = &changeable::<{ ADD_OPTIONS.len() - ONLY_NEW }>(ADD_OPTIONS);

/// Options that are fields of the stream under the same name.
const SAME: &[&str] = &[
    option("description"),
    option("metadata"),
    option("num_replicas"),
    option("placement"),
    option("republish"),
    option("compression"),
    option("allow_atomic"),
];

/// The name of an option of `add`, checked in a constant.
const fn option(name: &str) -> &'static str {
    ADD_OPTIONS[index(ADD_OPTIONS, name)].name
}

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

/// Whether an existing bucket is what was asked for; `given` as for [`bucket_config`]. What was not given does not matter.
pub(crate) fn is_as_given(bucket: &str, given: &[(usize, Value)], sources: &[Json], config: &Json) -> bool {
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
            let wanted = Origin { bucket: bucket_named(name).to_owned(), api: domain.map(|domain| format!("$JS.{domain}.API")) };
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
        && further(bucket, &options, sources).iter().all(|(field, wanted)| holds_all(wanted, config.get(field)))
}

/// The age in ns after which entries expire, 0 for never, if it is among the options.
///
/// # Errors
/// [`BucketError::Value`] for a negative one other than [`NEVER`].
fn age(options: &Map<String, Json>, given: &[(usize, Value)]) -> Result<Option<i64>, BucketError> {
    const TTL: &str = option("ttl");
    let Some(nanos) = options.get(TTL).and_then(Json::as_i64) else { return Ok(None) };
    if nanos >= 0 || nanos == NEVER {
        return Ok(Some(nanos.max(0)));
    }
    let value = given.iter().find_map(|(at, value)| match value {
        Value::Str(text) if *at == const { index(ADD_OPTIONS, TTL) } => Some(text.clone()),
        _ => None,
    });
    Err(BucketError::Value(BadValue { name: TTL.to_owned(), kind: Kind::Millis, value: value.unwrap_or_default() }))
}

/// The stream configuration of a new bucket; `given` as for [`body`] with [`ADD_OPTIONS`].
pub(crate) fn bucket_config(bucket: &str, given: &[(usize, Value)], sources: &[Json]) -> Result<Map<String, Json>, BucketError> {
    let options = body(ADD_OPTIONS, given, true).map_err(BucketError::Value)?;
    let field = |name: &str| options.get(name).cloned().unwrap_or_default();
    let history = options.get(const { option("history") }).and_then(Json::as_i64);
    in_range(history)?;
    let max_age = age(&options, given)?.unwrap_or(0);
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
        (Some(name), None) => set("mirror", json!({ "name": stream_name(bucket_named(name)) })),
        (Some(name), Some(domain)) => {
            set("mirror", json!({ "name": stream_name(bucket_named(name)), "external": { "api": format!("$JS.{domain}.API") } }))
        }
    };
    set("max_msgs_per_subject", field(const { option("history") }));
    set("max_bytes", field(const { option("max_bucket_size") }));
    set("max_age", max_age.into());
    set("max_msg_size", field(const { option("max_value_size") }));
    set("storage", field(const { option("storage") }));
    set("discard", "new".into());
    set("num_replicas", options.get(const { option("num_replicas") }).cloned().unwrap_or_else(|| 1.into()));
    set("duplicate_window", duplicate_window(max_age).into());
    set("allow_rollup_hdrs", true.into());
    set("allow_direct", true.into());
    set("deny_delete", true.into());
    set("deny_purge", false.into());
    if config.contains_key("mirror") {
        config.insert("mirror_direct".to_owned(), true.into());
    }
    config.extend(further(bucket, &options, sources));
    Ok(config)
}

/// Time in ns for which message IDs are remembered: not longer than the entries live.
pub(crate) fn duplicate_window(max_age: i64) -> i64 {
    if max_age == 0 { DUPLICATE_WINDOW_NS } else { max_age.min(DUPLICATE_WINDOW_NS) }
}

fn in_range(history: Option<i64>) -> Result<(), BucketError> {
    match history {
        Some(..1) => Err(BucketError::HistoryTooSmall),
        Some(..=HISTORY_MAX) => Ok(()),
        _ => Err(BucketError::HistoryTooLarge),
    }
}

/// The fields of the options that not every bucket has.
fn further(bucket: &str, options: &Map<String, Json>, sources: &[Json]) -> Map<String, Json> {
    let mut fields = Map::new();
    for name in SAME {
        if let Some(value) = options.get(*name) {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
    if let Some(ttl) = options.get(const { option("limit_marker_ttl") }) {
        fields.insert("allow_msg_ttl".to_owned(), true.into());
        fields.insert("subject_delete_marker_ttl".to_owned(), ttl.clone());
    }
    if options.contains_key(const { option("sources") }) {
        fields.insert("sources".to_owned(), sources.iter().map(|source| source_of(bucket, source)).collect());
    }
    fields
}

/// The bucket of a name that may be that of its stream.
fn bucket_named(name: &str) -> &str {
    bucket_of_stream(name).unwrap_or(name)
}

/// A source in a stream's configuration. One without transforms is a bucket, whose keys become keys of this one (NATS ADR-57).
fn source_of(bucket: &str, source: &Json) -> Json {
    let mut source = source.clone();
    if source.get("subject_transforms").is_some() {
        return source;
    }
    let name = source.get("name").and_then(Json::as_str).unwrap_or_default();
    let origin = bucket_named(name).to_owned();
    source["name"] = stream_name(&origin).into();
    source["subject_transforms"] = json!([{ "src": key_subject(&origin, ">"), "dest": key_subject(bucket, ">") }]);
    source
}

/// Whether a server's value holds all that is wanted; it may have further fields of its own.
fn holds_all(wanted: &Json, is: Option<&Json>) -> bool {
    match (wanted, is) {
        (Json::Object(wanted), Some(Json::Object(is))) => wanted.iter().all(|(name, value)| holds_all(value, is.get(name))),
        (Json::Array(wanted), Some(Json::Array(is))) => {
            wanted.len() == is.len() && wanted.iter().zip(is).all(|(wanted, is)| holds_all(wanted, Some(is)))
        }
        (wanted, Some(is)) => wanted == is,
        // What a server does not write is what asks for nothing.
        (Json::String(text), None) => matches!(text.as_str(), "" | "none"),
        (Json::Bool(flag), None) => !flag,
        (Json::Object(fields), None) => fields.is_empty(),
        (Json::Array(items), None) => items.is_empty(),
        _ => false,
    }
}

/// The change of a bucket's stream; `given` as for [`body`] with [`UPDATE_OPTIONS`].
pub(crate) fn bucket_change(bucket: &str, given: &[(usize, Value)], sources: &[Json]) -> Result<Map<String, Json>, BucketError> {
    let options = body(UPDATE_OPTIONS, given, false).map_err(BucketError::Value)?;
    let mut change = Map::new();
    if let Some(history) = options.get(const { option("history") }) {
        in_range(history.as_i64())?;
    }
    for (name, field) in [
        (const { option("history") }, "max_msgs_per_subject"),
        (const { option("max_bucket_size") }, "max_bytes"),
        (const { option("max_value_size") }, "max_msg_size"),
        (const { option("storage") }, "storage"),
    ] {
        if let Some(value) = options.get(name) {
            change.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(max_age) = age(&options, given)? {
        change.insert("max_age".to_owned(), max_age.into());
        change.insert("duplicate_window".to_owned(), duplicate_window(max_age).into());
    }
    change.extend(further(bucket, &options, sources));
    Ok(change)
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
    // What a bucket need not have is there if it has it.
    if let Some(text) = at("/config/description").as_str().filter(|text| !text.is_empty()) {
        info.insert("description".to_owned(), text.into());
    }
    if let Json::Object(mut metadata) = at("/config/metadata") {
        metadata.retain(|name, _| !name.starts_with("_nats."));
        if !metadata.is_empty() {
            info.insert("metadata".to_owned(), metadata.into());
        }
    }
    if let Some(kind) = at("/config/compression").as_str().filter(|kind| !matches!(*kind, "" | "none")) {
        info.insert("compression".to_owned(), kind.into());
    }
    if let Some(replicas) = at("/config/num_replicas").as_i64().filter(|replicas| *replicas > 1) {
        info.insert("num_replicas".to_owned(), replicas.into());
    }
    if let Some(ttl) = at("/config/subject_delete_marker_ttl").as_i64().filter(|ttl| *ttl > 0) {
        info.insert("limit_marker_ttl".to_owned(), ttl.into());
    }
    info
}

#[cfg(test)]
#[path = "kv_bucket_tests.rs"]
mod tests;
