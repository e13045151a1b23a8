//! A safe interface to Tcl's C API: the only place with `unsafe`. It knows nothing of its users.

pub mod bytes;
pub mod channel;
pub mod class;
pub mod clock;
pub mod coroutine;
pub mod driver;
mod error;
pub mod event;
pub mod file;
pub mod fork;
mod handle;
pub mod interp;
mod io;
mod lent;
pub mod mailbox;
mod mark;
pub mod memory;
pub mod obj;
mod rhythm;
pub mod script;
mod slots;
mod stay;
pub mod sys;
mod text;
pub mod trace;
mod trampoline;
pub mod wait;

pub use class::{Call, Class, Instance, Object, Reply, Row};
pub use error::{Error, Result, Trouble, posix};
pub use handle::Handle;
pub use interp::{Home, Interp};
pub use mark::{Mark, Shape};
pub use obj::Obj;
pub use rhythm::Rhythm;
pub use trampoline::caught;
