//! `::nats::internal`: commands for tests and tools.

use super::dialect;
use super::messages::settle_orphan;
use crate::bridge::command::Command;
use crate::tcl::{Interp, Obj, Result, class, event};

static COMMANDS: &[Command] = &[
    Command {
        name: "panic",
        usage: "text",
        words: (1, 1),
        options: &[],
        help: "panics, which scripts see as the error `NATS PANIC`",
        run: |call| panic!("{}", call.args()[0].as_text()),
    },
    Command {
        name: "describe",
        usage: "",
        words: (0, 0),
        options: &[],
        help: "dict of all classes with their methods and options, and of all commands",
        run: |call| Ok(dialect::tables(call.interp)),
    },
    Command {
        name: "slots",
        usage: "",
        words: (0, 0),
        options: &[],
        help: "dict of the functions of Tcl's C API that the library calls, each with whether this Tcl has it",
        run: |_| {
            let mut slots = Obj::dict();
            for (name, empty) in event::called_slots() {
                slots.put_text(name, &Obj::bool(!empty));
            }
            Ok(slots)
        },
    },
    Command {
        name: "settle_orphan",
        usage: "id failed",
        words: (2, 2),
        options: &[],
        help: "acknowledges what a `nats::messages` object handed out that is gone",
        run: settle_orphan,
    },
];

/// Makes the commands.
///
/// # Errors
/// What Tcl says if they cannot be made.
pub(super) fn register(interp: Interp) -> Result<()> {
    interp.eval("namespace eval ::nats::internal {}")?;
    for row in COMMANDS {
        class::command(interp, "::nats::internal", row);
    }
    Ok(())
}
