//! Direct gets (NATS ADR-31): a message from any server that has a copy of the stream.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::Value as Json;

use super::api::{JetStream, open_or_error, options_body, stream_name};
use super::stored::{Stored, message_dict};
use super::streams::WHICH_MESSAGE;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::bad_value;
use crate::bridge::task::block;
use crate::client::{Argument, Fault, codes};
use crate::engine::Message;
use crate::rules::jetstream_convert::ApiError;
use crate::rules::jetstream_streams::MSG_GET_OPTIONS;
use crate::rules::option::{Kind, Name, named};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Obj, Reply};

const LAST_BY_SUBJ: Name = named(MSG_GET_OPTIONS, "last_by_subj");

/// `stream_direct_get stream ?-last_by_subj subj? ?-next_by_subj subj? ?-seq int?`
pub fn stream_direct_get(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    if call.options.all().is_empty() {
        return Err(Argument::OneRequired(WHICH_MESSAGE).into());
    }
    let body = options_body(MSG_GET_OPTIONS, &call.options, false)?;
    let last = call.options.given_text(LAST_BY_SUBJ).filter(|_| call.options.all().len() == 1);
    // As a part of the subject it would lead nowhere.
    if let Some(subject) = last.filter(|subject| !check_subject(subject, Role::Subscribe, true)) {
        return Err(bad_value(LAST_BY_SUBJ.as_str(), Kind::NonEmpty, &Obj::text(subject)).into());
    }
    let (rest, body) = match last {
        Some(subject) => (format!("DIRECT.GET.{name}.{subject}"), String::new()),
        None => (format!("DIRECT.GET.{name}"), Json::Object(body).to_string()),
    };
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let stored = js.direct_message(&rest, body).await?;
        Ok(message_dict(&js, &stored))
    })
}

impl JetStream {
    /// Reads one message by a direct get; `rest` follows the prefix.
    ///
    /// # Errors
    /// `ErrMsgNotFound`, `ErrInvalidArg`, those of [`JetStream::exchange`].
    pub async fn direct_message(&self, rest: &str, body: String) -> Result<Stored> {
        let subject = self.subject(rest);
        self.trace_request(&subject, &body);
        let message = self.exchange(&subject, Bytes::from(body), None, self.timeout).await?;
        self.trace_reply(&subject, &message);
        match message.status().map(|status| status.as_u16()) {
            None => stored(&message).ok_or_else(|| Fault::ReplyIncomplete.into()),
            Some(404) => Err(not_found().into()),
            Some(408) => Err(Argument::DirectGet.into()),
            Some(code) => Err(Fault::Api(refusal(code, &message.description().unwrap_or_default())).into()),
        }
    }
}

/// The fault of a message that is not there, in the words of `STREAM.MSG.GET`.
fn not_found() -> Fault {
    Fault::Api(ApiError { code: 404, err_code: codes::MESSAGE_NOT_FOUND, description: "no message found".into() })
}

fn refusal(code: u16, description: &str) -> ApiError {
    ApiError { code: i64::from(code), err_code: 0, description: description.to_string() }
}

/// The server's own headers of a direct get.
const OWN: &[&str] = &["Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp"];

fn stored(message: &Message) -> Option<Stored> {
    let headers: Vec<(String, String)> = message.headers().map(|(name, value)| (name.into(), value.into())).collect();
    let (own, users): (Vec<_>, Vec<_>) = headers.into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
    let value = |wanted: &str| own.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    Some(Stored {
        subject: value("Nats-Subject")?,
        seq: value("Nats-Sequence")?.parse().ok()?,
        data: message.payload().to_vec(),
        headers: users,
        time: value("Nats-Time-Stamp")?,
    })
}
