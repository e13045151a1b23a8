//! A safe face on Tcl's C API: the only place with `unsafe`. Knows nothing of NATS.

pub mod class;
pub mod clock;
pub mod event;
pub mod interp;
pub mod mailbox;
mod mark;
pub mod memory;
pub mod obj;
pub mod sys;
mod text;
pub mod trace;
mod trampoline;
pub mod wait;

pub use class::{Call, Class, Instance, Object, Reply, Row};
pub use interp::{Error, Home, Interp, Result};
pub use mark::{Mark, Shape};
pub use obj::Obj;
