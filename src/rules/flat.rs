//! JSON objects without nesting, such as the acknowledgement of a publish: read in place, without a tree.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value that holds no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// A string without escapes.
    Text(&'a str),
    /// A whole number of 64 bits.
    Int(i64),
    /// True or false.
    Bool(bool),
}

/// The members of a flat object in order; `None` if it is none or something in it is out of the ordinary, for which
/// there is `serde_json::Value`.
pub(crate) fn members(json: &[u8]) -> Option<Vec<(&str, Scalar<'_>)>> {
    let mut input = serde_json::Deserializer::from_slice(json);
    let members = input.deserialize_map(Members).ok()?;
    input.end().ok()?;
    Some(members)
}

struct Members;

impl<'a> Visitor<'a> for Members {
    type Value = Vec<(&'a str, Scalar<'a>)>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a flat object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(4);
        while let Some(name) = map.next_key::<&str>()? {
            let value: &RawValue = map.next_value()?;
            let value = scalar(value.get()).ok_or_else(|| A::Error::custom("not flat"))?;
            members.push((name, value));
        }
        Ok(members)
    }
}

fn scalar(raw: &str) -> Option<Scalar<'_>> {
    match raw {
        "true" => return Some(Scalar::Bool(true)),
        "false" => return Some(Scalar::Bool(false)),
        _ => {}
    }
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if !text.contains('\\') => Some(Scalar::Text(text)),
        Some(_) => None,
        // What is written otherwise than Tcl would write it has to stay as it is.
        None => raw.parse().ok().filter(|_| raw != "-0").map(Scalar::Int),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgement() {
        let json = br#"{"stream":"S", "seq":9007199254740993,"duplicate":true,"domain":"" }"#;
        let wanted = vec![
            ("stream", Scalar::Text("S")),
            ("seq", Scalar::Int(9_007_199_254_740_993)),
            ("duplicate", Scalar::Bool(true)),
            ("domain", Scalar::Text("")),
        ];
        assert_eq!(members(json), Some(wanted));
        assert_eq!(members(b"{}"), Some(vec![]));
    }

    #[test]
    fn left_to_others() {
        for json in [
            r#"{"error":{"code":503}}"#,
            r#"{"a":[]}"#,
            r#"{"a":null}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1e3}"#,
            r#"{"a":-0}"#,
            r#"{"a":18446744073709551615}"#,
            r#"{"a":"\n"}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":1} x"#,
            r#"{"a":1"#,
            "[]",
            "",
        ] {
            assert_eq!(members(json.as_bytes()), None, "{json}");
        }
        assert_eq!(members(b"{\"a\":\"\xff\"}"), None);
    }
}
