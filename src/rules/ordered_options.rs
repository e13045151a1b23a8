//! Options of `ordered_consumer`, and the configurations that are made of them.

use serde_json::{Map, Value as Json};

use super::option::{Kind, Opt, preset, row};

/// Options of `ordered_consumer`. An option that says what is delivered has the name of its field in the server's JSON.
pub(crate) const ORDERED_OPTIONS: &[Opt] = &[
    row("callback", Kind::Command, "called with each message; without it `next` and `each` take them"),
    row("description", Kind::NonEmpty, "description of the consumer"),
    preset("headers_only", Kind::Bool, "false", "leave the payload out"),
    preset(
        "deliver_policy",
        Kind::Enum(&["all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"]),
        "all",
        "where delivery begins",
    ),
    preset("idle_heartbeat", Kind::Timeout, "5000", "ms between heartbeats of the server while nothing comes"),
    row("filter_subject", Kind::NonEmpty, "deliver only this subject"),
    row("filter_subjects", Kind::StrList, "deliver only these subjects").since(2, 10, 0),
    row("opt_start_seq", Kind::Count, "sequence for by_start_sequence"),
    row("opt_start_time", Kind::Time, "time for by_start_time, ISO 8601"),
    row("replay_policy", Kind::Enum(&["instant", "original"]), "speed of delivery, by default instant"),
    row(
        "inactive_threshold",
        Kind::PosMillis,
        "time for which the server keeps a consumer that nobody reads; not 0; by default 300000, **[3]** without `-mode` 2000",
    ),
    row("metadata", Kind::StrMap, "names and values of the user's choice").since(2, 10, 0),
    row(
        "mode",
        Kind::Enum(&["pull", "push"]),
        "whether messages are asked for as the script takes them, or come by themselves; by default pull. **[3]** Without it the object is the one of 3.2.1, which pushes",
    ),
    preset("max_msgs", Kind::Count, "500", "most messages that are asked for and not yet taken by the script; not 0; mode pull"),
    row("max_bytes", Kind::Count, "the same in bytes, in place of `-max_msgs`; not 0; mode pull"),
    row("stop_after", Kind::Count, "end after so many messages; not 0"),
    row("batch", Kind::Count, "the callback gets a list of what is there, at most so many messages; not 0"),
    row("batch_wait", Kind::Count, "ms to wait for a full `-batch`, which it needs; by default none"),
    row("events", Kind::Command, "called with an event and a text"),
];

/// Options that say how a script takes messages, not what the consumer delivers.
pub(crate) const TAKING: &[&str] = &["callback", "mode", "max_msgs", "max_bytes", "stop_after", "batch", "batch_wait", "events"];

/// Time for an acknowledgement in ms, longer than any outage an ordered consumer survives: nothing is acknowledged, so nothing
/// may be redelivered (ADR-17).
const ACK_WAIT: i64 = 79_200_000;

/// Time in ms for which the server keeps an ordered consumer of dialect 3 to which nobody listens.
const THRESHOLD_3: i64 = 2_000;

/// Time in ms for which it keeps others: a busy or paused script does not ask (ADR-17).
const THRESHOLD: i64 = 300_000;

fn nanos(ms: i64) -> Json {
    Json::from(ms.saturating_mul(1_000_000))
}

/// The configuration of an ordered consumer as the server takes it, made of the options that say what to deliver; `heartbeat` in
/// ms.
pub(crate) fn ordered_config(mut config: Map<String, Json>, heartbeat: i64) -> Map<String, Json> {
    for (name, value) in [
        ("idle_heartbeat", nanos(heartbeat)),
        ("flow_control", true.into()),
        ("ack_policy", "none".into()),
        ("max_deliver", 1.into()),
        ("ack_wait", nanos(ACK_WAIT)),
    ] {
        config.insert(name.to_string(), value);
    }
    config.entry("replay_policy").or_insert_with(|| "instant".into());
    config.insert("num_replicas".into(), 1.into());
    config.insert("mem_storage".into(), true.into());
    config.entry("inactive_threshold").or_insert_with(|| nanos(THRESHOLD_3));
    config
}

