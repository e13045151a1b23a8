//! Options of the methods of `nats::jet_stream` that concern streams and stored messages. An option's name is its field in
//! the server's JSON (nats-server 2.15 `StreamConfig`; jetstream-api.md for types and defaults).

use super::option::{Kind, Opt};

/// A row without a default.
pub(super) const fn row(name: &'static str, kind: Kind, help: &'static str) -> Opt {
    Opt { name, kind, default: None, help, since: None }
}

/// A row with a default, given as Tcl text.
pub(super) const fn preset(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Opt {
    Opt { name, kind, default: Some(default), help, since: None }
}

/// `external` of a mirror or source: where the other JetStream is reached.
pub const EXTERNAL: &[Opt] = &[
    row("api", Kind::Str, "API prefix of the other domain or account"),
    row("deliver", Kind::Str, "prefix of the delivery subject"),
];

/// `subject_transform` of a stream, and the elements of `subject_transforms` of a mirror or source.
pub const SUBJECT_TRANSFORM: &[Opt] =
    &[row("src", Kind::Str, "subjects to transform"), row("dest", Kind::Str, "what they become")];

/// `consumer` of a mirror or source: a consumer made beforehand (NATS ADR-60, servers from 2.14).
pub const SOURCE_CONSUMER: &[Opt] =
    &[row("name", Kind::Str, "name of the durable consumer"), row("deliver_subject", Kind::Str, "its delivery subject")];

/// `mirror` and the elements of `sources`.
pub const SOURCE: &[Opt] = &[
    row("name", Kind::NonEmpty, "stream to copy from"),
    row("opt_start_seq", Kind::Count, "first sequence to copy"),
    row("opt_start_time", Kind::Time, "time of the first message to copy, ISO 8601; UTC where it says no zone"),
    row("filter_subject", Kind::Str, "copy only these subjects"),
    row("subject_transforms", Kind::ObjectList(SUBJECT_TRANSFORM), "subject filters and transforms").since(2, 10, 0),
    row("external", Kind::Object(EXTERNAL), "copy from another domain or account"),
    row("consumer", Kind::Object(SOURCE_CONSUMER), "consumer to copy through").since(2, 14, 0),
];

/// `placement` of a stream.
pub const PLACEMENT: &[Opt] = &[
    row("cluster", Kind::Str, "name of the cluster"),
    row("tags", Kind::StrList, "tags that the servers must have"),
    row("preferred", Kind::Str, "server that should lead").since(2, 11, 0),
];

/// `republish` of a stream.
pub const REPUBLISH: &[Opt] = &[
    row("src", Kind::Str, "subjects to republish"),
    row("dest", Kind::Str, "subject to publish to"),
    row("headers_only", Kind::Bool, "leave the payload out"),
];

/// `consumer_limits` of a stream.
pub const CONSUMER_LIMITS: &[Opt] = &[
    row("inactive_threshold", Kind::Millis, "greatest inactivity of a consumer"),
    row("max_ack_pending", Kind::Int, "most unacknowledged messages of a consumer"),
];

/// Options of `add_stream`.
pub const STREAM_OPTIONS: &[Opt] = &[
    row("name", Kind::NonEmpty, "accepted for a whole configuration; the argument wins"),
    row("description", Kind::Str, "description").since(2, 3, 3),
    row("subjects", Kind::StrList, "subjects to store; needed without -mirror and -sources"),
    preset("retention", Kind::Enum(&["limits", "interest", "workqueue"]), "limits", "when messages are removed"),
    row("max_consumers", Kind::Int, "most consumers; -1 for no limit"),
    row("max_msgs", Kind::Int, "most messages; -1 for no limit"),
    row("max_bytes", Kind::Int, "most bytes; -1 for no limit"),
    preset("discard", Kind::Enum(&["new", "old"]), "old", "which messages go when a limit is reached"),
    row("discard_new_per_subject", Kind::Bool, "with discard new: apply it to max_msgs_per_subject too").since(2, 9, 0),
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
    row("placement", Kind::Object(PLACEMENT), "cluster and servers for the stream"),
    row("republish", Kind::Object(REPUBLISH), "publish stored messages again").since(2, 8, 3),
    row("subject_transform", Kind::Object(SUBJECT_TRANSFORM), "transform subjects before storing").since(2, 10, 0),
    row("compression", Kind::Enum(&["none", "s2"]), "compression of the file store").since(2, 10, 0),
    row("first_seq", Kind::Count, "sequence of the first message").since(2, 10, 0),
    row("consumer_limits", Kind::Object(CONSUMER_LIMITS), "limits and defaults for consumers").since(2, 10, 0),
    row("metadata", Kind::StrMap, "names and values of one's own").since(2, 10, 0),
    row("allow_msg_ttl", Kind::Bool, "allow Nats-TTL headers").since(2, 11, 0),
    row("subject_delete_marker_ttl", Kind::Millis, "leave a marker of this age for the last message of a subject")
        .since(2, 11, 0),
    row("allow_msg_counter", Kind::Bool, "allow Nats-Incr headers (counters)").since(2, 12, 0),
    row("allow_atomic", Kind::Bool, "allow atomic batches").since(2, 12, 0),
    row("allow_batched", Kind::Bool, "allow fast batches").since(2, 14, 0),
    row("allow_msg_schedules", Kind::Bool, "allow scheduled messages").since(2, 12, 0),
    row("persist_mode", Kind::Enum(&["default", "async"]), "when the file store writes").since(2, 12, 0),
    row("template_owner", Kind::Str, "template of the stream (old servers only)"),
];

/// Fields that every configuration in a `stream_info` has: an argument list with all of them is a whole configuration.
pub const STREAM_CONFIG_MARKS: &[&str] =
    &["name", "retention", "max_consumers", "max_msgs", "discard", "storage", "num_replicas"];

/// Whether options of these names are a configuration taken from the server, in which fields nobody knows yet are
/// passed on instead of being refused. `marks` is [`STREAM_CONFIG_MARKS`] or the list for consumers.
pub fn is_whole_config(marks: &[&str], names: &[&str]) -> bool {
    marks.iter().all(|mark| names.contains(mark))
}

/// Options of `purge_stream` (NATS ADR-10).
pub const PURGE_OPTIONS: &[Opt] = &[
    row("filter", Kind::NonEmpty, "only messages of this subject"),
    row("keep", Kind::Count, "leave this many messages"),
    row("seq", Kind::Count, "only messages below this sequence"),
];

/// Options of `stream_names`.
pub const STREAM_NAMES_OPTIONS: &[Opt] = &[row("subject", Kind::NonEmpty, "only streams that store this subject")];

/// Options of `stream_msg_get` (NATS ADR-31).
pub const MSG_GET_OPTIONS: &[Opt] = &[
    row("last_by_subj", Kind::NonEmpty, "last message of the subject"),
    row("next_by_subj", Kind::NonEmpty, "first message of the subject, from -seq on"),
    row("seq", Kind::Count, "message with this sequence"),
];

/// Options of `stream_msg_delete`.
pub const MSG_DELETE_OPTIONS: &[Opt] = &[
    row("seq", Kind::Count, "message to delete; required"),
    row("no_erase", Kind::Bool, "do not overwrite it with random data"),
];

/// Options of `stream_msg_delete` in dialect 3, which always says whether to overwrite.
pub const MSG_DELETE_OPTIONS_3: &[Opt] =
    &[MSG_DELETE_OPTIONS[0], preset("no_erase", Kind::Bool, "true", "do not overwrite it with random data")];

/// Rows of [`STREAM_OPTIONS`] that have another type or default in dialect 3.
const CHANGES_3: &[Opt] = &[
    row("description", Kind::NonEmpty, ""),
    row("discard", Kind::Enum(&["new", "old"]), ""),
    row("num_replicas", Kind::Int, ""),
    row("first_seq", Kind::Int, ""),
];

/// Options of `add_stream` and `update_stream` in dialect 3.
pub const STREAM_OPTIONS_3: &[Opt] = &changed::<{ STREAM_OPTIONS.len() }>(STREAM_OPTIONS, CHANGES_3);

/// A table whose rows take the type and the default of the row of the same name among `changes`.
const fn changed<const N: usize>(table: &[Opt], changes: &[Opt]) -> [Opt; N] {
    let mut rows = [table[0]; N];
    let mut at = 0;
    while at < N {
        rows[at] = table[at];
        let mut change = 0;
        while change < changes.len() {
            if same(table[at].name, changes[change].name) {
                rows[at].kind = changes[change].kind;
                rows[at].default = changes[change].default;
            }
            change += 1;
        }
        at += 1;
    }
    rows
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Options of the connection's `jet_stream`.
pub const JET_STREAM_OPTIONS: &[Opt] = &[
    preset("timeout", Kind::Timeout, "5000", "timeout of API requests"),
    row("domain", Kind::NonEmpty, "JetStream domain"),
    row(
        "api_prefix",
        Kind::NonEmpty,
        "what subjects of the API begin with, such as those of an API imported from another account",
    ),
    preset("trace", Kind::Bool, "false", "log each request to the API and its reply, level debug"),
];

/// Options of `key_value`; the timeout defaults to the object's.
pub const KEY_VALUE_OPTIONS: &[Opt] = &[
    row("timeout", Kind::Timeout, "timeout of history and keys; default: the JetStream object's"),
    preset("check_bucket", Kind::Bool, "true", "look buckets up before they are used"),
    preset("read_only", Kind::Bool, "false", "refuse to change anything"),
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
        assert!(CHANGES_3.iter().all(|change| STREAM_OPTIONS_3.iter().any(|o| o.name == change.name && o.kind == change.kind)));
        assert!(is_whole_config(&["a", "b"], &["b", "x", "a"]));
        assert!(!is_whole_config(&["a", "b"], &["b", "x"]));
    }
}
