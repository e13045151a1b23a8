//! Key-value of dialect 3: option tables, the streams of buckets, aggregates and mirrors, the end of the initial entries.

use serde_json::{Map, Value as Json, json};

use super::jetstream_convert_body::{BadValue, body};
use super::jetstream_streams::{PLACEMENT, REPUBLISH};
use super::kv::{key_subject, origin, stream_name};
use super::kv_codec::CODEC_OPTIONS;
use super::option::{Kind, Opt, Value, changeable, index, joined, preset, row};

/// Options of `create_kv_bucket`, `create_kv_aggregate` and `create_kv_mirror`.
pub(crate) const BUCKET_OPTIONS: &[Opt] = &[
    row("description", Kind::NonEmpty, "description").since(2, 3, 3),
    row("max_value_size", Kind::Int, "largest value in bytes"),
    preset("history", Kind::Count, "1", "entries kept for each key, 1 to 64"),
    preset("ttl", Kind::Count, "0", "age in ms after which entries expire; 0 for never"),
    row("max_bucket_size", Kind::Count, "most bytes of the bucket"),
    preset("storage", Kind::Enum(&["memory", "file"]), "file", "where entries are kept"),
    preset("num_replicas", Kind::Int, "1", "copies in a cluster"),
    row("compression", Kind::Enum(&["none", "s2"]), "compression of the file store").since(2, 10, 0),
    row("metadata", Kind::StrMap, "names and values of the user's choice").since(2, 10, 0),
    row("placement", Kind::Object(PLACEMENT), "*new:* cluster and servers for the bucket"),
    row("republish", Kind::Object(REPUBLISH), "*new:* publish stored entries again").since(2, 8, 3),
    row(
        "limit_marker_ttl",
        Kind::PosMillis,
        "*new:* age, at least 1000, of the `PURGE` entry that the server leaves for a key whose last entry has expired; entries may have a `-ttl` of their own",
    )
    .since(2, 11, 0),
    row("allow_atomic", Kind::Bool, "*new:* allow atomic batches").since(2, 12, 0),
    row("mirror_name", Kind::NonEmpty, "bucket to mirror: what is read comes from the copy, what is written goes to the origin"),
    row("mirror_domain", Kind::NonEmpty, "JetStream domain of that bucket"),
];

/// Number of options of [`BUCKET_OPTIONS`] that only a new bucket can have; they are its last ones.
const ONLY_NEW: usize = 2;

/// Options of `update_kv_bucket`.
pub(crate) const UPDATE_OPTIONS: &[Opt] = &changeable::<{ BUCKET_OPTIONS.len() - ONLY_NEW }>(BUCKET_OPTIONS);

/// Options of what creates a bucket and gives its object.
pub(crate) const OBJECT_OPTIONS: &[Opt] =
    &joined::<{ BUCKET_OPTIONS.len() + CODEC_OPTIONS.len() }>(BUCKET_OPTIONS, CODEC_OPTIONS);

/// The name of an option of a bucket, checked in a constant.
const fn option(name: &str) -> &'static str {
    BUCKET_OPTIONS[index(BUCKET_OPTIONS, name)].name
}

const HISTORY_MAX: i64 = 64;
const DUPLICATE_WINDOW_MS: i64 = 120_000;
const NANOS: i64 = 1_000_000;

/// Reason why there is no configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// `-history` outside of 1 to 64.
    History,
    /// A value that does not fit its option.
    Value(BadValue),
}

/// Where an aggregate or a mirror takes its entries from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Stream to copy from.
    pub stream: String,
    /// Bucket whose keys are copied.
    pub bucket: String,
    /// Patterns of keys; empty for all.
    pub keys: Vec<String>,
    /// API prefix of another domain or account.
    pub api: Option<String>,
    /// Prefix of the delivery subject there.
    pub deliver: Option<String>,
}

/// The part of the configuration that all streams of buckets have in common.
fn common(name: &str, given: &[(usize, Value)]) -> Result<Map<String, Json>, Refusal> {
    let options = body(BUCKET_OPTIONS, given, true).map_err(Refusal::Value)?;
    let history = history(&options)?.ok_or(Refusal::History)?;
    let (ttl, window) = ages(&options)?.unwrap_or_default();
    let mut config = Map::new();
    let mut set = |name: &str, value: Json| config.insert(name.to_string(), value);
    set("name", name.into());
    set("max_msgs_per_subject", history.into());
    set("max_age", ttl.into());
    set("duplicate_window", window.into());
    set("discard", "new".into());
    set("deny_delete", true.into());
    set("deny_purge", false.into());
    set("allow_rollup_hdrs", true.into());
    set("allow_direct", true.into());
    config.extend(same(&options));
    Ok(config)
}

/// The options that are a field of the stream, if under another name, with that name.
const FIELDS: &[(&str, &str)] = &[
    (option("description"), "description"),
    (option("max_value_size"), "max_msg_size"),
    (option("max_bucket_size"), "max_bytes"),
    (option("storage"), "storage"),
    (option("num_replicas"), "num_replicas"),
    (option("compression"), "compression"),
    (option("metadata"), "metadata"),
    (option("placement"), "placement"),
    (option("republish"), "republish"),
    (option("limit_marker_ttl"), "subject_delete_marker_ttl"),
    (option("allow_atomic"), "allow_atomic"),
];

