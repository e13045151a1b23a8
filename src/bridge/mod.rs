//! Between Tcl words and the engine: options, values, errors, waiting, delivery.

pub mod birth;
pub mod callbacks;
pub mod codes;
pub mod command;
pub mod delivery;
pub mod describe;
pub mod dialect;
pub mod errors;
pub mod family;
pub mod json;
pub mod keys;
pub mod messages;
pub mod metadata;
pub mod method;
pub mod options;
mod patience;
pub mod task;
mod vocabulary;
mod words;
mod words3;
