//! Scheduled messages (NATS ADR-51): when, as the headers of a schedule say it.

use super::manage::point_in_time;
use super::option::{Kind, Opt, row};
use super::time::{TimeError, isotime_to_msec, msec_to_isotime};

/// JetStream API level of the servers that have schedules.
pub(crate) const LEVEL: u32 = 2;

/// JetStream API level of those whose schedules repeat.
pub(crate) const REPEATING_LEVEL: u32 = 4;

/// Options of `schedule`.
pub(crate) const SCHEDULE_OPTIONS: &[Opt] = &[
    row("target", Kind::NonEmpty, "subject of the messages that the schedule makes, one of the same stream; required"),
    row("at", Kind::NonEmpty, "once, at this time: ISO text, or ms since 1970; one in the past is at once"),
    row("in", Kind::Count, "once, so many ms from now"),
    row("every", Kind::Count, "again and again, at intervals of so many ms, 1000 or more; level 4"),
    row(
        "cron",
        Kind::NonEmpty,
        "by six fields, seconds first, or `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`; level 4",
    ),
    row("timezone", Kind::NonEmpty, "zone of `-cron`, such as `Europe/Prague`; by default UTC"),
    row("data", Kind::Str, "payload, by default empty"),
    row("header", Kind::Dict, "headers"),
    row("source", Kind::NonEmpty, "subject of the stream whose last message is copied, in place of `-data`"),
    row("ttl", Kind::Ttl, "time to live of the messages that are made"),
    row("rollup", Kind::Bool, "each message that is made replaces the earlier ones of its subject"),
    row("publish_ttl", Kind::Ttl, "time to live of the schedule itself"),
];

/// Header of a schedule: when.
pub(crate) const WHEN: &str = "Nats-Schedule";
/// Header of a schedule: target.
pub(crate) const TARGET: &str = "Nats-Schedule-Target";
/// Header of a schedule: source.
pub(crate) const SOURCE: &str = "Nats-Schedule-Source";
/// Header of a schedule: life of what it makes.
pub(crate) const TTL: &str = "Nats-Schedule-TTL";
/// Header of a schedule: what it makes replaces earlier messages.
pub(crate) const ROLLUP: &str = "Nats-Schedule-Rollup";
/// Header of a schedule: zone.
pub(crate) const TIME_ZONE: &str = "Nats-Schedule-Time-Zone";
/// Header of a message that a schedule made: its subject.
pub(crate) const SCHEDULER: &str = "Nats-Scheduler";
/// Header of a message that a schedule made: when the next one comes, or [`PURGE`].
pub(crate) const NEXT: &str = "Nats-Schedule-Next";
/// Value of [`NEXT`] for a schedule that is over.
pub(crate) const PURGE: &str = "purge";

/// Headers that describe a schedule, and the names under which scripts see them.
pub(crate) const DESCRIBED: &[(&str, &str)] = &[
    ("schedule", WHEN),
    ("target", TARGET),
    ("source", SOURCE),
    ("ttl", TTL),
    ("rollup", ROLLUP),
    ("timezone", TIME_ZONE),
    ("next", NEXT),
];

/// Least interval in ms that servers take.
const LEAST_INTERVAL: i64 = 1_000;

/// The word for one point in time: milliseconds since 1970, or an ISO text.
///
/// # Errors
/// Those of the two forms.
pub(crate) fn at(text: &str) -> Result<String, TimeError> {
    let ms = isotime_to_msec(&point_in_time(text)?)?;
    Ok(format!("@at {}Z", msec_to_isotime(ms, 0)?))
}

/// The word for an interval in ms; `None` for one that is too short.
pub(crate) fn every(ms: i64) -> Option<String> {
    if ms < LEAST_INTERVAL {
        return None;
    }
    Some(match (ms / 1_000, ms % 1_000) {
        (seconds, 0) => format!("@every {seconds}s"),
        (seconds, rest) => format!("@every {seconds}.{}s", format!("{rest:03}").trim_end_matches('0')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(at("1669123891451").as_deref(), Ok("@at 2022-11-22T13:31:31.451Z"));
        assert_eq!(at("2022-11-22T14:31:31+01:00").as_deref(), Ok("@at 2022-11-22T13:31:31.000Z"));
        assert!(at("soon").is_err());
        assert_eq!(every(90_000).as_deref(), Some("@every 90s"));
        assert_eq!(every(1_500).as_deref(), Some("@every 1.5s"));
        assert_eq!(every(999), None);
    }
}
