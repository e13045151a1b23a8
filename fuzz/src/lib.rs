//! The files of the engine that need no socket, by their paths: in the library their modules stay private.

mod engine;

pub use engine::fuzz_checks as checks;
