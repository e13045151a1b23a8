//! `nats::msg`, `nats::header` and the time commands: plain commands on values, from tables.

mod dict;
mod header;
pub(crate) mod helpers;
mod msg;
pub(crate) mod time;

use crate::bridge::command::Command;
use crate::tcl::{self, Interp, class};

/// The ensembles and their subcommands.
pub(crate) static ENSEMBLES: &[(&str, &[Command])] = &[("::nats::msg", msg::COMMANDS), ("::nats::header", header::COMMANDS)];

/// Makes the ensembles in an interpreter.
///
/// # Errors
/// What Tcl says when an ensemble cannot be made.
pub(crate) fn register(interp: Interp) -> tcl::Result<()> {
    for (namespace, rows) in ENSEMBLES {
        for row in *rows {
            class::command(interp, namespace, row);
        }
        interp.eval(&format!("::namespace eval {namespace} {{::namespace export *; ::namespace ensemble create}}"))?;
    }
    interp.reset_result();
    Ok(())
}
