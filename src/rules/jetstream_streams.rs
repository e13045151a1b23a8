//! Options of the methods of `nats::jet_stream` that concern streams and stored messages. An option's name is its field in
//! the server's JSON (`StreamConfig` of nats-server 2.15); docs/jetstream.md is made of these tables.

use super::kv_codec::{KEY_CODEC, VALUE_CODEC};
use super::option::{Kind, Opt, changed, preset, row};

/// `external` of a mirror or source: where the other JetStream is reached.
pub(crate) const EXTERNAL: &[Opt] = &[
    row("api", Kind::Str, "API prefix of the other domain or account"),
    row("deliver", Kind::Str, "prefix of the delivery subject"),
];

/// `subject_transform` of a stream, and the elements of `subject_transforms` of a mirror or source.
pub(crate) const SUBJECT_TRANSFORM: &[Opt] =
    &[row("src", Kind::Str, "subjects to transform"), row("dest", Kind::Str, "what they become")];

/// `consumer` of a mirror or source: a consumer made beforehand (NATS ADR-60, servers from 2.14).
pub(crate) const SOURCE_CONSUMER: &[Opt] =
    &[row("name", Kind::Str, "name of the durable consumer"), row("deliver_subject", Kind::Str, "its delivery subject")];

/// `mirror` and the elements of `sources`.
pub(crate) const SOURCE: &[Opt] = &[
    row("name", Kind::NonEmpty, "stream to copy from"),
    row("opt_start_seq", Kind::Count, "first sequence to copy"),
    row("opt_start_time", Kind::Time, "time of the first message to copy, ISO 8601"),
    row("filter_subject", Kind::Str, "copy only these subjects"),
    row("subject_transforms", Kind::ObjectList(SUBJECT_TRANSFORM), "subject filters and transforms").since(2, 10, 0),
    row("external", Kind::Object(EXTERNAL), "copy from another domain or account"),
    row("consumer", Kind::Object(SOURCE_CONSUMER), "consumer to copy through").since(2, 14, 0),
];

/// `placement` of a stream.
pub(crate) const PLACEMENT: &[Opt] = &[
    row("cluster", Kind::Str, "name of the cluster"),
    row("tags", Kind::StrList, "tags that the servers must have"),
    row("preferred", Kind::Str, "server that should lead").since(2, 11, 0),
];

/// `republish` of a stream.
pub(crate) const REPUBLISH: &[Opt] = &[
    row("src", Kind::Str, "subjects to republish"),
    row("dest", Kind::Str, "subject to publish to"),
    row("headers_only", Kind::Bool, "leave the payload out"),
];

/// `consumer_limits` of a stream.
pub(crate) const CONSUMER_LIMITS: &[Opt] = &[
    row("inactive_threshold", Kind::Millis, "greatest inactivity of a consumer"),
    row("max_ack_pending", Kind::Int, "most unacknowledged messages of a consumer"),
];

