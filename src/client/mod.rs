//! A NATS client on the Tcl thread, without a word of Tcl.

mod argument;
pub mod codes;
mod fault;

pub use argument::Argument;
pub use fault::{Fault, Waiting};
