//! A NATS client on the Tcl thread, without a word of Tcl.

mod api;
mod argument;
mod batch;
mod calling;
mod calls;
pub(crate) mod codes;
mod conn;
mod discovery;
mod fault;
pub(crate) mod follower;
mod gather;
pub(crate) mod kv;
mod level;
mod manage;
pub(crate) mod messages;
pub(crate) mod object;
pub(crate) mod ordered;
pub(crate) mod publisher;
mod pull;
mod service;
mod stored;
mod streams;
mod task;
mod turns;

pub(crate) use api::{Api, PREFIX, Trace, prefix_of_domain, pub_ack};
pub(crate) use argument::Argument;
pub(crate) use batch::Batch;
pub(crate) use calling::{Astray, Calling, timeout};
pub(crate) use calls::Answer;
pub(crate) use conn::{Client, State};
pub(crate) use discovery::reply_of;
pub(crate) use fault::{Fault, Waiting};
pub(crate) use service::Control;
pub(crate) use stored::Stored;
pub(crate) use task::{Slot, Task};
pub(crate) use turns::Turns;
