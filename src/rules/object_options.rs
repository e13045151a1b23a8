//! Object store: the options of its methods, and the stream behind a bucket.

use serde_json::{Map, Value as Json, json};

use super::jetstream_convert_body::{BadValue, body};
use super::jetstream_streams::PLACEMENT;
use super::kv_bucket::duplicate_window;
use super::object::{meta_subjects, stream_name};
use super::option::{Kind, Opt, Value, preset, row};

/// Options of `object_store`.
pub(crate) const BIND_OPTIONS: &[Opt] =
    &[row("timeout", Kind::Timeout, "timeout of the object's requests; by default that of the JetStream object")];

/// Options of `create_object_store` and `update_object_store`.
pub(crate) const BUCKET_OPTIONS: &[Opt] = &[
    row("description", Kind::Str, "description of the bucket"),
    row("ttl", Kind::PosMillis, "age after which objects expire; 0 for never"),
    row("max_bytes", Kind::Int, "most bytes of the bucket; -1 for no limit"),
    row("storage", Kind::Enum(&["file", "memory"]), "where objects are kept; `file` by default"),
    row("num_replicas", Kind::Count, "number of copies in a cluster"),
    row("compression", Kind::Bool, "whether the server compresses what it stores").since(2, 10, 0),
    row("metadata", Kind::StrMap, "metadata of the bucket").since(2, 10, 0),
    row("placement", Kind::Object(PLACEMENT), "where in the cluster the bucket is kept"),
    row("allow_batched", Kind::Bool, "store objects by fast batches").since(2, 14, 0),
];

/// Options of `put` and `put_file`.
pub(crate) const PUT_OPTIONS: &[Opt] = &[
    row("description", Kind::Str, "description of the object"),
    row("headers", Kind::Dict, "headers of the object, a dict of lists; they are kept in its meta"),
    row("metadata", Kind::StrMap, "metadata of the object, a dict of texts"),
    preset("chunk_size", Kind::Count, "131072", "bytes of a chunk, from 1 to what a message can hold"),
    row("timeout", Kind::Timeout, "timeout of each request and acknowledgement; by default that of the object"),
    row("revision", Kind::Count, "store only if this is the latest revision of the name, 0 if there must be none"),
    row("progress", Kind::Command, "invoked as `prefix bytes total` while bytes are acknowledged; -1 for an unknown total"),
    row("callback", Kind::Command, "return at once; invoked as `prefix info error` at the end"),
];

/// Options of `open`; an object that is read takes the timeout alone.
pub(crate) const OPEN_OPTIONS: &[Opt] = &[
    row("description", Kind::Str, "description of the object"),
    row("headers", Kind::Dict, "headers of the object"),
    row("metadata", Kind::StrMap, "metadata of the object"),
    preset("chunk_size", Kind::Count, "131072", "bytes of a chunk, from 1 to what a message can hold"),
    row("timeout", Kind::Timeout, "timeout of each request, or time without data; by default the timeout of the object"),
    row("revision", Kind::Count, "store only if this is the latest revision of the name, 0 if there must be none"),
    row("progress", Kind::Command, "invoked as `prefix bytes -1` while bytes are acknowledged"),
];

/// Options of `get`.
pub(crate) const GET_OPTIONS: &[Opt] = &[
    row("info", Kind::NonEmpty, "variable that is set to the object's info; not together with `-callback`"),
    row("channel", Kind::NonEmpty, "write to this channel, which stays open; the result is the info"),
    row("file", Kind::NonEmpty, "write to this file; the result is the info"),
    row("timeout", Kind::Timeout, "time without data after which the call fails; by default the timeout of the object"),
    row("progress", Kind::Command, "invoked as `prefix bytes total` while bytes arrive"),
    row(
        "callback",
        Kind::Command,
        "return at once; invoked as `prefix data error` at the end, with the info in place of data that went elsewhere",
    ),
];

/// Options of `info`.
pub(crate) const INFO_OPTIONS: &[Opt] = &[preset("deleted", Kind::Bool, "false", "show a deleted object, too")];

/// Options of `update_meta`.
pub(crate) const META_OPTIONS: &[Opt] = &[
    row("name", Kind::NonEmpty, "new name"),
    row("description", Kind::Str, "new description; an empty one removes it"),
    row("headers", Kind::Dict, "new headers, a dict of lists; an empty one removes them"),
    row("metadata", Kind::StrMap, "new metadata, a dict of texts; an empty one removes it"),
];

