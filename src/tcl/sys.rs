//! The bindings that bindgen made of `tcl.h` and `tclOO.h`, and the initialisation of Tcl's stub tables.
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

/// Type of lengths and counts in the C API: `int` in Tcl 8.6, `Tcl_Size` in Tcl 9.
#[cfg(not(tcl9))]
pub type Size = std::os::raw::c_int;
/// Type of lengths and counts in the C API: `int` in Tcl 8.6, `Tcl_Size` in Tcl 9.
#[cfg(tcl9)]
pub type Size = isize;

/// A result code of the C API.
pub type Code = std::os::raw::c_int;
/// `TCL_OK` as the C functions return it.
pub const OK: Code = TCL_OK as Code;
/// `TCL_ERROR` as the C functions return it.
pub const ERROR: Code = TCL_ERROR as Code;
/// `TCL_BREAK` as the C functions return it.
pub const BREAK: Code = TCL_BREAK as Code;
/// `TCL_CONTINUE` as the C functions return it.
pub const CONTINUE: Code = TCL_CONTINUE as Code;

// Some are enumerations in one major version of Tcl and macros in the other, with values that both share.

/// `TCL_QUEUE_TAIL`: behind the events that are queued already.
pub const QUEUE_TAIL: u8 = 0;
/// `TCL_OO_METADATA_VERSION_CURRENT`, the layout of `Tcl_ObjectMetadataType`.
pub const METADATA_VERSION: Code = 1;
/// `TCL_OO_METHOD_VERSION_CURRENT`, the layout of `Tcl_MethodType`.
pub const METHOD_VERSION: Code = 1;

/// Takes Tcl's stub table from the interpreter; null, with a message in it, if its Tcl is of another major version.
///
/// # Safety
/// `interp` is live.
pub unsafe fn init_stubs(interp: *mut Tcl_Interp) -> *const std::os::raw::c_char {
    #[cfg(not(tcl9))]
    return Tcl_InitStubs(interp, c"8.6".as_ptr(), 0);
    // What the macro of `tcl.h` gives for 9.0: the major version is the second byte.
    #[cfg(tcl9)]
    return Tcl_InitStubs(interp, c"9.0".as_ptr(), 9 << 8, 0xFCA3_BACB_u32 as Code + size_of::<*mut ()>() as Code);
}
