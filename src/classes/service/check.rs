//! Checks that services, endpoints and groups have in common.

use crate::bridge::errors::Result;
use crate::classes::connection::state::Connection;
use crate::client::Argument;
use crate::rules::subject::{Role, check_subject};

/// The error of a word that is not what it should be.
pub(super) fn bad(what: &'static str, value: &str) -> Argument {
    Argument::Service { what, value: value.to_string() }
}

/// Checks a queue group, which may be empty.
pub(super) fn queue_group(connection: &Connection, queue: &str) -> Result<String> {
    if queue.is_empty() || check_subject(queue, Role::Queue, connection.coding().strict) {
        return Ok(queue.to_string());
    }
    Err(bad("queue group", queue).into())
}
