//! `nats` for Tcl: the NATS messaging system as a Tcl extension.
//!
//! - `tcl`: a safe interface to Tcl's C API, the only place with `unsafe`
//! - `engine`: connections, their protocol and their I/O thread; knows no Tcl
//! - `rules`: option tables, names, conversions; pure
//! - `client`: a NATS client without a word of Tcl
//! - `bridge`: Tcl words to options, waiting, delivery, errors
//! - `classes`: the TclOO classes and commands
//!
//! Imports point down: classes -> bridge -> client -> rules, tcl, engine. See docs/architecture.md.
#![deny(unsafe_code)]

mod bridge;
mod classes;
mod client;
// A part of a crate of its own in fuzz.
#[allow(unreachable_pub)]
mod engine;
mod rules;
// A crate of its own in tests/soundness.
#[allow(unsafe_code, unreachable_pub)]
mod tcl;

/// Entry symbol that Tcl's `load` looks for.
///
/// # Safety
/// Called by Tcl with a live interpreter.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Nats_Init(interp: *mut tcl::sys::Tcl_Interp) -> std::os::raw::c_int {
    // SAFETY: what Tcl handed over is passed on.
    unsafe { tcl::event::init(interp, classes::register, bridge::errors::trouble) }
}
