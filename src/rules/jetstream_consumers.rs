//! Options of the methods of `nats::jet_stream` that concern consumers, pull requests, publishing and acknowledgements. An
//! option's name is its field in the server's JSON (`ConsumerConfig` of nats-server 2.15); docs/jetstream.md is made of these
//! tables.

use super::option::{Kind, Opt, preset, row};
use super::time::{DurationError, millis_to_nanos};

/// Options of `add_consumer`, `add_pull_consumer` and `add_push_consumer`.
pub(crate) const CONSUMER_OPTIONS: &[Opt] = &[
    row("name", Kind::NonEmpty, "name; without `-durable_name` the consumer goes after a time of inactivity").since(2, 9, 0),
    row("durable_name", Kind::NonEmpty, "name of a consumer that stays"),
    row("description", Kind::Str, "description").since(2, 3, 3),
    preset(
        "deliver_policy",
        Kind::Enum(&["all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"]),
        "all",
        "where delivery begins",
    ),
    row("opt_start_seq", Kind::Count, "sequence for by_start_sequence"),
    row("opt_start_time", Kind::Time, "time for by_start_time, ISO 8601"),
    preset("ack_policy", Kind::Enum(&["none", "all", "explicit", "flow_control"]), "explicit", "what must be acknowledged"),
    row("ack_wait", Kind::Millis, "time for an acknowledgement before redelivery"),
    row("max_deliver", Kind::Int, "most deliveries of a message; -1 for no limit"),
    row("backoff", Kind::MillisList, "*new:* times before each redelivery, in place of ack_wait").since(2, 7, 1),
    row("filter_subject", Kind::Str, "deliver only this subject"),
    row("filter_subjects", Kind::StrList, "*new:* deliver only these subjects").since(2, 10, 0),
    preset("replay_policy", Kind::Enum(&["instant", "original"]), "instant", "speed of delivery"),
    row("rate_limit_bps", Kind::Count, "bits per second, push consumers only"),
    row("sample_freq", Kind::Str, "share of acknowledgements that are sampled, 0 to 100"),
    row("max_waiting", Kind::Int, "most pull requests that wait"),
    row("max_ack_pending", Kind::Int, "most unacknowledged messages; -1 for no limit"),
    row("flow_control", Kind::Bool, "flow control messages, push consumers only"),
    row("idle_heartbeat", Kind::Millis, "time between heartbeats when there is nothing to deliver"),
    row("headers_only", Kind::Bool, "leave the payload out").since(2, 6, 2),
    row("max_batch", Kind::Int, "*new:* largest batch of a pull request").since(2, 7, 0),
    row("max_expires", Kind::Millis, "*new:* longest expiry of a pull request").since(2, 7, 0),
    row("max_bytes", Kind::Int, "*new:* most bytes of a pull request").since(2, 8, 3),
    row("deliver_subject", Kind::NonEmpty, "delivery subject; makes it a push consumer"),
    row("deliver_group", Kind::NonEmpty, "queue group of the delivery subject"),
    row("inactive_threshold", Kind::Millis, "inactivity after which the consumer is removed"),
    row("num_replicas", Kind::Count, "copies in a cluster; 0 for the stream's").since(2, 8, 3),
    row("mem_storage", Kind::Bool, "keep the state in memory").since(2, 8, 3),
    row("metadata", Kind::StrMap, "*new:* names and values of the user's choice").since(2, 10, 0),
    row("pause_until", Kind::Time, "*new:* deliver nothing before this time, ISO 8601").since(2, 11, 0),
    row("priority_groups", Kind::StrList, "*new:* groups of pull requests, which name theirs by `-group`").since(2, 11, 0),
    row("priority_policy", Kind::Enum(&["none", "overflow", "pinned_client", "prioritized"]), "*new:* how the groups are served")
        .since(2, 11, 0),
    row("priority_timeout", Kind::Millis, "*new:* inactivity after which a client loses its pin").since(2, 11, 0),
    row("direct", Kind::Bool, "*new:* consumer of the server's own, for mirrors and sources"),
    row("sourcing", Kind::Bool, "*new:* consumer made for sourcing").since(2, 14, 0),
];

/// Fields that every configuration in a `consumer_info` has (see [`super::jetstream_streams::is_whole_config`]).
pub(crate) const CONSUMER_CONFIG_MARKS: &[&str] = &["deliver_policy", "ack_policy", "replay_policy", "num_replicas"];

/// Options of `nak`.
pub(crate) const NAK_OPTIONS: &[Opt] = &[row("delay", Kind::Delay, "time before the redelivery")];

/// Payload of a negative acknowledgement; `delay` is the text of a duration in ms.
pub(crate) fn nak(delay: Option<&str>) -> Result<String, DurationError> {
    match delay {
        None => Ok("-NAK".to_owned()),
        Some(delay) => Ok(format!("-NAK {{\"delay\":{}}}", millis_to_nanos(delay)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (i, opt) in CONSUMER_OPTIONS.iter().enumerate() {
            assert!(CONSUMER_OPTIONS[..i].iter().all(|o| o.name != opt.name), "{}", opt.name);
        }
        assert!(CONSUMER_CONFIG_MARKS.iter().all(|mark| CONSUMER_OPTIONS.iter().any(|o| o.name == *mark)));
    }

    #[test]
    fn naks() {
        assert_eq!(nak(None).unwrap(), "-NAK");
        assert_eq!(nak(Some("1.5")).unwrap(), "-NAK {\"delay\":1500000}");
        assert_eq!(nak(Some("x")), Err(DurationError::Syntax));
    }
}
