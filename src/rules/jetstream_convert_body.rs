//! Options as the JSON of a JetStream request: durations become nanoseconds, dicts objects, and lists arrays.

use std::borrow::Cow;

use serde_json::{Map, Number, Value as Json};

use super::option::{Kind, Opt, Value};
use super::time::{millis_to_nanos, rfc3339};
use super::ttl;

/// A value that does not fit its option, found while converting; what Tcl can check has been checked before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadValue {
    /// Name of the option; nested fields are joined by dots (`mirror.opt_start_seq`).
    pub name: String,
    /// Expected type, for the error message.
    pub kind: Kind,
    /// The value as given; empty where it has no short text.
    pub value: String,
}

/// The JSON object of `given` (index into `opts`, value) in the order given; a repeated option overwrites the earlier one.
/// With `creation` the defaults of the table follow for what was not given.
pub(crate) fn body(opts: &[Opt], given: &[(usize, Value)], creation: bool) -> Result<Map<String, Json>, BadValue> {
    let mut map = Map::new();
    for (index, value) in given {
        let opt = &opts[*index];
        map.insert(opt.name.to_owned(), convert(opt.kind, value, opt.name)?);
    }
    if creation {
        for opt in opts {
            if let Some(default) = opt.default.filter(|_| !map.contains_key(opt.name)) {
                map.insert(opt.name.to_owned(), convert(opt.kind, &Value::Str(default.to_owned()), opt.name)?);
            }
        }
    }
    Ok(map)
}

/// The JSON of one option value; `name` is used in errors.
pub(crate) fn convert(kind: Kind, value: &Value, name: &str) -> Result<Json, BadValue> {
    if matches!(value, Value::Json(Json::Null)) {
        return Ok(Json::Null);
    }
    let bad = || BadValue { name: name.to_owned(), kind, value: text(value).unwrap_or_default().into_owned() };
    match kind {
        Kind::Timeout | Kind::Count | Kind::Int => {
            let number = text(value).and_then(|t| t.trim().parse::<i128>().ok()).ok_or_else(bad)?;
            if number < 0 && kind != Kind::Int {
                return Err(bad());
            }
            Number::from_i128(number).map(Json::Number).ok_or_else(bad)
        }
        Kind::Bool => boolean(value).map(Json::Bool).ok_or_else(bad),
        Kind::Str => text(value).map(|t| Json::String(t.into_owned())).ok_or_else(bad),
        Kind::NonEmpty | Kind::Trimmed | Kind::SubjectPrefix | Kind::Command => {
            text(value).filter(|t| !t.is_empty()).map(|t| Json::String(t.into_owned())).ok_or_else(bad)
        }
        Kind::Enum(words) => {
            text(value).filter(|t| words.contains(&t.as_ref())).map(|t| Json::String(t.into_owned())).ok_or_else(bad)
        }
        Kind::Time => text(value).and_then(|t| rfc3339(&t).ok()).map(Json::String).ok_or_else(bad),
        Kind::Ttl => text(value).and_then(|t| ttl::word(&t)).map(Json::String).ok_or_else(bad),
        Kind::Millis | Kind::PosMillis | Kind::Delay => {
            let nanos = text(value).and_then(|t| millis_to_nanos(&t).ok()).ok_or_else(bad)?;
            if nanos < 0 && kind == Kind::PosMillis {
                return Err(bad());
            }
            Ok(Json::Number(nanos.into()))
        }
        Kind::MillisList => list(Kind::Millis, value, name, &bad),
        Kind::List | Kind::StrList => list(Kind::Str, value, name, &bad),
        Kind::Object(fields) => object(fields, value, name, &bad),
        Kind::ObjectList(fields) => list(Kind::Object(fields), value, name, &bad),
        Kind::Dict | Kind::StrMap => map(Kind::Str, value, name, &bad),
    }
}

/// A JSON object given as text in place of a dict; `None` if it is none.
pub(crate) fn json_object(text: &str) -> Option<Json> {
    // A dict may begin with a brace too: only what parses is JSON.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok().filter(Json::is_object)
}

/// JSON given as text in place of a list of dicts: an array of objects, or one object; `None` if it is neither. One object
/// counts because a Tcl list with a single such element looks the same if its author forgot the braces around it.
pub(crate) fn json_objects(text: &str) -> Option<Json> {
    if let Some(object) = json_object(text) {
        return Some(Json::Array(vec![object]));
    }
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let array: Vec<Json> = serde_json::from_str(text).ok()?;
    array.iter().all(Json::is_object).then_some(Json::Array(array))
}

/// The JSON of a text in an unknown field: a number, boolean, null, array or object if it is the text of one, else a string.
pub(crate) fn guess(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(Json::String(_)) | Err(_) => Json::String(text.to_owned()),
        Ok(json) => json,
    }
}

