//! Options and rules of the methods that manage streams and consumers in ways that came with newer servers.

use super::option::{Kind, Opt, preset, row};
use super::time::{TimeError, msec_to_isotime, rfc3339};

/// Options of `streams`.
pub(crate) const STREAMS_OPTIONS: &[Opt] = &[
    row("subject", Kind::NonEmpty, "only streams that store this subject"),
    preset("names", Kind::Bool, "false", "only the names, as `stream_names`"),
];

/// Options of `stream_info`.
pub(crate) const STREAM_INFO_OPTIONS: &[Opt] = &[
    row(
        "subjects",
        Kind::NonEmpty,
        "*new:* add the subjects that match this filter to `state`: a dict `subjects` of subject and number of messages, all pages of it",
    ),
    preset("deleted", Kind::Bool, "false", "*new:* add the sequences of deleted messages to `state`: a list `deleted`"),
];

/// Options of `reset_consumer`.
pub(crate) const RESET_OPTIONS: &[Opt] = &[row(
    "seq",
    Kind::Count,
    "sequence of the stream from which the consumer delivers; by default it stays where acknowledgements are",
)];

/// Most characters of the name of a priority group.
const GROUP_LENGTH: usize = 16;

/// Whether a name can be that of a priority group (NATS ADR-42).
pub(crate) fn is_priority_group(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'=');
    (1..=GROUP_LENGTH).contains(&name.len()) && name.bytes().all(fits)
}

/// A point in time as the server takes it, from milliseconds since 1970 or an ISO text.
///
/// # Errors
/// Those of the two forms.
pub(crate) fn point_in_time(text: &str) -> Result<String, TimeError> {
    match text.trim().parse::<i64>() {
        Ok(ms) => msec_to_isotime(ms, 0).and_then(|iso| rfc3339(&iso)),
        Err(_) => rfc3339(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups() {
        for name in ["a", "A-9_/=", "0123456789abcdef"] {
            assert!(is_priority_group(name), "{name}");
        }
        for name in ["", "0123456789abcdefg", "a.b", "a b", "ä", "a*"] {
            assert!(!is_priority_group(name), "{name}");
        }
    }

    #[test]
    fn points() {
        assert_eq!(point_in_time("0").as_deref(), Ok("1970-01-01T00:00:00.000Z"));
        assert_eq!(point_in_time("1669123891451").as_deref(), Ok("2022-11-22T13:31:31.451Z"));
        assert_eq!(point_in_time("2022-11-22T13:31:31+01:00").as_deref(), Ok("2022-11-22T13:31:31+01:00"));
        assert!(point_in_time("tomorrow").is_err());
        assert!(point_in_time("99999999999999999").is_err());
    }
}
