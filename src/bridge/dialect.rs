//! The dialect that an interpreter speaks.

use std::ffi::CStr;

use crate::rules::dialect::{ALL, DIALECT_2, Dialect};
use crate::tcl::Interp;

const TAG: &CStr = c"nats dialect";

/// Sets the dialect of an interpreter.
pub(crate) fn speak(interp: Interp, dialect: &'static Dialect) {
    interp.set_tag(TAG, dialect.number);
}

/// The dialect of an interpreter.
pub(crate) fn of(interp: Interp) -> &'static Dialect {
    let number = interp.tag(TAG);
    ALL.iter().find(|dialect| Some(dialect.number) == number).copied().unwrap_or(&DIALECT_2)
}
