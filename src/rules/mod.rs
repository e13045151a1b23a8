//! Pure tables and rules: options, valid names, conversions of times and JSON. No Tcl, no sockets.

pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod direct;
pub(crate) mod flat;
pub(crate) mod helpers;
pub(crate) mod initial;
pub(crate) mod jetstream_consumers;
pub(crate) mod jetstream_convert;
pub(crate) mod jetstream_convert_body;
pub(crate) mod jetstream_streams;
pub(crate) mod kv;
pub(crate) mod kv3;
pub(crate) mod kv_keys;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod option;
pub(crate) mod ordered;
pub(crate) mod pace;
pub(crate) mod pull;
pub(crate) mod sequence;
pub(crate) mod subject;
pub(crate) mod time;
pub(crate) mod too_new;
pub(crate) mod version;
