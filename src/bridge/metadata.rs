//! What a message of JetStream says about itself in its reply subject.

use super::describe::dict;
use super::errors::Result;
use super::keys::key;
use crate::client::Fault;
use crate::rules::metadata;
use crate::rules::subject::{Role, check_subject};
use crate::tcl::Obj;

fn not_js_message(message: &Obj) -> Fault {
    let subject = message.get(key("subject")).map(|subject| subject.to_text()).unwrap_or_default();
    Fault::NotJetStreamMessage { subject }
}

/// The reply subject of a message dict, where it is acknowledged.
///
/// # Errors
/// `ErrNotJSMessage` if it has none.
pub(crate) fn reply_subject(message: &Obj) -> Result<String> {
    let reply = message.get(key("reply")).map(|reply| reply.to_text()).unwrap_or_default();
    // No server writes any other kind, and it would be sent exactly as it stands.
    if check_subject(&reply, Role::Reply, false) { Ok(reply) } else { Err(not_js_message(message).into()) }
}

/// The metadata in the reply subject of a message dict, as a dict.
///
/// # Errors
/// `ErrNotJSMessage`
pub(crate) fn metadata_dict(message: &Obj) -> Result<Obj> {
    let reply = reply_subject(message)?;
    let found = metadata::parse(&reply).ok_or_else(|| not_js_message(message))?;
    let pairs = [
        ("stream", Obj::text(found.stream)),
        ("consumer", Obj::text(found.consumer)),
        ("num_delivered", Obj::uint(found.num_delivered)),
        ("stream_seq", Obj::uint(found.stream_seq)),
        ("consumer_seq", Obj::uint(found.consumer_seq)),
        ("timestamp", Obj::int(found.timestamp)),
        ("num_pending", Obj::uint(found.num_pending)),
    ];
    let domain = found.domain.map(|domain| ("domain", Obj::text(domain)));
    Ok(dict(pairs.into_iter().chain(domain)))
}