/// The fields of the options in [`FIELDS`] that were given.
fn same(options: &Map<String, Json>) -> Map<String, Json> {
    let given = |(name, field): &(&str, &str)| Some((field.to_string(), options.get(*name)?.clone()));
    let mut fields: Map<String, Json> = FIELDS.iter().filter_map(given).collect();
    if options.contains_key(const { option("limit_marker_ttl") }) {
        fields.insert("allow_msg_ttl".into(), true.into());
    }
    fields
}

/// Age of entries in ns and time for which message IDs are remembered, which is not longer.
fn ages(options: &Map<String, Json>) -> Result<Option<(i64, i64)>, Refusal> {
    let Some(value) = options.get(const { option("ttl") }) else { return Ok(None) };
    let ttl = value
        .as_i64()
        .and_then(|ms| ms.checked_mul(NANOS))
        .ok_or_else(|| Refusal::Value(BadValue { name: "ttl".into(), kind: Kind::Count, value: value.to_string() }))?;
    let window = DUPLICATE_WINDOW_MS * NANOS;
    Ok(Some((ttl, if ttl == 0 { window } else { ttl.min(window) })))
}

fn history(options: &Map<String, Json>) -> Result<Option<i64>, Refusal> {
    let Some(value) = options.get(const { option("history") }) else { return Ok(None) };
    value.as_i64().filter(|history| (1..=HISTORY_MAX).contains(history)).ok_or(Refusal::History).map(Some)
}

/// The change of a bucket's stream; `given` by the rows of [`UPDATE_OPTIONS`].
///
/// # Errors
/// As [`bucket_stream`].
pub(crate) fn bucket_change(given: &[(usize, Value)]) -> Result<Map<String, Json>, Refusal> {
    let options = body(UPDATE_OPTIONS, given, false).map_err(Refusal::Value)?;
    let mut change = same(&options);
    if let Some(history) = history(&options)? {
        change.insert("max_msgs_per_subject".into(), history.into());
    }
    if let Some((ttl, window)) = ages(&options)? {
        change.insert("max_age".into(), ttl.into());
        change.insert("duplicate_window".into(), window.into());
    }
    Ok(change)
}

/// The stream of a bucket, or of one that mirrors the bucket `mirror`, reached through the API prefix `api` if that is given.
///
/// # Errors
/// A history out of range, a value that does not fit.
pub(crate) fn bucket_stream(
    bucket: &str,
    mirror: Option<(&str, Option<&str>)>,
    given: &[(usize, Value)],
) -> Result<Map<String, Json>, Refusal> {
    let mut config = common(&stream_name(bucket), given)?;
    match mirror {
        None => {
            config.insert("subjects".into(), json!([key_subject(bucket, ">")]));
        }
        Some((origin, api)) => {
            let mut mirror = json!({ "name": stream_name(origin) });
            if let Some(api) = api {
                mirror["external"] = json!({ "api": api });
            }
            config.insert("mirror".into(), mirror);
            config.insert("mirror_direct".into(), true.into());
        }
    }
    Ok(config)
}

/// The stream of a bucket that is filled from others.
///
/// # Errors
/// As [`bucket_stream`].
pub(crate) fn aggregate_stream(
    bucket: &str,
    writable: bool,
    sources: &[Source],
    given: &[(usize, Value)],
) -> Result<Map<String, Json>, Refusal> {
    let mut config = common(&stream_name(bucket), given)?;
    if writable {
        config.insert("subjects".into(), json!([key_subject(bucket, ">")]));
    }
    let all = [">".to_string()];
    let sources = sources.iter().map(|source| {
        let keys = if source.keys.is_empty() { &all } else { source.keys.as_slice() };
        source.json(keys, bucket)
    });
    config.insert("sources".into(), sources.collect());
    Ok(config)
}

/// A stream that answers direct gets for another bucket.
///
/// # Errors
/// As [`bucket_stream`].
pub(crate) fn mirror_stream(name: &str, source: &Source, given: &[(usize, Value)]) -> Result<Map<String, Json>, Refusal> {
    let mut config = common(name, given)?;
    config.insert("mirror".into(), source.json(&source.keys, &source.bucket));
    config.insert("mirror_direct".into(), true.into());
    Ok(config)
}

impl Source {
    /// The source or mirror in a stream's configuration, its keys those of the bucket `into`.
    fn json(&self, keys: &[String], into: &str) -> Json {
        let mut source = json!({ "name": self.stream });
        if !keys.is_empty() {
            let transforms = keys
                .iter()
                .map(|key| json!({ "src": key_subject(&self.bucket, key), "dest": key_subject(into, &numbered(key)) }));
            source["subject_transforms"] = transforms.collect();
        }
        if let Some(api) = &self.api {
            source["external"] = json!({ "api": api });
            if let Some(deliver) = &self.deliver {
                source["external"]["deliver"] = deliver.as_str().into();
            }
        }
        source
    }
}