/// The JSON of a value in an unknown field.
fn unknown(value: &Value) -> Json {
    match value {
        Value::Int(n) => Json::Number((*n).into()),
        Value::Bool(b) => Json::Bool(*b),
        Value::List(items) => Json::Array(items.iter().map(unknown).collect()),
        Value::Dict(pairs) => Json::Object(pairs.iter().map(|(k, v)| (k.clone(), unknown(v))).collect()),
        Value::Json(json) => json.clone(),
        Value::Big(text) | Value::Str(text) => guess(text),
    }
}

fn list(kind: Kind, value: &Value, name: &str, bad: &dyn Fn() -> BadValue) -> Result<Json, BadValue> {
    let items = match value {
        Value::List(items) => Cow::Borrowed(items),
        Value::Json(Json::Array(items)) => Cow::Owned(items.iter().cloned().map(Value::Json).collect()),
        Value::Json(Json::Object(_)) if matches!(kind, Kind::Object(_)) => Cow::Owned(vec![value.clone()]),
        Value::Str(text) if text.trim().is_empty() => Cow::Owned(Vec::new()),
        Value::Str(text) if matches!(kind, Kind::Object(_)) => match json_objects(text) {
            Some(Json::Array(items)) => Cow::Owned(items.into_iter().map(Value::Json).collect()),
            _ => return Err(bad()),
        },
        _ => return Err(bad()),
    };
    items.iter().map(|item| convert(kind, item, name)).collect::<Result<Vec<_>, _>>().map(Json::Array)
}

/// Names and values of a dict or JSON object.
fn pairs<'a>(value: &'a Value, bad: &dyn Fn() -> BadValue) -> Result<Cow<'a, [(String, Value)]>, BadValue> {
    let owned = |map: Map<String, Json>| map.into_iter().map(|(k, v)| (k, Value::Json(v))).collect();
    match value {
        Value::Dict(pairs) => Ok(Cow::Borrowed(pairs)),
        Value::Json(Json::Object(map)) => Ok(Cow::Owned(owned(map.clone()))),
        Value::Str(text) if text.trim().is_empty() => Ok(Cow::Owned(Vec::new())),
        Value::Str(text) => match json_object(text) {
            Some(Json::Object(map)) => Ok(Cow::Owned(owned(map))),
            _ => Err(bad()),
        },
        _ => Err(bad()),
    }
}

fn object(fields: &[Opt], value: &Value, name: &str, bad: &dyn Fn() -> BadValue) -> Result<Json, BadValue> {
    let mut map = Map::new();
    for (key, value) in pairs(value, bad)?.iter() {
        let json = match fields.iter().find(|field| field.name == key) {
            Some(field) => convert(field.kind, value, &format!("{name}.{key}"))?,
            None => unknown(value),
        };
        map.insert(key.clone(), json);
    }
    Ok(Json::Object(map))
}

fn map(kind: Kind, value: &Value, name: &str, bad: &dyn Fn() -> BadValue) -> Result<Json, BadValue> {
    let mut map = Map::new();
    for (key, value) in pairs(value, bad)?.iter() {
        map.insert(key.clone(), convert(kind, value, &format!("{name}.{key}"))?);
    }
    Ok(Json::Object(map))
}

