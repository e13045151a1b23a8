//! Replies of the JetStream API: durations to milliseconds, errors, and the configuration sent to update a stream.

use serde_json::{Map, Number, Value as Json};

use super::time::nanos_to_millis;

/// Fields that hold durations in nanoseconds, at every depth of a reply.
pub const DURATIONS: &[&str] = &[
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

/// Fields whose members are named by users: nothing below them is converted.
const OPAQUE: &[&str] = &["metadata", "subjects"];

/// An error reported by JetStream (NATS ADR-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// High-level code like those of HTTP.
    pub code: i64,
    /// JetStream's own code; 0 from servers that have none.
    pub err_code: i64,
    /// Text for people.
    pub description: String,
}

/// Converts the durations of a reply from nanoseconds to milliseconds, in place. What is not whole keeps its fraction;
/// 0 and negative markers, unknown fields, nulls and the order of the fields stay as they are.
pub fn durations_to_millis(reply: &mut Json) {
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
pub fn convert_reply(mut reply: Json, paged: bool) -> Json {
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

/// The error in a reply, if it is one.
pub fn api_error(reply: &Json) -> Option<ApiError> {
    let error = reply.get("error")?.as_object()?;
    let number = |name: &str| error.get(name).and_then(Json::as_i64).unwrap_or(0);
    let description = error.get("description").and_then(Json::as_str).unwrap_or_default().to_owned();
    Some(ApiError { code: number("code"), err_code: number("err_code"), description })
}

/// The configuration that updates a stream: the present one, as the server sent it (nanoseconds), with only the fields of
/// `given` changed. Fields nobody knows yet are kept.
pub fn merge_update(mut current: Map<String, Json>, given: Map<String, Json>) -> Map<String, Json> {
    for (name, value) in given {
        current.insert(name, value);
    }
    current
}

#[cfg(test)]
mod tests {
    use super::super::jetstream_consumers::CONSUMER_OPTIONS;
    use super::super::jetstream_streams::STREAM_OPTIONS;
    use super::super::option::{Kind, Opt};
    use super::*;

    fn parse(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    fn collect(opts: &[Opt], into: &mut Vec<&'static str>) {
        for opt in opts {
            match opt.kind {
                Kind::Millis | Kind::MillisList => into.push(opt.name),
                Kind::Object(fields) | Kind::ObjectList(fields) => collect(fields, into),
                _ => {}
            }
        }
    }

    #[test]
    fn list_agrees_with_the_tables() {
        let mut names = vec!["active", "pause_remaining"];
        collect(STREAM_OPTIONS, &mut names);
        collect(CONSUMER_OPTIONS, &mut names);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, DURATIONS);
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
                r#"{"config":{"name":"S","subjects":["a"],"max_age":1.5,"duplicate_window":120000,"consumer_limits":{"inactive_threshold":5000},"#,
                r#""metadata":{"max_age":"5","active":7000000}},"state":{"messages":18446744073709551615,"subjects":{"active":1000000,"max_age":3}},"#,
                r#""mirror":{"name":"o","lag":1000000,"active":-1},"sources":[{"active":0.000001}],"cluster":{"replicas":[{"active":2}]},"#,
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
            r#"{"total":3,"config":{"backoff":[1,1.5],"ack_wait":9223372036854.775807},"pause_remaining":0.000005}"#
        );
    }

    #[test]
    fn errors() {
        let error =
            api_error(&parse(r#"{"type":"t","error":{"code":404,"err_code":10059,"description":"stream not found"}}"#)).unwrap();
        assert_eq!((error.code, error.err_code, error.description.as_str()), (404, 10059, "stream not found"));
        let old = api_error(&parse(r#"{"error":{"code":503}}"#)).unwrap();
        assert_eq!((old.code, old.err_code, old.description.as_str()), (503, 0, ""));
        assert_eq!(api_error(&parse(r#"{"config":{}}"#)), None);
        assert_eq!(api_error(&parse("[]")), None);
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
