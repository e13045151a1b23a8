//! The connection engine: the protocol, pool, reconnection, subscriptions, requests. Knows no Tcl.
//!
//! Users see [`Conn`]: its methods never block (except [`Conn::close`], which flushes) and may be called from any
//! thread. What happens is told to a [`Listener`]. One I/O thread per open connection runs the `supervisor`, which
//! asks the `pool` for the next server and runs one `session` after the other.
//!
//! - `wire`: bytes to operations and back; no socket, no clock
//! - `transport`: a byte stream to one server
//! - `session`: one connection to one server
//! - `outbox`, `subs`, `calls`, `request`, `deliver`, `timers`: state and work that outlive a session

mod alive;
mod await_calls;
mod calls;
mod cause;
mod config;
mod conn;
mod counted;
mod deliver;
mod der;
mod error;
mod hearing;
mod listen;
mod listener;
mod log;
mod message;
mod outbox;
mod pace;
mod pending;
mod pool;
mod publish;
mod refused;
mod repeat;
mod request;
mod server_error;
mod session;
mod shared;
mod silence;
mod speaking;
mod subs;
mod supervisor;
mod talk;
mod timers;
mod transport;
mod url;
mod user_files;
mod wire;

#[cfg(test)]
mod fuzz_checks;

pub use alive::Pulse;
pub use config::{Config, Losses, TlsConfig};
pub use conn::Conn;
pub use counted::{Counted, Outcome, Settled, Sink};
pub use error::{Code, Problem};
pub use listener::{End, Event, Listener, Status};
pub use log::Level;
pub use message::{Headers, Message, Outgoing, Publication, Subject};
pub use pending::{Part, Progress};
pub use pool::ServerEntry;
pub use repeat::Repeat;
pub use request::{Mode, RequestSpec, Wait};
pub use subs::{Sub, SubSpec};
pub use talk::{Talk, Turn};
pub use url::UrlAuth;
pub use wire::header::stored as stored_headers;
pub use wire::info::Info;

/// Number of a request, pull or ping of a connection, from 1.
pub type CallId = u64;

/// Number of a subscription of a connection, from 1.
pub type SubId = u64;

/// Locks a mutex. A panic elsewhere while it was held must not cause another one here: the guarded
/// values are consistent between any two statements.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
