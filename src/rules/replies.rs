//! What the replies of the JetStream API hold. Any client may listen to the subjects of the API, so a reply is known by what is
//! in it, not by where it came from.

use serde_json::Value as Json;

use super::jetstream_convert::NotAReply;

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// An object.
    Object,
    /// A boolean.
    Bool,
    /// A whole number from 0 on.
    Count,
    /// A list of texts; null for none.
    Texts,
    /// A list of objects; null for none.
    Objects,
    /// The name of a type of JetStream's replies.
    Type,
}

impl Holds {
    /// Whether a value is of this type.
    fn fits(self, value: &Json) -> bool {
        let list = |fits: fn(&Json) -> bool| value.is_null() || value.as_array().is_some_and(|items| items.iter().all(fits));
        match self {
            Holds::Object => value.is_object(),
            Holds::Bool => value.is_boolean(),
            Holds::Count => value.is_u64(),
            Holds::Texts => list(Json::is_string),
            Holds::Objects => list(Json::is_object),
            Holds::Type => value.as_str().is_some_and(|text| text.starts_with("io.nats.")),
        }
    }
}

/// What the replies to one verb hold.
struct Row {
    /// Beginning of the subjects, behind the prefix.
    verb: &'static str,
    /// Fields that servers of all versions send: a reply has one of them at least, and none of another type.
    fields: &'static [(&'static str, Holds)],
}

