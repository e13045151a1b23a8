//! The classes and commands that scripts see: one folder or file each.

pub mod connection;
mod internal;
pub mod jet_stream;
pub mod key_value;
pub mod message;
pub mod ordered;

use crate::bridge::errors::speak;
use crate::tcl::{Interp, Result, class};

/// Makes all commands in an interpreter.
///
/// # Errors
/// What Tcl says if a command cannot be made.
pub fn register(interp: Interp) -> Result<()> {
    interp.eval("namespace eval ::nats {}")?;
    speak(interp, 0);
    message::register(interp)?;
    internal::register(interp)?;
    class::define(interp, &connection::CLASS)?;
    class::define(interp, &jet_stream::CLASS)?;
    class::define(interp, &key_value::CLASS)?;
    interp.provide("nats", env!("CARGO_PKG_VERSION"))
}
