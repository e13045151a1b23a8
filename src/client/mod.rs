//! A NATS client on the Tcl thread, without a word of Tcl.

mod argument;
mod calling;
mod calls;
pub mod codes;
mod conn;
mod fault;
mod task;

pub use argument::Argument;
pub use calling::{Astray, Calling, Listening, timeout};
pub use calls::Answer;
pub use conn::{Client, Observer, State};
pub use fault::{Fault, Waiting};
pub use task::{Slot, Task};
