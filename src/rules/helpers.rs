//! Results of the helper commands of dialect 3: parts of a stream's configuration, and origins of buckets.

use serde_json::{Map, Value as Json};

use super::jetstream_convert_body::{BadValue, body};
use super::jetstream_streams::SUBJECT_TRANSFORM;
use super::option::{Kind, Opt, Value, preset, row};

/// Options of `make_stream_source`, in the order of the result.
pub(crate) const STREAM_SOURCE_OPTIONS: &[Opt] = &[
    row("name", Kind::NonEmpty, "stream to copy from; required"),
    row("opt_start_seq", Kind::Count, "first sequence to copy"),
    row("opt_start_time", Kind::NonEmpty, "time of the first message to copy, ISO 8601"),
    row("filter_subject", Kind::NonEmpty, "copy only these subjects"),
    row("subject_transforms", Kind::ObjectList(SUBJECT_TRANSFORM), "results of make_subject_transform"),
    row("api", Kind::NonEmpty, "API prefix of another domain or account"),
    row("deliver", Kind::NonEmpty, "prefix of the delivery subject; needs -api"),
];

/// Options of `make_subject_transform`.
pub(crate) const SUBJECT_TRANSFORM_OPTIONS: &[Opt] =
    &[row("src", Kind::NonEmpty, "subjects to transform; required"), row("dest", Kind::NonEmpty, "what they become; required")];

/// Options of `make_republish`.
pub(crate) const REPUBLISH_OPTIONS: &[Opt] = &[
    row("src", Kind::NonEmpty, "subjects to republish; required"),
    row("dest", Kind::NonEmpty, "subject to publish to; required"),
    preset("headers_only", Kind::Bool, "false", "leave the payload out"),
];

/// Options of `make_kv_origin`.
pub(crate) const KV_ORIGIN_OPTIONS: &[Opt] = &[
    row("stream", Kind::NonEmpty, "stream to copy from, if it is not that of the bucket"),
    row("bucket", Kind::NonEmpty, "bucket to copy from; required"),
    row("keys", Kind::StrList, "keys to copy, wildcards allowed; all by default"),
    row("api", Kind::NonEmpty, "API prefix of another domain or account"),
    row("deliver", Kind::NonEmpty, "prefix of the delivery subject"),
    row("domain", Kind::NonEmpty, "domain, in place of -api"),
];

/// The options as a JSON object in the order of the table, `api` and `deliver` inside `external`.
///
/// # Errors
/// A value that does not fit its option.
pub(crate) fn part(table: &[Opt], mut given: Vec<(usize, Value)>) -> Result<Json, BadValue> {
    given.sort_by_key(|(index, _)| *index);
    let (mut map, mut external) = (Map::new(), Map::new());
    for (name, value) in body(table, &given, true)? {
        let into = if matches!(name.as_str(), "api" | "deliver") { &mut external } else { &mut map };
        into.insert(name, value);
    }
    if !external.is_empty() {
        map.insert("external".into(), Json::Object(external));
    }
    Ok(Json::Object(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let text = |text: &str| Value::Str(text.to_string());
        let source = vec![(6, text("d")), (5, text("$JS.x.API")), (0, text("S")), (1, Value::Int(3))];
        assert_eq!(
            part(STREAM_SOURCE_OPTIONS, source).unwrap().to_string(),
            r#"{"name":"S","opt_start_seq":3,"external":{"api":"$JS.x.API","deliver":"d"}}"#
        );
        assert_eq!(
            part(REPUBLISH_OPTIONS, vec![(0, text("a")), (1, text("b"))]).unwrap().to_string(),
            r#"{"src":"a","dest":"b","headers_only":false}"#
        );
    }
}
