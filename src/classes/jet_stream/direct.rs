//! Direct gets (NATS ADR-31): a message from any server that has a copy of the stream.

use std::rc::Rc;

use serde_json::Value as Json;

use super::api::{JetStream, open_or_error, options_body, stream_name};
use super::stored::message_dict;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::client::{Argument, Fault};
use crate::rules::jetstream_streams::MSG_GET_OPTIONS;
use crate::rules::option::{Kind, Name, named};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Obj, Reply};

const LAST_BY_SUBJ: Name = named(MSG_GET_OPTIONS, "last_by_subj");

/// `stream_direct_get stream ?-last_by_subj subj? ?-next_by_subj subj? ?-seq int? ?-start_time time?`
pub(super) fn stream_direct_get(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    if call.options.all().is_empty() {
        // What the server would say.
        return Err(Argument::DirectGet.into());
    }
    let body = options_body(MSG_GET_OPTIONS, &call.options, false)?;
    let last = call.options.given_text(LAST_BY_SUBJ).filter(|_| call.options.all().len() == 1);
    // As a part of the subject it would make an invalid one.
    if let Some(subject) = last.filter(|subject| !check_subject(subject, Role::Subscribe, true)) {
        return Err(bad_value(LAST_BY_SUBJ.as_str(), Kind::NonEmpty, &Obj::text(subject)).into());
    }
    open_or_error(js)?;
    js.api.knows(MSG_GET_OPTIONS, &call.options.values(), false)?;
    let (js, which) = (Rc::clone(js), Json::Object(body));
    block(call.interp, async move {
        let stored = js.api.direct_message(&name, &which).await.map_err(|fault| match fault {
            Fault::NoResponders(_) => Fault::NoDirectAccess(name),
            fault => fault,
        })?;
        Ok(message_dict(&js, &stored))
    })
}