const fn row(verb: &'static str, fields: &'static [(&'static str, Holds)]) -> Row {
    Row { verb, fields }
}

/// The field that all information about a stream or a consumer has.
const CONFIG: &[(&str, Holds)] = &[("config", Holds::Object)];

/// The field of a reply that says only that something was done.
const SUCCESS: &[(&str, Holds)] = &[("success", Holds::Bool)];

/// Every verb that is sent.
const REPLIES: &[Row] = &[
    row("INFO", &[("api", Holds::Object)]),
    row("STREAM.CREATE", CONFIG),
    row("STREAM.UPDATE", CONFIG),
    row("STREAM.INFO", CONFIG),
    row("STREAM.DELETE", SUCCESS),
    row("STREAM.PURGE", &[("purged", Holds::Count)]),
    row("STREAM.NAMES", &[("streams", Holds::Texts), ("total", Holds::Count)]),
    row("STREAM.LIST", &[("streams", Holds::Objects), ("total", Holds::Count)]),
    row("STREAM.MSG.GET", &[("message", Holds::Object)]),
    row("STREAM.MSG.DELETE", SUCCESS),
    row("CONSUMER.CREATE", CONFIG),
    row("CONSUMER.DURABLE.CREATE", CONFIG),
    row("CONSUMER.INFO", CONFIG),
    row("CONSUMER.DELETE", SUCCESS),
    row("CONSUMER.NAMES", &[("consumers", Holds::Texts), ("total", Holds::Count)]),
    row("CONSUMER.LIST", &[("consumers", Holds::Objects), ("total", Holds::Count)]),
    row("CONSUMER.PAUSE", &[("paused", Holds::Bool)]),
    row("CONSUMER.RESET", CONFIG),
    // The reply has no other field.
    row("CONSUMER.UNPIN", &[("type", Holds::Type)]),
];

/// The row of a request; `rest` is its subject behind the prefix.
fn row_of(rest: &str) -> Option<&'static Row> {
    REPLIES.iter().find(|row| rest.strip_prefix(row.verb).is_some_and(|end| end.is_empty() || end.starts_with('.')))
}

/// Checks that a reply without an error is one to the request; `rest` is the request's subject behind the prefix.
///
/// # Errors
/// [`NotAReply`], also for a verb that has no row.
pub(crate) fn check(rest: &str, reply: &Json) -> Result<(), NotAReply> {
    let row = row_of(rest).ok_or(NotAReply)?;
    let mut known = false;
    for (name, holds) in row.fields {
        match reply.get(name) {
            None => {}
            Some(value) if holds.fits(value) => known = true,
            Some(_) => return Err(NotAReply),
        }
    }
    if known { Ok(()) } else { Err(NotAReply) }
}

/// The elements on a page of a list that [`check`] has accepted, and how many there are in all: a list of none may be null, or
/// absent beside the number.
pub(crate) fn page(reply: &mut Json, field: &str) -> (Vec<Json>, u64) {
    let elements = match reply.get_mut(field).map(Json::take) {
        Some(Json::Array(elements)) => elements,
        _ => Vec::new(),
    };
    let total = reply.get("total").and_then(Json::as_u64).unwrap_or(elements.len() as u64);
    (elements, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(rest: &str, text: &str) -> bool {
        check(rest, &serde_json::from_str(text).unwrap()).is_ok()
    }

    #[test]
    fn replies() {
        for (rest, text) in [
            ("INFO", r#"{"memory":0,"storage":0,"api":{"total":1},"novel":null}"#),
            ("STREAM.INFO.S", r#"{"config":{"name":"S"},"mirror":null,"sources":null}"#),
            ("STREAM.CREATE.S", r#"{"type":"t","config":{}}"#),
            ("STREAM.PURGE.S", r#"{"success":true,"purged":18446744073709551615}"#),
            ("STREAM.NAMES", r#"{"total":5,"streams":["a","b"]}"#),
            ("STREAM.NAMES", r#"{"total":5,"streams":null}"#),
            ("STREAM.NAMES", r#"{"total":0}"#),
            ("STREAM.NAMES", r#"{"streams":[]}"#),
            ("CONSUMER.LIST.S", r#"{"consumers":[{}],"total":1}"#),
            ("CONSUMER.CREATE.S.C.f.>", r#"{"stream_name":"S","name":"C","config":{}}"#),
            ("CONSUMER.DURABLE.CREATE.S.C", r#"{"config":{},"name":"C","novel":null}"#),
            ("CONSUMER.UNPIN.S.C", r#"{"type":"io.nats.jetstream.api.v1.consumer_unpin_response"}"#),
        ] {
            assert!(checked(rest, text), "{rest} {text}");
        }
    }

    #[test]
    fn look_alikes() {
        for row in REPLIES {
            for text in ["{}", r#"{"ok":true}"#, r#"{"type":null}"#, r#"{"type":"x","success":1,"purged":"5","total":-1}"#] {
                assert!(!checked(row.verb, text), "{} {text}", row.verb);
            }
        }
        for (rest, text) in [
            ("STREAM.INFO.S", r#"{"config":null}"#),
            ("STREAM.INFO.S", r#"{"state":{},"config":[]}"#),
            ("STREAM.INFOS.S", r#"{"config":{}}"#),
            ("CONSUMER.INFO.S.C", r#"{"config":5,"name":"C"}"#),
            ("STREAM.NAMES", r#"{"streams":{}}"#),
            ("STREAM.NAMES", r#"{"streams":[1]}"#),
            ("STREAM.NAMES", r#"{"total":"5","streams":[]}"#),
            ("STREAM.LIST", r#"{"total":2,"streams":[{},null]}"#),
            ("STREAM.MSG.GET.S", r#"{"message":null}"#),
        ] {
            assert!(!checked(rest, text), "{rest} {text}");
        }
    }

    #[test]
    fn pages() {
        let page_of = |text: &str| page(&mut serde_json::from_str(text).unwrap(), "streams");
        assert_eq!(page_of(r#"{"total":5,"streams":["a","b"]}"#), (vec!["a".into(), "b".into()], 5));
        assert_eq!(page_of(r#"{"streams":["a"]}"#), (vec!["a".into()], 1));
        assert_eq!(page_of(r#"{"total":5,"streams":null}"#), (vec![], 5));
        assert_eq!(page_of(r#"{"total":0}"#), (vec![], 0));
    }
}
