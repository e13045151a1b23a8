//! Stored messages as dicts.

use super::api::JetStream;
use crate::bridge::messages::{dict, header_lines, payload_in};
use crate::client::Stored;
use crate::tcl::Obj;

/// A stored message as a dict.
pub(super) fn message_dict(js: &JetStream, stored: &Stored) -> Obj {
    let mut header = Obj::dict();
    let coding = js.connection.coding();
    header_lines(coding, &mut header, stored.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let data = payload_in(coding, &stored.data);
    let mut message = dict(&header, &data, &stored.subject, "", &Obj::empty());
    message.put_text("seq", &Obj::uint(stored.seq));
    message.put_text("time", &Obj::text(&stored.time));
    message
}
