//! Pure tables and rules: what options exist, what names are valid, how times and JSON convert. No Tcl, no sockets.

pub mod connection;
pub mod dialect;
pub mod flat;
pub mod helpers;
pub mod initial;
pub mod jetstream_consumers;
pub mod jetstream_convert;
pub mod jetstream_convert_body;
pub mod jetstream_streams;
pub mod kv;
pub mod kv3;
pub mod kv_keys;
pub mod metadata;
pub mod names;
pub mod option;
pub mod ordered;
pub mod sequence;
pub mod subject;
pub mod time;
pub mod too_new;
pub mod version;
