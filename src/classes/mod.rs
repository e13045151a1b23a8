//! The classes and commands that scripts see: one folder or file each.

mod batch;
mod bucket;
mod bucket_state;
pub(crate) mod connection;
mod dialect;
mod fast_publisher;
mod internal;
pub(crate) mod jet_stream;
pub(crate) mod key_value;
mod kv_codec;
mod kv_watcher;
mod kv_words;
pub(crate) mod message;
mod messages;
mod object_store;
mod ordered_consumer;
mod priority;
mod publisher;
pub(crate) mod service;

use crate::tcl::{Interp, Result};

/// Makes all commands in an interpreter.
///
/// # Errors
/// What Tcl says if a command cannot be made.
pub(crate) fn register(interp: Interp) -> Result<()> {
    interp.eval("namespace eval ::nats {}")?;
    message::register(interp)?;
    internal::register(interp)?;
    service::commands::register(interp)?;
    dialect::register(interp)
}
