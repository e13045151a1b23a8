//! The NATS client protocol: bytes to operations and back. No socket, no clock, no lock.
//!
//! Source: NATS client protocol (docs.nats.io, reference/nats-protocol), ADR-4 for header blocks, and the parser of
//! nats-server where the description is silent.

pub(super) mod connect;
pub(super) mod encode;
pub(super) mod header;
pub(super) mod info;
pub(super) mod parse;

#[cfg(test)]
mod differential_tests;
#[cfg(test)]
mod parse_tests;
