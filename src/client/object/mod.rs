//! Object store (NATS ADR-20): objects in chunks, in buckets that are streams.

mod batched;
mod change;
mod consumer;
mod download;
mod index;
mod metas;
mod mirror;
mod parting;
mod places;
mod purge;
mod store;
mod upload;

pub(crate) use download::Download;
pub(crate) use index::Index;
pub(crate) use metas::last_of_each;
pub(crate) use mirror::Holds;
pub(crate) use store::{Entry, Store};
pub(crate) use upload::{Plan, Progress, Upload};
