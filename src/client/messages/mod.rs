//! Continuous consumption.

mod acks;
mod clock;
mod end;
mod keeper;
mod push;
mod renew;
mod source;

pub(crate) use acks::KeptAlive;
pub(crate) use keeper::Wish;
pub(crate) use source::{Origin, Source, Told};
