//! Options that concern priority groups (NATS ADR-42), of all methods that pull.

use crate::bridge::errors::Result;
use crate::bridge::options::Options;
use crate::client::Argument;
use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::option::{Kind, Name, named};
use crate::rules::pull::{LOWEST_PRIORITY, PRIORITY_OPTIONS, Priority};

const GROUP: Name = named(PRIORITY_OPTIONS, "group");
/// Least number of messages that wait.
pub(super) const MIN_PENDING: Name = named(PRIORITY_OPTIONS, "min_pending");
/// Least number of messages that are not acknowledged.
pub(super) const MIN_ACK_PENDING: Name = named(PRIORITY_OPTIONS, "min_ack_pending");
/// Rank of the pull.
pub(super) const PRIORITY: Name = named(PRIORITY_OPTIONS, "priority");

/// What the options say; their table has the rows of [`PRIORITY_OPTIONS`].
///
/// # Errors
/// `ErrInvalidArg` for a rank below the lowest.
pub(super) fn read(options: &Options) -> Result<Priority> {
    let priority = options.given_int(PRIORITY);
    if let Some(number) = priority.filter(|number| *number > LOWEST_PRIORITY) {
        let bad = BadValue { name: PRIORITY.to_string(), kind: Kind::Count, value: number.to_string() };
        return Err(Argument::Value(bad).into());
    }
    Ok(Priority {
        group: options.given_text(GROUP).map(str::to_string),
        min_pending: options.given_int(MIN_PENDING),
        min_ack_pending: options.given_int(MIN_ACK_PENDING),
        priority,
        id: None,
    })
}
