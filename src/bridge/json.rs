//! JSON as Tcl values: objects as dicts in the server's order, arrays as lists, numbers verbatim; and back, where a script passes
//! on what it got from the server.

use serde_json::{Map, Value as Json};

use crate::rules::jetstream_convert_body::guess;
use crate::rules::option::{Kind, Value};
use crate::tcl::{Mark, Obj, Shape};

/// The word for the JSON value null.
const NULL: &str = "null";

/// The Tcl value of a JSON value; booleans are `true` and `false`, null is `null`. Null, and texts that look like other JSON,
/// are marked as what they are.
pub(crate) fn to_obj(json: &Json) -> Obj {
    match json {
        Json::Null => Obj::marked(NULL, Mark::Nothing),
        Json::Bool(b) => Obj::bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(i) => Obj::int(i),
            None => Obj::text(&n.to_string()),
        },
        Json::String(s) if guess(s).is_string() => Obj::text(s),
        Json::String(s) => Obj::marked(s, Mark::Text),
        Json::Array(items) if items.is_empty() => Obj::marked("", Mark::NoItems),
        Json::Array(items) => Obj::list(&items.iter().map(to_obj).collect::<Vec<_>>()),
        Json::Object(map) => {
            let mut dict = Obj::dict();
            for (key, value) in map {
                dict.put_text(key, &to_obj(value));
            }
            dict
        }
    }
}

/// The JSON of a value whose field nobody knows: what it was if it still shows, else what it looks like.
pub(crate) fn from_obj(value: &Obj) -> Json {
    match value.shape() {
        Shape::Marked(Mark::Nothing) => Json::Null,
        Shape::Marked(Mark::Text) => Json::String(value.to_text()),
        Shape::Marked(Mark::NoItems) => Json::Array(Vec::new()),
        Shape::Dict => {
            let pairs = value.as_dict().unwrap_or_default();
            Json::Object(pairs.iter().map(|(name, value)| (name.to_text(), from_obj(value))).collect::<Map<_, _>>())
        }
        Shape::List => Json::Array(value.as_list().unwrap_or_default().iter().map(from_obj).collect()),
        Shape::Other => guess(&value.as_text()),
    }
}

/// Whether the value of a field of this type stands for JSON null. Where a text may stand, the word alone is a text.
pub(crate) fn is_null(kind: Kind, value: &Obj) -> bool {
    match kind {
        Kind::Str | Kind::NonEmpty | Kind::StrList | Kind::List => value.shape() == Shape::Marked(Mark::Nothing),
        _ => value.raw_str() == NULL.as_bytes(),
    }
}

/// A text, or null, among the elements of a list or dict.
pub(crate) fn text_or_null(value: &Obj) -> Value {
    if is_null(Kind::Str, value) { Value::Json(Json::Null) } else { Value::Str(value.to_text()) }
}
