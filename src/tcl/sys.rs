//! The bindings that bindgen made of `tcl.h` and `tclOO.h`, and the way through Tcl's stub tables.
#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

include!(concat!(env!("OUT_DIR"), "/tcl.rs"));

/// Lengths and counts of the C API: `int` up to Tcl 8.6, `Tcl_Size` from 9.0 on.
#[cfg(not(tcl9))]
pub type Size = std::os::raw::c_int;
/// Lengths and counts of the C API: `int` up to Tcl 8.6, `Tcl_Size` from 9.0 on.
#[cfg(tcl9)]
pub type Size = isize;

/// A result code of the C API.
pub type Code = std::os::raw::c_int;
/// `TCL_OK` as the C functions return it.
pub const OK: Code = TCL_OK as Code;
/// `TCL_ERROR` as the C functions return it.
pub const ERROR: Code = TCL_ERROR as Code;

/// Calls a function of Tcl's stub table: `stub!(tcl_NewObj())`.
macro_rules! stub {
    ($name:ident ( $($arg:expr),* $(,)? )) => {
        ((*$crate::tcl::sys::tclStubsPtr).$name.unwrap())($($arg),*)
    };
}

/// Calls a function of TclOO's stub table.
macro_rules! oo {
    ($name:ident ( $($arg:expr),* $(,)? )) => {
        ((*$crate::tcl::sys::tclOOStubsPtr).$name.unwrap())($($arg),*)
    };
}

pub(crate) use {oo, stub};
