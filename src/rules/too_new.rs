//! Options for which a server is too old.

use super::option::{Kind, Opt, Value};
use super::version::Version;

/// The first of the given options (index into `opts`, value) that `server` is too old for: its name, nested ones joined by
/// dots, and the version that has it. With `lenient`, for a configuration as a server wrote it, fields that ask for nothing
/// (`false`, 0, empty, `none`) count as not given.
pub(crate) fn too_new(opts: &[Opt], given: &[(usize, Value)], server: Version, lenient: bool) -> Option<(String, Version)> {
    given.iter().find_map(|(index, value)| field_too_new(&opts[*index], value, server, lenient))
}

fn field_too_new(opt: &Opt, value: &Value, server: Version, lenient: bool) -> Option<(String, Version)> {
    if lenient && asks_nothing(value) {
        return None;
    }
    if let Some(since) = opt.since.filter(|since| *since > server) {
        return Some((opt.name.to_owned(), since));
    }
    let nested = match opt.kind {
        Kind::Object(fields) => fields_too_new(fields, value, server, lenient),
        Kind::ObjectList(fields) => match value {
            Value::List(items) => items.iter().find_map(|item| fields_too_new(fields, item, server, lenient)),
            Value::Json(serde_json::Value::Array(items)) => {
                items.iter().find_map(|item| fields_too_new(fields, &Value::Json(item.clone()), server, lenient))
            }
            _ => fields_too_new(fields, value, server, lenient),
        },
        _ => None,
    };
    nested.map(|(name, since)| (format!("{}.{name}", opt.name), since))
}

fn fields_too_new(fields: &[Opt], value: &Value, server: Version, lenient: bool) -> Option<(String, Version)> {
    let check = |name: &str, value: &Value| {
        let field = fields.iter().find(|field| field.name == name)?;
        field_too_new(field, value, server, lenient)
    };
    match value {
        Value::Dict(pairs) => pairs.iter().find_map(|(name, value)| check(name, value)),
        Value::Json(serde_json::Value::Object(map)) => {
            map.iter().find_map(|(name, value)| check(name, &Value::Json(value.clone())))
        }
        _ => None,
    }
}

/// Whether a field with this value is as good as absent.
fn asks_nothing(value: &Value) -> bool {
    match value {
        Value::Int(number) => *number == 0,
        Value::Big(_) => false,
        Value::Bool(flag) => !flag,
        Value::Str(text) => matches!(text.as_str(), "" | "0" | "none" | "default"),
        Value::List(items) => items.is_empty(),
        // Names that begin so are the server's own notes in `metadata`.
        Value::Dict(pairs) => pairs.iter().all(|(name, value)| name.starts_with("_nats.") || asks_nothing(value)),
        Value::Json(json) => match json {
            serde_json::Value::Null => true,
            serde_json::Value::Bool(flag) => !flag,
            serde_json::Value::Number(number) => number.as_i64() == Some(0),
            serde_json::Value::String(text) => asks_nothing(&Value::Str(text.clone())),
            serde_json::Value::Array(items) => items.is_empty(),
            serde_json::Value::Object(map) => map.values().all(|value| asks_nothing(&Value::Json(value.clone()))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::jetstream_streams::STREAM_OPTIONS;
    use super::*;

    fn index(name: &str) -> usize {
        STREAM_OPTIONS.iter().position(|opt| opt.name == name).unwrap()
    }

    #[test]
    fn finds_what_is_too_new() {
        let old = Version(2, 9, 10);
        let check = |name: &str, value: Value, lenient| too_new(STREAM_OPTIONS, &[(index(name), value)], old, lenient);
        assert_eq!(check("max_age", Value::Str("5".into()), false), None);
        let compression = || Value::Str("s2".into());
        assert_eq!(check("compression", compression(), false), Some(("compression".into(), Version(2, 10, 0))));
        assert_eq!(check("compression", compression(), true), Some(("compression".into(), Version(2, 10, 0))));
        assert_eq!(check("compression", Value::Str("none".into()), true), None);
        assert!(check("compression", Value::Str("none".into()), false).is_some());
        let notes = Value::Dict(vec![("_nats.level".into(), Value::Str("1".into()))]);
        assert_eq!(check("metadata", notes, true), None);
        let source = serde_json::json!({"name": "O", "subject_transforms": [{"src": "a", "dest": "b"}]});
        let nested = Some(("sources.subject_transforms".to_owned(), Version(2, 10, 0)));
        assert_eq!(check("sources", Value::Json(serde_json::json!([source])), false), nested);
        assert_eq!(check("sources", Value::Json(serde_json::json!([{"name": "O"}])), false), None);
        assert_eq!(too_new(STREAM_OPTIONS, &[(index("compression"), compression())], Version(2, 10, 0), false), None);
    }
}
