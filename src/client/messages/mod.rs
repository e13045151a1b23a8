//! Continuous consumption.

mod acks;
mod end;
mod source;

pub(crate) use acks::KeptAlive;
pub(crate) use source::{Origin, Source, Told};
