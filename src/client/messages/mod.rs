//! Continuous consumption.

mod acks;
mod clock;
mod end;
mod keeper;
mod push;
mod remake;
mod remaking;
mod renew;
mod source;

pub(crate) use acks::{ACK, KeptAlive};
pub(crate) use keeper::Wish;
pub(crate) use remaking::Remaking;
pub(crate) use source::{Origin, Source, Told};
