//! Services elsewhere: options of the calls, and replies of other clients in one form.

use serde_json::{Map, Value as Json};

use super::option::{Kind, Opt, preset, row};

/// Options of `call`.
pub(crate) const CALL_OPTIONS: &[Opt] = &[
    row("header", Kind::Dict, "headers: name to list of values"),
    row("timeout", Kind::Timeout, "`-request_timeout` of the connection by default; 0 waits for ever"),
    row(
        "callback",
        Kind::Command,
        "command prefix: return a request ID at once; `prefix error reply` is invoked later, `error` being empty or a dict `code message data`",
    ),
];

/// Options of `service_ping`, `service_info` and `service_stats`.
pub(crate) const DISCOVER_OPTIONS: &[Opt] = &[
    preset("timeout", Kind::Timeout, "2000", "ms at most; 0 no limit"),
    preset("stall", Kind::Timeout, "300", "ms without a further answer after which there are no more; 0 no limit"),
];

/// Options of `service_remote`.
pub(crate) const REMOTE_OPTIONS: &[Opt] =
    &[row("version", Kind::NonEmpty, "pattern (as in `string match`) of the versions that will do; any by default")];

/// An answer to PING, INFO or STATS with all that it should have: clients leave out what is empty, or say null. `None` if it is no
/// JSON object.
pub(crate) fn answer(payload: &[u8]) -> Option<Map<String, Json>> {
    let mut answer: Map<String, Json> = serde_json::from_slice(payload).ok()?;
    complete(&mut answer, "metadata", Json::Object(Map::new()));
    let kind = answer.get("type").and_then(Json::as_str).unwrap_or_default();
    let (info, stats) = (kind.ends_with(".info_response"), kind.ends_with(".stats_response"));
    if info {
        complete(&mut answer, "description", "".into());
    }
    if info || stats {
        complete(&mut answer, "endpoints", Json::Array(Vec::new()));
    }
    for endpoint in answer.get_mut("endpoints").and_then(Json::as_array_mut).into_iter().flatten() {
        let Some(endpoint) = endpoint.as_object_mut() else { continue };
        complete(endpoint, "queue_group", "".into());
        if info {
            complete(endpoint, "metadata", Json::Object(Map::new()));
        } else {
            complete(endpoint, "last_error", "".into());
            // What a service says of itself beside that may be missing; nats.py sends null.
            if let Some(data @ Json::Null) = endpoint.get_mut("data") {
                *data = "".into();
            }
        }
    }
    Some(answer)
}

fn complete(object: &mut Map<String, Json>, name: &str, empty: Json) {
    match object.get_mut(name) {
        Some(Json::Null) => {
            object.insert(name.to_string(), empty);
        }
        Some(_) => {}
        None => {
            object.insert(name.to_string(), empty);
        }
    }
}

/// How an endpoint elsewhere takes its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One payload.
    Payload,
    /// A Tcl list.
    List,
    /// A JSON object; the names, as a Tcl list.
    Dict(String),
}

/// An endpoint elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Name.
    pub name: String,
    /// Subject.
    pub subject: String,
    /// How it takes its arguments.
    pub takes: Takes,
}

/// The endpoints in an answer to INFO.
pub(crate) fn endpoints(info: &Map<String, Json>) -> Vec<Elsewhere> {
    let text = |json: &Json, path: &str| json.pointer(path).and_then(Json::as_str).map(str::to_string);
    let endpoints = info.get("endpoints").and_then(Json::as_array).into_iter().flatten();
    endpoints
        .filter_map(|endpoint| {
            let takes = match (text(endpoint, "/metadata/args"), text(endpoint, "/metadata/args_form").as_deref()) {
                (None, _) => Takes::Payload,
                (Some(names), Some("dict")) => Takes::Dict(names),
                (Some(_), _) => Takes::List,
            };
            Some(Elsewhere { name: text(endpoint, "/name")?, subject: text(endpoint, "/subject")?, takes })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_all_clients() {
        let shown = |text: &str| answer(text.as_bytes()).map(|answer| Json::Object(answer).to_string());
        assert_eq!(shown("[]"), None);
        assert_eq!(shown("x"), None);
        let ping = r#"{"type":"io.nats.micro.v1.ping_response","metadata":null}"#;
        assert_eq!(shown(ping).unwrap(), r#"{"type":"io.nats.micro.v1.ping_response","metadata":{}}"#);
        let info = r#"{"type":"io.nats.micro.v1.info_response","endpoints":[{"name":"e","subject":"s"}]}"#;
        assert_eq!(
            shown(info).unwrap(),
            r#"{"type":"io.nats.micro.v1.info_response","endpoints":[{"name":"e","subject":"s","queue_group":"","metadata":{}}],"metadata":{},"description":""}"#
        );
        let stats = r#"{"type":"io.nats.micro.v1.stats_response","metadata":{"a":"b"},"endpoints":null}"#;
        assert_eq!(shown(stats).unwrap(), r#"{"type":"io.nats.micro.v1.stats_response","metadata":{"a":"b"},"endpoints":[]}"#);
        let silent = r#"{"type":"io.nats.micro.v1.stats_response","endpoints":[{"name":"e","data":null},{"data":{"x":null}}]}"#;
        assert_eq!(
            shown(silent).unwrap(),
            r#"{"type":"io.nats.micro.v1.stats_response","endpoints":[{"name":"e","data":"","queue_group":"","last_error":""},{"data":{"x":null},"queue_group":"","last_error":""}],"metadata":{}}"#
        );
    }

    #[test]
    fn endpoints_elsewhere() {
        let info = serde_json::json!({"endpoints": [
            {"name": "a", "subject": "s.a", "metadata": {}},
            {"name": "b", "subject": "b", "metadata": {"args": "x y"}},
            {"name": "c", "subject": "c", "metadata": {"args": "x", "args_form": "dict"}},
            {"name": "no subject"}
        ]});
        let one = |name: &str, subject: &str, takes| Elsewhere { name: name.into(), subject: subject.into(), takes };
        assert_eq!(
            endpoints(info.as_object().unwrap()),
            [one("a", "s.a", Takes::Payload), one("b", "b", Takes::List), one("c", "c", Takes::Dict("x".into()))]
        );
    }
}
