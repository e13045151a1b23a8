//! A message read from a stream, however it was read.

use super::api::JetStream;
use crate::bridge::messages::{dict, header_lines, payload_in};
use crate::tcl::Obj;

/// A message read from a stream.
pub struct Stored {
    /// Subject.
    pub subject: String,
    /// Sequence in the stream.
    pub seq: u64,
    /// Payload.
    pub data: Vec<u8>,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Time of storage, ISO text of the server.
    pub time: String,
}

/// A stored message as a dict.
pub fn message_dict(js: &JetStream, stored: &Stored) -> Obj {
    let mut header = Obj::dict();
    header_lines(&mut header, stored.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let data = payload_in(js.connection.coding(), &stored.data);
    let mut message = dict(&header, &data, &stored.subject, "", &Obj::empty());
    message.put_text("seq", &Obj::uint(stored.seq));
    message.put_text("time", &Obj::text(&stored.time));
    message
}