/// Options of `link`.
pub(crate) const LINK_OPTIONS: &[Opt] = &[row("bucket", Kind::NonEmpty, "bucket of the target; by default this one")];

/// Options of `watch`.
pub(crate) const WATCH_OPTIONS: &[Opt] = &[
    row("callback", Kind::Command, "invoked as `prefix status info`; required"),
    preset("include_history", Kind::Bool, "false", "begin with all infos that are kept, not only the latest of each name"),
    preset("updates_only", Kind::Bool, "false", "only changes from now on; not together with `-include_history`"),
    preset("ignore_deletes", Kind::Bool, "false", "no deleted objects"),
    row("pattern", Kind::Str, "only names that match, as in `string match`"),
    preset(
        "idle_heartbeat",
        Kind::Timeout,
        "5000",
        "time between heartbeats of the server; three missed ones are an error. 0: no heartbeats",
    ),
];

/// Options of `list`.
pub(crate) const LIST_OPTIONS: &[Opt] = &[
    preset("deleted", Kind::Bool, "false", "list deleted objects, too"),
    row("pattern", Kind::Str, "only names that match, as in `string match`"),
];

/// The configuration fields that the options stand for; `given` as for [`body`].
fn bucket_fields(given: &[(usize, Value)]) -> Result<Map<String, Json>, BadValue> {
    let options = body(BUCKET_OPTIONS, given, false)?;
    let field = |(name, value): (String, Json)| match (name.as_str(), value) {
        ("ttl", value) => ("max_age".to_string(), value),
        ("compression", Json::Bool(on)) => (name, if on { "s2" } else { "none" }.into()),
        (_, value) => (name, value),
    };
    Ok(options.into_iter().map(field).collect())
}

/// The configuration fields that a change of a bucket stands for; `given` as for [`body`].
pub(crate) fn bucket_change(given: &[(usize, Value)]) -> Result<Map<String, Json>, BadValue> {
    let mut change = bucket_fields(given)?;
    // The server refuses a window that is longer than the age, and has made one of its own when there was none.
    if let Some(max_age) = change.get("max_age").and_then(Json::as_i64) {
        change.insert("duplicate_window".to_string(), duplicate_window(max_age).into());
    }
    Ok(change)
}

/// The stream of a new bucket.
pub(crate) fn bucket_config(bucket: &str, given: &[(usize, Value)]) -> Result<Map<String, Json>, BadValue> {
    let base = json!({
        "name": stream_name(bucket),
        "subjects": [format!("$O.{bucket}.C.>"), meta_subjects(bucket)],
        "discard": "new",
        "allow_rollup_hdrs": true,
        "allow_direct": true,
        "storage": "file",
        "num_replicas": 1,
        "max_age": 0,
        "max_bytes": -1,
    });
    let mut config = match base {
        Json::Object(config) => config,
        _ => Map::new(),
    };
    config.extend(bucket_fields(given)?);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::option::index;

    fn given(name: &str, value: Value) -> (usize, Value) {
        (index(BUCKET_OPTIONS, name), value)
    }

    #[test]
    fn shorter_life() {
        let fields = bucket_change(&[given("ttl", Value::Str("60000".into()))]);
        assert_eq!(Json::Object(fields.unwrap()), json!({ "max_age": 60_000_000_000i64, "duplicate_window": 60_000_000_000i64 }));
    }

    #[test]
    fn plain_bucket() {
        let wanted = json!({
            "name": "OBJ_b", "subjects": ["$O.b.C.>", "$O.b.M.>"], "discard": "new", "allow_rollup_hdrs": true,
            "allow_direct": true, "storage": "file", "num_replicas": 1, "max_age": 0, "max_bytes": -1,
        });
        assert_eq!(Json::Object(bucket_config("b", &[]).unwrap()), wanted);
    }

    #[test]
    fn options_are_fields() {
        let fields = bucket_fields(&[
            given("ttl", Value::Str("1500".into())),
            given("compression", Value::Bool(true)),
            given("max_bytes", Value::Int(10)),
            given("storage", Value::Str("memory".into())),
        ]);
        let wanted = json!({ "max_age": 1_500_000_000_i64, "compression": "s2", "max_bytes": 10, "storage": "memory" });
        assert_eq!(Json::Object(fields.unwrap()), wanted);
        let off = bucket_fields(&[given("compression", Value::Bool(false))]).unwrap();
        assert_eq!(Json::Object(off), json!({ "compression": "none" }));
    }
}
