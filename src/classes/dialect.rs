//! The faces of the dialects: which classes and commands an interpreter gets, and the variable and version that tell.

use super::{connection, jet_stream, key_value, message};
use crate::bridge::dialect;
use crate::rules::dialect::{DIALECT_2, DIALECT_3, Dialect};
use crate::tcl::trace::Guard;
use crate::tcl::{Error, Interp, Obj, Result, class};

/// Classes and commands of a dialect.
struct Face {
    dialect: &'static Dialect,
    classes: &'static [fn(Interp) -> Result<()>],
    commands: &'static [&'static [message::Command]],
}

static FACES: &[Face] = &[
    Face {
        dialect: &DIALECT_2,
        classes: &[
            |interp| class::define(interp, &connection::CLASS),
            |interp| class::define(interp, &jet_stream::CLASS),
            |interp| class::define(interp, &key_value::CLASS),
        ],
        commands: &[message::time::COMMANDS, message::time::OLD_COMMANDS],
    },
    Face {
        dialect: &DIALECT_3,
        classes: &[|interp| class::define(interp, &connection::CLASS), |interp| class::define(interp, &jet_stream::CLASS)],
        commands: &[message::time::COMMANDS],
    },
];

/// The variable in which the index says what version it wants, and in which scripts read their dialect.
const VARIABLE: &str = "::nats::dialect";

/// Makes all commands and classes of the dialect that is wanted, and provides the package in that version.
///
/// # Errors
/// What Tcl says if a command cannot be made; a version of no dialect.
pub fn register(interp: Interp) -> Result<()> {
    let wish = interp.get_var(&Obj::text(VARIABLE)).map(|version| version.to_text());
    interp.reset_result();
    let version = wish.unwrap_or_else(|_| env!("CARGO_PKG_VERSION").to_string());
    let dialect = Dialect::of_version(&version);
    let face = FACES.iter().find(|face| Some(face.dialect) == dialect);
    let face = face.ok_or_else(|| Error::new(format!("no dialect of nats for version {version}"), &["NATS", "ErrInvalidArg"]))?;
    dialect::speak(interp, face.dialect);
    for commands in face.commands {
        for command in *commands {
            class::command(interp, "::nats", command);
        }
    }
    for define in face.classes {
        define(interp)?;
    }
    let guard = Guard::new();
    guard.set(interp, VARIABLE, None, &Obj::int(face.dialect.number as i64))?;
    guard.protect(interp, VARIABLE);
    interp.provide("nats", &version)
}
