//! Replies of the JetStream API: durations to milliseconds, errors, and the configuration sent to update a stream.

use serde_json::{Map, Number, Value as Json};

use super::jetstream_consumers::CONSUMER_OPTIONS;
use super::jetstream_streams::STREAM_OPTIONS;
use super::option::{Kind, Opt, same};
use super::time::nanos_to_millis;

/// Fields of replies that hold durations and are not options.
const REPORTED: &[&str] = &["active", "pause_remaining"];

/// Upper limit of the length of [`DURATIONS`].
const MOST: usize = 32;

const FOUND: ([&str; MOST], usize) = {
    let mut found = ([""; MOST], 0);
    let mut at = 0;
    while at < REPORTED.len() {
        found = with(found, REPORTED[at]);
        at += 1;
    }
    durations_of(CONSUMER_OPTIONS, durations_of(STREAM_OPTIONS, found))
};

/// Fields that hold durations in nanoseconds, at every depth of a reply: the options of streams and consumers that are durations,
/// and what the server reports besides them.
pub(crate) const DURATIONS: &[&str] = FOUND.0.split_at(FOUND.1).0;

/// `found` and the durations of a table, each once.
const fn durations_of(table: &[Opt], mut found: ([&'static str; MOST], usize)) -> ([&'static str; MOST], usize) {
    let mut at = 0;
    while at < table.len() {
        found = match table[at].kind {
            Kind::Millis | Kind::MillisList => with(found, table[at].name),
            Kind::Object(fields) | Kind::ObjectList(fields) => durations_of(fields, found),
            _ => found,
        };
        at += 1;
    }
    found
}

const fn with(mut found: ([&'static str; MOST], usize), name: &'static str) -> ([&'static str; MOST], usize) {
    let mut at = 0;
    while at < found.1 {
        if same(found.0[at], name) {
            return found;
        }
        at += 1;
    }
    found.0[found.1] = name;
    found.1 += 1;
    found
}

/// Fields whose members are named by users: nothing below them is converted.
const OPAQUE: &[&str] = &["metadata", "subjects"];

/// An error reported by JetStream (NATS ADR-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// High-level code like those of HTTP.
    pub code: i64,
    /// JetStream's own code; 0 from servers that have none.
    pub err_code: i64,
    /// Text for people.
    pub description: String,
}

/// Converts the durations of a reply from nanoseconds to whole milliseconds, in place, cut as the pure-Tcl client did; 0 and
/// negative markers, unknown fields, nulls and the order of the fields stay as they are.
pub(crate) fn durations_to_millis(reply: &mut Json) {
    match reply {
        Json::Object(map) => {
            for (name, value) in map.iter_mut() {
                if DURATIONS.contains(&name.as_str()) {
                    duration(value);
                } else if !OPAQUE.contains(&name.as_str()) {
                    durations_to_millis(value);
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(durations_to_millis),
        _ => {}
    }
}

fn duration(value: &mut Json) {
    match value {
        Json::Number(nanos) => {
            let millis = nanos_to_millis(&nanos.to_string()).and_then(|text| text.parse::<Number>().ok());
            if let Some(millis) = millis {
                *nanos = millis;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(duration),
        Json::Object(_) => durations_to_millis(value),
        _ => {}
    }
}

/// A reply as scripts see it: converted, without `type`, and with `paged` without `total`, `offset` and `limit`.
pub(crate) fn convert_reply(mut reply: Json, paged: bool) -> Json {
    if let Json::Object(map) = &mut reply {
        // `remove` would move the last field into the gap.
        map.shift_remove("type");
        if paged {
            for name in ["total", "offset", "limit"] {
                map.shift_remove(name);
            }
        }
    }
    durations_to_millis(&mut reply);
    reply
}

/// A reply that does not come from a JetStream API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAReply;

/// The error in a reply, if it is one. A reply is an object; its `error`, if there is one, is an object of two whole numbers
/// and a text, any of which may be absent.
pub(crate) fn api_error(reply: &Json) -> Result<Option<ApiError>, NotAReply> {
    let Some(error) = reply.as_object().ok_or(NotAReply)?.get("error") else { return Ok(None) };
    let error = error.as_object().ok_or(NotAReply)?;
    let number = |name: &str| error.get(name).map_or(Ok(0), |number| number.as_i64().ok_or(NotAReply));
    let description = match error.get("description") {
        None => String::new(),
        Some(text) => text.as_str().ok_or(NotAReply)?.to_owned(),
    };
    Ok(Some(ApiError { code: number("code")?, err_code: number("err_code")?, description }))
}

/// Whether a reply without an error acknowledges a published message: it names the stream and the sequence there.
pub(crate) fn is_pub_ack(reply: &Json) -> bool {
    let named = reply.get("stream").and_then(Json::as_str).is_some_and(|stream| !stream.is_empty());
    named && reply.get("seq").is_some_and(Json::is_u64)
}

/// The configuration that updates a stream: the present one, as the server sent it (nanoseconds), with only the fields of
/// `given` changed. Fields nobody knows yet are kept.
pub(crate) fn merge_update(mut current: Map<String, Json>, given: Map<String, Json>) -> Map<String, Json> {
    for (name, value) in given {
        current.insert(name, value);
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn durations_are_those_of_the_tables() {
        let mut names = DURATIONS.to_vec();
        names.sort_unstable();
        let expected = [
            "ack_wait",
            "active",
            "backoff",
            "duplicate_window",
            "idle_heartbeat",
            "inactive_threshold",
            "max_age",
            "max_expires",
            "pause_remaining",
            "priority_timeout",
            "subject_delete_marker_ttl",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn converts_at_every_depth() {
        let reply = parse(
            r#"{"type":"t","total":0,"offset":0,"limit":0,"config":{"name":"S","subjects":["a"],"max_age":1500000,"duplicate_window":120000000000,
            "consumer_limits":{"inactive_threshold":5000000000},"metadata":{"max_age":"5","active":7000000}},"state":{"messages":18446744073709551615,
            "subjects":{"active":1000000,"max_age":3}},"mirror":{"name":"o","lag":1000000,"active":-1},"sources":[{"active":1}],
            "cluster":{"replicas":[{"active":2000000}]},"x":null,"max_expires":null,"ratio":1.50}"#,
        );
        assert_eq!(
            convert_reply(reply, true).to_string(),
            concat!(
                r#"{"config":{"name":"S","subjects":["a"],"max_age":1,"duplicate_window":120000,"consumer_limits":{"inactive_threshold":5000},"#,
                r#""metadata":{"max_age":"5","active":7000000}},"state":{"messages":18446744073709551615,"subjects":{"active":1000000,"max_age":3}},"#,
                r#""mirror":{"name":"o","lag":1000000,"active":-1},"sources":[{"active":0}],"cluster":{"replicas":[{"active":2}]},"#,
                r#""x":null,"max_expires":null,"ratio":1.50}"#
            )
        );
    }

    #[test]
    fn converts_consumers() {
        let reply = parse(
            r#"{"type":"t","total":3,"config":{"backoff":[1000000,1500000],"ack_wait":9223372036854775807},"pause_remaining":5}"#,
        );
        assert_eq!(
            convert_reply(reply, false).to_string(),
            r#"{"total":3,"config":{"backoff":[1,1],"ack_wait":9223372036854},"pause_remaining":0}"#
        );
    }

    #[test]
    fn errors() {
        let error = |text: &str| api_error(&parse(text)).map(|found| found.map(|e| (e.code, e.err_code, e.description)));
        let given = r#"{"type":"t","error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
        assert_eq!(error(given), Ok(Some((404, 10059, "stream not found".to_owned()))));
        assert_eq!(error(r#"{"error":{"code":503}}"#), Ok(Some((503, 0, String::new()))));
        assert_eq!(error(r#"{"config":{}}"#), Ok(None));
        for text in [
            "[]",
            "5",
            "null",
            r#""x""#,
            r#"{"error":null}"#,
            r#"{"error":"no"}"#,
            r#"{"error":[]}"#,
            r#"{"error":{"code":"404"}}"#,
            r#"{"error":{"code":404,"err_code":1.5}}"#,
            r#"{"error":{"code":404,"description":{}}}"#,
        ] {
            assert_eq!(error(text), Err(NotAReply), "{text}");
        }
    }

    #[test]
    fn acknowledgements() {
        for text in [r#"{"stream":"S","seq":1}"#, r#"{"seq":18446744073709551615,"stream":"S","x":null}"#] {
            assert!(is_pub_ack(&parse(text)), "{text}");
        }
        for text in [
            "{}",
            "5",
            r#"{"ok":true}"#,
            r#"{"stream":"S"}"#,
            r#"{"seq":1}"#,
            r#"{"stream":"","seq":1}"#,
            r#"{"stream":5,"seq":1}"#,
            r#"{"stream":"S","seq":"1"}"#,
            r#"{"stream":"S","seq":-1}"#,
            r#"{"stream":"S","seq":1.5}"#,
        ] {
            assert!(!is_pub_ack(&parse(text)), "{text}");
        }
    }

    #[test]
    fn merges() {
        let (Json::Object(current), Json::Object(given)) =
            (parse(r#"{"name":"S","max_age":5,"future":1}"#), parse(r#"{"max_age":7,"max_msgs":3}"#))
        else {
            unreachable!()
        };
        assert_eq!(Json::Object(merge_update(current, given)).to_string(), r#"{"name":"S","max_age":7,"future":1,"max_msgs":3}"#);
    }
}
