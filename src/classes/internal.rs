//! `::nats::internal`: what only the tests use.

use crate::tcl::{Call, Interp, Reply, Result, Row, class};

struct Panic;

impl Row for Panic {
    fn name(&self) -> &'static str {
        "panic"
    }

    /// `panic text`: panics, which scripts see as the error `{NATS PANIC}`.
    fn run(&'static self, call: &Call) -> Result<Reply> {
        match call.args() {
            [text] => panic!("{}", text.as_text()),
            _ => Err(call.wrong_args("text")),
        }
    }
}

static PANIC: Panic = Panic;

/// Makes the commands.
///
/// # Errors
/// What Tcl says if they cannot be made.
pub fn register(interp: Interp) -> Result<()> {
    interp.eval("namespace eval ::nats::internal {}")?;
    class::command(interp, "::nats::internal", &PANIC);
    Ok(())
}