/// A pattern as the destination of a transform, which names its wildcards by their numbers.
fn numbered(key: &str) -> String {
    let mut number = 0;
    let tokens = key.split('.').map(|token| {
        if token != "*" {
            return token.to_string();
        }
        number += 1;
        format!("{{{{wildcard({number})}}}}")
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// What an object must know about its bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Bucket in the subjects: that of the object, or the one that it mirrors.
    pub owner: String,
    /// API prefix of the bucket that it mirrors, if that is in another domain or account.
    pub api: Option<String>,
    /// Whether direct gets are allowed.
    pub direct: bool,
    /// Whether it keeps one entry of each key.
    pub single: bool,
}

impl Place {
    /// The place of a bucket by its stream's configuration; `None` if the stream keeps less than one message a subject.
    pub(crate) fn of(bucket: &str, config: &Json) -> Option<Place> {
        let most = config.get("max_msgs_per_subject").and_then(Json::as_i64).filter(|most| *most >= 1)?;
        let origin = origin(config);
        Some(Place {
            single: most == 1,
            direct: config.get("allow_direct").and_then(Json::as_bool).unwrap_or(false),
            owner: origin.as_ref().map_or(bucket, |origin| &origin.bucket).to_string(),
            api: origin.and_then(|origin| origin.api),
        })
    }

    /// Subject to which a key is written; `prefix` is the object's API prefix if it is not the usual one.
    pub(crate) fn write_subject(&self, key: &str, prefix: Option<&str>) -> String {
        let subject = key_subject(&self.owner, key);
        match self.api.as_deref().or(prefix) {
            Some(prefix) => format!("{prefix}.{subject}"),
            None => subject,
        }
    }
}

/// The domain of an API prefix `$JS.<domain>.API`.
pub(crate) fn domain_of(api: &str) -> Option<&str> {
    api.strip_prefix("$JS.")?.strip_suffix(".API").filter(|domain| !domain.is_empty() && !domain.contains('.'))
}

/// The end of the entries that existed at the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Initial {
    /// Last revision at the beginning, if it is known.
    last: Option<u64>,
    /// Number of deliveries still expected.
    left: u64,
    over: bool,
}

impl Initial {
    /// Nothing was delivered yet.
    pub(crate) fn new() -> Initial {
        Initial { last: None, left: 0, over: false }
    }

    /// The last revision at the beginning becomes known.
    pub(crate) fn ends_at(&mut self, last: u64) {
        self.last = Some(last);
    }

    /// A consumer was made, with so many entries to come. True if the initial ones end here.
    pub(crate) fn made(&mut self, pending: u64) -> bool {
        self.left = pending;
        self.end_if(pending == 0)
    }

    /// Nothing is to come for now. True if the initial entries end here.
    pub(crate) fn quiet(&mut self) -> bool {
        self.end_if(true)
    }

    /// An entry came. True if the initial ones ended before it; asked by those who must not mix them with later ones.
    pub(crate) fn before(&mut self, revision: u64) -> bool {
        self.end_if(self.last.is_some_and(|last| revision > last))
    }

    /// The entry was taken. True if the initial ones end with it.
    pub(crate) fn after(&mut self, revision: u64, pending: u64) -> bool {
        self.left = self.left.saturating_sub(1);
        let counted = self.last.is_none() && self.left == 0;
        self.end_if(pending == 0 || counted || self.last.is_some_and(|last| revision >= last))
    }

    fn end_if(&mut self, condition: bool) -> bool {
        condition && !std::mem::replace(&mut self.over, true)
    }
}

/// Number of times that a reading goes on for what has come meanwhile: a writer that is faster than the reader must not hold it
/// for ever.
const ROUNDS: u32 = 16;

/// A reading of everything that is there. While others write, an entry that is written again counts as a later one, in place of
/// the one that was there: where the reading seems to end, the last entry has to be looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathering {
    /// Number of deliveries still expected.
    left: u64,
    /// The last revision that was read.
    seen: u64,
    /// The revision to read up to, once it is known.
    target: Option<u64>,
    rounds: u32,
}

impl Gathering {
    /// A consumer was made, with so many entries to come. True if the reading seems to end here.
    pub(crate) fn made(&mut self, pending: u64) -> bool {
        self.left = pending;
        pending == 0
    }

    /// An entry came. True if the reading seems to end with it.
    pub(crate) fn read(&mut self, revision: u64, pending: u64) -> bool {
        self.left = self.left.saturating_sub(1);
        self.seen = revision;
        self.target.map_or(pending == 0 || self.left == 0, |target| revision >= target)
    }

    /// The last entry was looked for, where the reading seemed to end. True if it does.
    pub(crate) fn ends(&mut self, last: Option<u64>) -> bool {
        self.rounds += 1;
        self.target = last.filter(|last| *last > self.seen && self.rounds <= ROUNDS);
        self.target.is_none()
    }
}

#[cfg(test)]
#[path = "kv3_tests.rs"]
mod tests;
