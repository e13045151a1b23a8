//! The bridge between Tcl words and the client: options, values, errors, waiting, delivery.

pub(crate) mod birth;
pub(crate) mod callbacks;
pub(crate) mod codes;
pub(crate) mod command;
pub(crate) mod delivery;
pub(crate) mod describe;
pub(crate) mod dialect;
pub(crate) mod errors;
pub(crate) mod family;
mod infos;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod messages;
pub(crate) mod metadata;
pub(crate) mod method;
pub(crate) mod options;
mod patience;
pub(crate) mod task;
mod vocabulary;
mod words;
mod words3;
