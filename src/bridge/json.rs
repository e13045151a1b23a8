//! JSON as Tcl values: objects are dicts in the server's order, arrays lists, numbers verbatim.

use serde_json::Value as Json;

use crate::tcl::Obj;

/// The Tcl value of a JSON value; booleans are `true` and `false`, null is `null`.
pub fn to_obj(json: &Json) -> Obj {
    match json {
        Json::Null => Obj::text("null"),
        Json::Bool(b) => Obj::bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(i) => Obj::int(i),
            None => Obj::text(&n.to_string()),
        },
        Json::String(s) => Obj::text(s),
        Json::Array(items) => Obj::list(&items.iter().map(to_obj).collect::<Vec<_>>()),
        Json::Object(map) => {
            let dict = Obj::dict();
            for (key, value) in map {
                dict.put_text(key, &to_obj(value));
            }
            dict
        }
    }
}
