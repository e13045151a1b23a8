//! JSON as Tcl values: objects as dicts in the server's order, arrays as lists, numbers verbatim; and back, where a script passes
//! on what it got from the server.

use serde_json::{Map, Value as Json};

use crate::client::Argument;
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

/// Number of levels of lists and dicts in a value that becomes JSON: as many as those of a reply that can be read.
const DEPTH: u32 = 127;

/// The JSON of a value whose field nobody knows: what it was if it still shows, else what it looks like.
///
/// # Errors
/// [`Argument::TooDeep`]: to go down into it would use up the stack.
pub(crate) fn from_obj(value: &Obj) -> Result<Json, Argument> {
    within(value, DEPTH)
}

fn within(value: &Obj, depth: u32) -> Result<Json, Argument> {
    let below = || depth.checked_sub(1).ok_or(Argument::TooDeep);
    Ok(match value.shape() {
        Shape::Marked(Mark::Nothing) => Json::Null,
        Shape::Marked(Mark::Text) => Json::String(value.to_text()),
        Shape::Marked(Mark::NoItems) => Json::Array(Vec::new()),
        Shape::Dict => {
            let (pairs, below) = (value.as_dict().unwrap_or_default(), below()?);
            let member = |(name, value): &(Obj, Obj)| Ok((name.to_text(), within(value, below)?));
            Json::Object(pairs.iter().map(member).collect::<Result<Map<_, _>, _>>()?)
        }
        Shape::List => {
            let (items, below) = (value.as_list().unwrap_or_default(), below()?);
            Json::Array(items.iter().map(|item| within(item, below)).collect::<Result<_, _>>()?)
        }
        Shape::Other => guess(&value.as_text()),
    })
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
