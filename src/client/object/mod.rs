//! Object store (NATS ADR-20): objects in chunks, in buckets that are streams.

mod batched;
mod change;
mod consumer;
mod download;
mod index;
mod metas;
mod store;
mod upload;

pub(crate) use download::Download;
pub(crate) use index::Index;
pub(crate) use store::{Entry, Store};
pub(crate) use upload::{Plan, Progress, Upload};
