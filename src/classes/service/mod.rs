//! `nats::service`: procedures and callbacks as endpoints that others discover and call (ADR-32).

pub(crate) mod call;
mod check;
mod class;
pub(crate) mod commands;
mod endpoint;
mod group;
mod handler;
mod remote;
mod request;
mod serve;
mod state;
mod stop;

pub(super) use class::CLASS;
pub(crate) use class::service;
pub(super) use group::CLASS as GROUP_CLASS;
pub(super) use remote::CLASS as REMOTE_CLASS;
pub(crate) use remote::service_remote;
