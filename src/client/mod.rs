//! A NATS client on the Tcl thread, without a word of Tcl.

mod api;
mod argument;
mod calling;
mod calls;
pub mod codes;
mod conn;
mod fault;
pub mod follower;
pub mod kv;
pub mod ordered;
mod pull;
mod stored;
mod streams;
mod task;
mod turns;

pub use api::{Api, PREFIX, Trace, prefix_of_domain, pub_ack};
pub use argument::Argument;
pub use calling::{Astray, Calling, timeout};
pub use calls::Answer;
pub use conn::{Client, State};
pub use fault::{Fault, Waiting};
pub use stored::Stored;
pub use task::{Slot, Task};
pub use turns::Turns;
