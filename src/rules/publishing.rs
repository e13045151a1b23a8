//! Options of a message that is published to a stream, and the headers that they stand for.

use super::option::{Kind, Opt, Value, joined, preset, row};
use super::ttl;

/// Options of `publish` and `publish_msg`; the timeout and the repetitions default to the object's.
pub(crate) const PUBLISH_OPTIONS: &[Opt] = &[
    row("timeout", Kind::Timeout, "limit of the wait, by default the JetStream object's; 0 waits for ever"),
    row("callback", Kind::Command, "return a request ID at once; the acknowledgement goes to the callback"),
    row("stream", Kind::Trimmed, "stream that is expected to store the message; another one is an error. Recommended"),
    row("header", Kind::Dict, "*new:* headers, a dict as of `nats::header`"),
    row(
        "msg_id",
        Kind::Trimmed,
        "*new:* ID of the message: within its `-duplicate_window` the stream stores no other one of this ID",
    ),
    row("expected_last_seq", Kind::Count, "*new:* sequence that the stream's last message must have"),
    row(
        "expected_last_subject_seq",
        Kind::Count,
        "*new:* sequence that the last message of the subject must have; 0 if there must be none",
    ),
    row(
        "expected_last_subject",
        Kind::Trimmed,
        "*new:* the subject that `-expected_last_subject_seq` is about, wildcards allowed, in place of the message's own; level 1",
    ),
    row("expected_last_msg_id", Kind::Trimmed, "*new:* ID that the stream's last message must have"),
    row(
        "ttl",
        Kind::Ttl,
        "*new:* life of the message, at least 1000 ms, or `never` for one that `-max_age` does not remove; level 1, and a stream with `-allow_msg_ttl`",
    ),
    row(
        "rollup",
        Kind::Enum(&["sub", "all"]),
        "*new:* the message replaces all others of its subject, or of the stream, which must have `-allow_rollup_hdrs`",
    ),
    row(
        "retries",
        Kind::Int,
        "*new:* how often it is sent again where nobody listens, by default the object's `-publish_retries`; -1 for as often as the timeout allows",
    ),
    row("retry_wait", Kind::Timeout, "*new:* time between these attempts in ms, by default the object's `-publish_retry_wait`"),
];

/// Options of `publisher`; the timeout and the repetitions default to the JetStream object's.
pub(crate) const PUBLISHER_OPTIONS: &[Opt] = &[
    preset("window", Kind::Count, "1000", "most messages without an acknowledgement; not 0"),
    preset("window_bytes", Kind::Count, "8388608", "most bytes of their payloads; a larger message goes alone"),
    row("timeout", Kind::Timeout, "limit of each message's wait, by default the JetStream object's; 0 waits for ever"),
    row(
        "retries",
        Kind::Count,
        "how often a message is sent again where nobody listens, by default the object's `-publish_retries`",
    ),
    row("on_ack", Kind::Command, "called with number and acknowledgement"),
    preset("ack_every", Kind::Count, "1", "only for each n-th acknowledgement; not 0"),
    row("on_error", Kind::Command, "called with number, subject, error code and text of a message that failed"),
    preset(
        "msg_ids",
        Kind::Bool,
        "false",
        "give each message an ID (`Nats-Msg-Id`), and send one that nobody acknowledged in time again, `-retries` times",
    ),
];

/// Options of `fast_publisher`; the timeout defaults to the JetStream object's.
pub(crate) const FAST_OPTIONS: &[Opt] = &[
    preset(
        "flow",
        Kind::Count,
        "100",
        "number of messages for which an acknowledgement is wanted; the server may choose fewer; not 0",
    ),
    preset("outstanding", Kind::Count, "2", "number of acknowledgements that may be missing while messages go out; not 0"),
    preset("gap", Kind::Enum(&["fail", "ok"]), "fail", "whether the batch ends or goes on when a message is lost or refused"),
    row(
        "timeout",
        Kind::Timeout,
        "silence or lack of progress that ends the batch, by default the JetStream object's; 0 waits for ever",
    ),
    row("events", Kind::Command, "called as `prefix gap first next` and `prefix error number dict`"),
];

