//! What followers of a stream share (NATS ADR-17), which get each message once and in order whatever happens to the server's
//! consumers: watches, ordered consumers of both dialects, and what reads the chunks of an object. `rules/order` decides.

mod access;
mod consumers;
mod feed;
mod flow;

pub(crate) use access::{Access, Form, created};
pub(crate) use consumers::{Consumers, Made, patience};
pub(crate) use feed::{Feed, Input};
pub(crate) use flow::FlowControl;