/// Options of `add_stream`.
pub(crate) const STREAM_OPTIONS: &[Opt] = &[
    row("name", Kind::NonEmpty, "accepted for a whole configuration; the argument wins"),
    row("description", Kind::Str, "description").since(2, 3, 3),
    row("subjects", Kind::StrList, "subjects to store; needed without `-mirror` and `-sources`"),
    preset("retention", Kind::Enum(&["limits", "interest", "workqueue"]), "limits", "when messages are removed"),
    row("max_consumers", Kind::Int, "most consumers; -1 for no limit"),
    row("max_msgs", Kind::Int, "most messages; -1 for no limit"),
    row("max_bytes", Kind::Int, "most bytes; -1 for no limit"),
    preset("discard", Kind::Enum(&["new", "old"]), "old", "which messages go when a limit is reached"),
    row("discard_new_per_subject", Kind::Bool, "*new:* with discard new: apply it to max_msgs_per_subject too").since(2, 9, 0),
    row("max_age", Kind::Millis, "greatest age of a message; 0 for no limit"),
    row("max_msgs_per_subject", Kind::Int, "most messages of one subject; -1 for no limit").since(2, 3, 0),
    row("max_msg_size", Kind::Int, "largest message in bytes; -1 for no limit"),
    preset("storage", Kind::Enum(&["memory", "file"]), "file", "where messages are kept"),
    row("num_replicas", Kind::Count, "copies in a cluster"),
    row("no_ack", Kind::Bool, "do not acknowledge published messages"),
    row("duplicate_window", Kind::Millis, "how long message IDs are remembered"),
    row("sealed", Kind::Bool, "neither accept nor remove messages").since(2, 6, 2),
    row("deny_delete", Kind::Bool, "refuse to delete single messages").since(2, 6, 2),
    row("deny_purge", Kind::Bool, "refuse to purge").since(2, 6, 2),
    row("allow_rollup_hdrs", Kind::Bool, "allow Nats-Rollup headers").since(2, 6, 2),
    row("allow_direct", Kind::Bool, "allow direct reads from replicas").since(2, 9, 0),
    row("mirror_direct", Kind::Bool, "let a mirror serve direct reads of its origin").since(2, 9, 0),
    row("mirror", Kind::Object(SOURCE), "stream to mirror"),
    row("sources", Kind::ObjectList(SOURCE), "streams to copy from"),
    row("placement", Kind::Object(PLACEMENT), "*new:* cluster and servers for the stream"),
    row("republish", Kind::Object(REPUBLISH), "*new:* publish stored messages again").since(2, 8, 3),
    row("subject_transform", Kind::Object(SUBJECT_TRANSFORM), "*new:* transform subjects before storing").since(2, 10, 0),
    row("compression", Kind::Enum(&["none", "s2"]), "*new:* compression of the file store").since(2, 10, 0),
    row("first_seq", Kind::Count, "*new:* sequence of the first message").since(2, 10, 0),
    row("consumer_limits", Kind::Object(CONSUMER_LIMITS), "*new:* limits and defaults for consumers").since(2, 10, 0),
    row("metadata", Kind::StrMap, "*new:* names and values of the user's choice").since(2, 10, 0),
    row("allow_msg_ttl", Kind::Bool, "*new:* allow Nats-TTL headers").since(2, 11, 0),
    row("subject_delete_marker_ttl", Kind::Millis, "*new:* leave a marker of this age for the last message of a subject")
        .since(2, 11, 0),
    row("allow_msg_counter", Kind::Bool, "*new:* allow Nats-Incr headers (counters)").since(2, 12, 0),
    row("allow_atomic", Kind::Bool, "*new:* allow atomic batches").since(2, 12, 0),
    row("allow_batched", Kind::Bool, "*new:* allow fast batches").since(2, 14, 0),
    row("allow_msg_schedules", Kind::Bool, "*new:* allow scheduled messages").since(2, 12, 0),
    row("persist_mode", Kind::Enum(&["default", "async"]), "*new:* when the file store writes").since(2, 12, 0),
    row("template_owner", Kind::Str, "*new:* template of the stream (old servers only)"),
];

/// Fields that every configuration in a `stream_info` has: an argument list with all of them is a whole configuration.
pub(crate) const STREAM_CONFIG_MARKS: &[&str] =
    &["name", "retention", "max_consumers", "max_msgs", "discard", "storage", "num_replicas"];

/// Whether options of these names are a configuration taken from the server, in which unknown fields are
/// passed on instead of being refused. `marks` is [`STREAM_CONFIG_MARKS`] or the list for consumers.
pub(crate) fn is_whole_config(marks: &[&str], names: &[&str]) -> bool {
    marks.iter().all(|mark| names.contains(mark))
}

/// Options of `purge_stream` (NATS ADR-10).
pub(crate) const PURGE_OPTIONS: &[Opt] = &[
    row("filter", Kind::NonEmpty, "only messages of this subject"),
    row("keep", Kind::Count, "leave this many messages"),
    row("seq", Kind::Count, "only messages below this sequence; not together with `-keep`"),
];

/// Options of `stream_names`.
pub(crate) const STREAM_NAMES_OPTIONS: &[Opt] = &[row("subject", Kind::NonEmpty, "only streams that store this subject")];