/// Options of the methods `add` and `commit` of a batch: those of `publish` that are about the message, between `-callback` and
/// `-retries`.
pub(crate) const BATCHED_OPTIONS: &[Opt] = &{
    let mut rows = [PUBLISH_OPTIONS[2]; PUBLISH_OPTIONS.len() - 4];
    let mut at = 0;
    while at < rows.len() {
        rows[at] = PUBLISH_OPTIONS[at + 2];
        at += 1;
    }
    rows
};

/// Options of the method `publish` of a publisher.
pub(crate) const WINDOWED_OPTIONS: &[Opt] = &joined::<{ BATCHED_OPTIONS.len() + 1 }>(
    BATCHED_OPTIONS,
    &[preset("wait", Kind::Bool, "true", "wait while the window is full; otherwise that is `ErrWindowFull`")],
);

/// Options of `publish_batch`.
pub(crate) const PUBLISH_BATCH_OPTIONS: &[Opt] =
    &[row("timeout", Kind::Timeout, "limit of the whole call, by default the JetStream object's; 0 waits for ever")];

/// Options of `batch`.
pub(crate) const BATCH_OPTIONS: &[Opt] =
    &[preset("ack_every", Kind::Count, "0", "wait for an answer to every n-th message, too; 0 for the first only")];

/// Header of a message's ID.
pub(crate) const MSG_ID: &str = "Nats-Msg-Id";

/// Options that are sent as a header: name, header, and the JetStream API level of the servers that look at it.
const HEADERS: &[(&str, &str, u32)] = &[
    ("stream", "Nats-Expected-Stream", 0),
    ("msg_id", MSG_ID, 0),
    ("expected_last_seq", "Nats-Expected-Last-Sequence", 0),
    ("expected_last_subject_seq", "Nats-Expected-Last-Subject-Sequence", 0),
    ("expected_last_subject", "Nats-Expected-Last-Subject-Sequence-Subject", 1),
    ("expected_last_msg_id", "Nats-Expected-Last-Msg-Id", 0),
    ("ttl", ttl::HEADER, ttl::LEVEL),
    ("rollup", "Nats-Rollup", 0),
];

/// A header that an option stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Name of the option.
    pub option: &'static str,
    /// Name of the header.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// JetStream API level that a server needs to look at it.
    pub level: u32,
}

/// The headers of the given options (index into `table`, value).
pub(crate) fn headers(table: &[Opt], given: &[(usize, Value)]) -> Vec<Header> {
    let header = |(index, value): &(usize, Value)| {
        let (option, name, level) = HEADERS.iter().find(|(option, ..)| *option == table[*index].name)?;
        let value = match value {
            Value::Int(number) => number.to_string(),
            Value::Str(text) | Value::Big(text) => text.clone(),
            _ => return None,
        };
        Some(Header { option, name, value, level: *level })
    };
    given.iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> usize {
        PUBLISH_OPTIONS.iter().position(|opt| opt.name == name).unwrap()
    }

    #[test]
    fn headers_of_options() {
        let given = [
            (index("timeout"), Value::Int(5)),
            (index("msg_id"), Value::Str("a b".into())),
            (index("expected_last_seq"), Value::Big("18446744073709551615".into())),
            (index("ttl"), Value::Str("2.5s".into())),
        ];
        let made: Vec<_> =
            headers(PUBLISH_OPTIONS, &given).into_iter().map(|header| (header.name, header.value, header.level)).collect();
        let expected = [
            ("Nats-Msg-Id", "a b".to_owned(), 0),
            ("Nats-Expected-Last-Sequence", "18446744073709551615".to_owned(), 0),
            ("Nats-TTL", "2.5s".to_owned(), 1),
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn options_within_a_window() {
        let names: Vec<_> = WINDOWED_OPTIONS.iter().map(|row| row.name).collect();
        assert_eq!(names[..2], ["stream", "header"]);
        assert_eq!(names[names.len() - 2..], ["rollup", "wait"]);
        assert_eq!(names.len(), HEADERS.len() + 2);
    }

    #[test]
    fn headers_belong_to_options() {
        assert!(HEADERS.iter().all(|(option, ..)| PUBLISH_OPTIONS.iter().any(|row| row.name == *option)));
    }
}