/// The text of a scalar.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Str(text) | Value::Big(text) | Value::Json(Json::String(text)) => Some(Cow::Borrowed(text)),
        Value::Int(n) => Some(Cow::Owned(n.to_string())),
        Value::Bool(b) | Value::Json(Json::Bool(b)) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
        Value::Json(Json::Number(n)) => Some(Cow::Owned(n.to_string())),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::jetstream_consumers::CONSUMER_OPTIONS;
    use super::super::jetstream_streams::STREAM_OPTIONS;
    use super::*;

    fn s(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    fn dict(pairs: &[(&str, Value)]) -> Value {
        Value::Dict(pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
    }

    fn build(opts: &[Opt], given: &[(&str, Value)], creation: bool) -> Result<String, BadValue> {
        let index = |name: &str| opts.iter().position(|o| o.name == name).unwrap();
        let given: Vec<_> = given.iter().map(|(n, v)| (index(n), v.clone())).collect();
        body(opts, &given, creation).map(|map| Json::Object(map).to_string())
    }

    #[test]
    fn defaults_only_at_creation() {
        let given = [("subjects", Value::List(vec![s("a.>"), s("b")]))];
        assert_eq!(
            build(STREAM_OPTIONS, &given, true).unwrap(),
            r#"{"subjects":["a.>","b"],"retention":"limits","discard":"old","storage":"file"}"#
        );
        assert_eq!(build(STREAM_OPTIONS, &given, false).unwrap(), r#"{"subjects":["a.>","b"]}"#);
        assert_eq!(
            build(CONSUMER_OPTIONS, &[("ack_policy", s("none"))], true).unwrap(),
            r#"{"ack_policy":"none","deliver_policy":"all","replay_policy":"instant"}"#
        );
    }

    #[test]
    fn durations() {
        let given = [
            ("ack_wait", s("1.5")),
            ("idle_heartbeat", Value::Int(0)),
            ("inactive_threshold", s("-1")),
            ("backoff", Value::List(vec![s("1"), s("0.25"), Value::Int(3)])),
        ];
        assert_eq!(
            build(CONSUMER_OPTIONS, &given, false).unwrap(),
            r#"{"ack_wait":1500000,"idle_heartbeat":0,"inactive_threshold":-1,"backoff":[1000000,250000,3000000]}"#
        );
        assert_eq!(build(CONSUMER_OPTIONS, &[("ack_wait", s("x"))], false).unwrap_err().name, "ack_wait");
    }

    #[test]
    fn exact_integers() {
        let given = [("opt_start_seq", Value::Big("18446744073709551615".to_owned()))];
        assert_eq!(build(CONSUMER_OPTIONS, &given, false).unwrap(), r#"{"opt_start_seq":18446744073709551615}"#);
        assert!(build(CONSUMER_OPTIONS, &[("opt_start_seq", Value::Int(-1))], false).is_err());
    }

    #[test]
    fn nested_dicts_and_json() {
        let mirror = dict(&[
            ("name", s("7")),
            ("opt_start_seq", s("5")),
            ("external", dict(&[("api", s("$JS.x.API"))])),
            ("future", s("3")),
            ("other", s("word")),
        ]);
        let expected = r#"{"name":"7","opt_start_seq":5,"external":{"api":"$JS.x.API"},"future":3,"other":"word"}"#;
        assert_eq!(build(STREAM_OPTIONS, &[("mirror", mirror.clone())], false).unwrap(), format!(r#"{{"mirror":{expected}}}"#));
        let json = r#" {"name":"x","external":{"api":"$JS.x.API"},"future":"3"}"#;
        let sources = Value::List(vec![mirror, s(json)]);
        assert_eq!(
            build(STREAM_OPTIONS, &[("sources", sources)], false).unwrap(),
            format!(r#"{{"sources":[{expected},{}]}}"#, json.trim())
        );
        for value in [Value::Json(serde_json::from_str(json).unwrap()), s(json), s(&format!("[{json}]"))] {
            assert_eq!(
                build(STREAM_OPTIONS, &[("sources", value)], false).unwrap(),
                format!(r#"{{"sources":[{}]}}"#, json.trim())
            );
        }
        let bad = build(STREAM_OPTIONS, &[("mirror", dict(&[("opt_start_seq", s("x"))]))], false).unwrap_err();
        assert_eq!((bad.name.as_str(), bad.kind, bad.value.as_str()), ("mirror.opt_start_seq", Kind::Count, "x"));
        assert!(build(STREAM_OPTIONS, &[("mirror", s("{name x"))], false).is_err());
        assert!(build(STREAM_OPTIONS, &[("sources", s("[1]"))], false).is_err());
    }

    #[test]
    fn limits_and_metadata() {
        let limits = Value::Json(serde_json::json!({"inactive_threshold": 1500, "max_ack_pending": -1}));
        let given = [("consumer_limits", limits), ("metadata", dict(&[("max_age", s("5")), ("b", Value::Int(1))]))];
        assert_eq!(
            build(STREAM_OPTIONS, &given, false).unwrap(),
            r#"{"consumer_limits":{"inactive_threshold":1500000000,"max_ack_pending":-1},"metadata":{"max_age":"5","b":"1"}}"#
        );
        assert_eq!(build(STREAM_OPTIONS, &[("consumer_limits", s(""))], false).unwrap(), r#"{"consumer_limits":{}}"#);
    }

    #[test]
    fn booleans_enums_and_null() {
        assert_eq!(
            build(STREAM_OPTIONS, &[("sealed", Value::Bool(true)), ("no_ack", s("off"))], false).unwrap(),
            r#"{"sealed":true,"no_ack":false}"#
        );
        assert!(build(STREAM_OPTIONS, &[("storage", s("disk"))], false).is_err());
        assert_eq!(build(STREAM_OPTIONS, &[("mirror", Value::Json(Json::Null))], false).unwrap(), r#"{"mirror":null}"#);
    }

    #[test]
    fn guesses() {
        for (text, json) in
            [("5", "5"), ("true", "true"), ("null", "null"), ("a b", r#""a b""#), ("", r#""""#), (r#""q""#, r#""\"q\"""#)]
        {
            assert_eq!(guess(text).to_string(), json);
        }
    }
}