/// Options of `stream_msg_get` (NATS ADR-31).
pub(crate) const MSG_GET_OPTIONS: &[Opt] = &[
    row("last_by_subj", Kind::NonEmpty, "the last message of the subject"),
    row("next_by_subj", Kind::NonEmpty, "the first message of the subject, from `-seq` on"),
    row("seq", Kind::Count, "the message with this sequence"),
    row("start_time", Kind::Time, "the first message stored then or later").since(2, 11, 0),
];

/// Options of `stream_msg_delete`.
pub(crate) const MSG_DELETE_OPTIONS: &[Opt] = &[
    row("seq", Kind::Count, "the message; required"),
    row("no_erase", Kind::Bool, "do not overwrite it with random data; sent only if given, **[3]** by default `true`"),
];

/// Options of `stream_msg_delete` in dialect 3, which always says whether to overwrite.
pub(crate) const MSG_DELETE_OPTIONS_3: &[Opt] =
    &changed::<{ MSG_DELETE_OPTIONS.len() }>(MSG_DELETE_OPTIONS, &[preset("no_erase", Kind::Bool, "true", "")]);

/// Rows of [`STREAM_OPTIONS`] that have another type or default in dialect 3.
const CHANGES_3: &[Opt] = &[
    row("description", Kind::NonEmpty, ""),
    row("discard", Kind::Enum(&["new", "old"]), ""),
    row("num_replicas", Kind::Int, ""),
    row("first_seq", Kind::Int, ""),
];

/// Options of `add_stream` and `update_stream` in dialect 3.
pub(crate) const STREAM_OPTIONS_3: &[Opt] = &changed::<{ STREAM_OPTIONS.len() }>(STREAM_OPTIONS, CHANGES_3);

/// Options of the connection's `jet_stream`.
pub(crate) const JET_STREAM_OPTIONS: &[Opt] = &[
    preset("timeout", Kind::Timeout, "5000", "limit of each of its requests"),
    row("domain", Kind::NonEmpty, "JetStream domain: the API prefix is `$JS.<domain>.API` in place of `$JS.API`"),
    row(
        "api_prefix",
        Kind::NonEmpty,
        "*new:* the API prefix itself, such as that of an API imported from another account; not together with `-domain`",
    ),
    preset(
        "publish_retries",
        Kind::Int,
        "2",
        "*new:* how often a message is sent again if nobody listens to its subject, as happens for a moment when the stream changes its leader; -1 for as often as the timeout allows",
    ),
    preset("publish_retry_wait", Kind::Timeout, "250", "*new:* time between these attempts in ms"),
    preset(
        "trace",
        Kind::Bool,
        "false",
        "*new:* write each request to the API (`>>> <subject> <body>`) and its reply (`<<< <subject> <body>`) into the log, level `debug`",
    ),
];

/// Options of `key_value`; the timeout defaults to the object's.
pub(crate) const KEY_VALUE_OPTIONS: &[Opt] = &[
    row(
        "timeout",
        Kind::Timeout,
        "limit of `history` and `keys`, by default the JetStream object's; other requests have the limit of that object",
    ),
    preset("check_bucket", Kind::Bool, "true", "look a bucket up before it is used"),
    preset("read_only", Kind::Bool, "false", "refuse everything that changes something"),
    KEY_CODEC,
    VALUE_CODEC,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for table in [STREAM_OPTIONS, SOURCE, PURGE_OPTIONS, MSG_GET_OPTIONS, KEY_VALUE_OPTIONS] {
            for (i, opt) in table.iter().enumerate() {
                assert!(table[..i].iter().all(|o| o.name != opt.name), "{}", opt.name);
            }
        }
    }

    #[test]
    fn marks_are_options() {
        assert!(STREAM_CONFIG_MARKS.iter().all(|mark| STREAM_OPTIONS.iter().any(|o| o.name == *mark)));
        assert!(is_whole_config(&["a", "b"], &["b", "x", "a"]));
        assert!(!is_whole_config(&["a", "b"], &["b", "x"]));
    }
}