/// The configuration of the consumers of which a script reads, without name and start, made of the options that say what to
/// deliver. With `heartbeat`, in ms, they push.
pub(crate) fn wished_config(mut config: Map<String, Json>, heartbeat: Option<i64>) -> Map<String, Json> {
    config.retain(|name, _| name != "idle_heartbeat");
    let filters = config.get("filter_subjects").and_then(Json::as_array).cloned();
    match filters.as_deref() {
        Some([]) => config.retain(|name, _| name != "filter_subjects"),
        // A server that is told one filter can restrict a user to it.
        Some([one]) => {
            config.retain(|name, _| name != "filter_subjects");
            config.insert("filter_subject".into(), one.clone());
        }
        _ => {}
    }
    let filtered = config.contains_key("filter_subject") || config.contains_key("filter_subjects");
    if !filtered && config.get("deliver_policy").and_then(Json::as_str) == Some("last_per_subject") {
        // The server does not take that policy without a filter.
        config.insert("filter_subject".into(), ">".into());
    }
    if let Some(heartbeat) = heartbeat {
        config.insert("idle_heartbeat".into(), nanos(heartbeat));
        config.insert("flow_control".into(), true.into());
    }
    config.insert("ack_policy".into(), "none".into());
    config.insert("mem_storage".into(), true.into());
    config.insert("num_replicas".into(), 1.into());
    config.entry("inactive_threshold").or_insert_with(|| nanos(THRESHOLD));
    config
}

/// The configuration of one of these consumers.
pub(crate) fn reader_config(wish: &Map<String, Json>, name: &str, start: Option<u64>, inbox: Option<&str>) -> Map<String, Json> {
    let mut config = Map::new();
    config.insert("name".into(), name.into());
    if let Some(inbox) = inbox {
        config.insert("deliver_subject".into(), inbox.into());
    }
    config.extend(wish.clone());
    if let Some(start) = start {
        config.insert("deliver_policy".into(), "by_start_sequence".into());
        config.insert("opt_start_seq".into(), start.into());
        config.retain(|name, _| name != "opt_start_time");
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Json> {
        match serde_json::from_str(text).unwrap() {
            Json::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    fn text(map: Map<String, Json>) -> String {
        Json::Object(map).to_string()
    }

    #[test]
    fn wishes() {
        let end = r#""ack_policy":"none","mem_storage":true,"num_replicas":1,"inactive_threshold":300000000000}"#;
        let wished = |given: &str, heartbeat| text(wished_config(object(given), heartbeat));
        assert_eq!(wished(r#"{"deliver_policy":"all","idle_heartbeat":5}"#, None), format!(r#"{{"deliver_policy":"all",{end}"#));
        assert_eq!(
            wished(r#"{"deliver_policy":"all"}"#, Some(5)),
            format!(r#"{{"deliver_policy":"all","idle_heartbeat":5000000,"flow_control":true,{end}"#)
        );
        assert_eq!(
            wished(r#"{"deliver_policy":"last_per_subject"}"#, None),
            format!(r#"{{"deliver_policy":"last_per_subject","filter_subject":">",{end}"#)
        );
        assert_eq!(wished(r#"{"filter_subjects":["a"]}"#, None), format!(r#"{{"filter_subject":"a",{end}"#));
        assert_eq!(wished(r#"{"filter_subjects":[]}"#, None), format!("{{{end}"));
        assert_eq!(wished(r#"{"filter_subjects":["a","b"]}"#, None), format!(r#"{{"filter_subjects":["a","b"],{end}"#));
    }

    #[test]
    fn consumers() {
        let wish = object(r#"{"deliver_policy":"by_start_time","opt_start_time":"t","num_replicas":1}"#);
        assert_eq!(
            text(reader_config(&wish, "n_1", None, None)),
            r#"{"name":"n_1","deliver_policy":"by_start_time","opt_start_time":"t","num_replicas":1}"#
        );
        assert_eq!(
            text(reader_config(&wish, "n_2", Some(7), Some("i"))),
            r#"{"name":"n_2","deliver_subject":"i","deliver_policy":"by_start_sequence","num_replicas":1,"opt_start_seq":7}"#
        );
    }
}
