//! Options of the methods that read many messages by one request (NATS ADR-31).

use super::option::{Kind, Opt, named, preset, row};
use super::option::{Name, Preset};
use super::version::Version;

/// First server that answers a direct get with many messages.
pub(crate) const BATCHES_SINCE: Version = Version(2, 11, 0);

/// Number of subjects up to which a server looks for last messages at once.
pub(crate) const SUBJECTS_MOST: usize = 1024;

/// Options of `stream_get_batch`.
pub(crate) const BATCH_OPTIONS: &[Opt] = &[
    preset("batch", Kind::Count, "100", "greatest number of messages"),
    row("seq", Kind::Count, "begin with this sequence, by default with the first message"),
    row("start_time", Kind::Time, "begin with the first message stored then or later; not together with `-seq`"),
    row("subject", Kind::NonEmpty, "only messages of this subject, wildcards allowed"),
    row("max_bytes", Kind::Count, "stop before the messages become larger than that; the first one always comes"),
    row("callback", Kind::Command, "return at once, and invoke `prefix message error` for each message and at the end"),
];

/// Option `-seq` of [`BATCH_OPTIONS`].
pub(crate) const SEQ: Name = named(BATCH_OPTIONS, "seq");
/// Option `-start_time` of [`BATCH_OPTIONS`].
pub(crate) const START_TIME: Name = named(BATCH_OPTIONS, "start_time");

/// Options of `stream_get_last`.
pub(crate) const LAST_OPTIONS: &[Opt] = &[
    row("up_to_seq", Kind::Count, "as the stream was with this last sequence"),
    row("up_to_time", Kind::Time, "as the stream was at that time; not together with `-up_to_seq`"),
    preset("batch", Kind::Count, "1024", "greatest number of messages in one page; all pages are read"),
];

/// Option `-up_to_seq` of [`LAST_OPTIONS`].
pub(crate) const UP_TO_SEQ: Name = named(LAST_OPTIONS, "up_to_seq");
/// Option `-up_to_time` of [`LAST_OPTIONS`].
pub(crate) const UP_TO_TIME: Name = named(LAST_OPTIONS, "up_to_time");
/// Option `-batch` of [`BATCH_OPTIONS`].
pub(crate) const BATCH: Preset<i64> = super::option::int(BATCH_OPTIONS, "batch");
/// Option `-batch` of [`LAST_OPTIONS`].
pub(crate) const PAGE: Preset<i64> = super::option::int(LAST_OPTIONS, "batch");
