//! Questions to all services, and calls of them.

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::calling::timeout;
use super::calls::Answer;
use super::conn::Client;
use super::fault::{Fault, Waiting};
use crate::engine::{End, Message, Mode, Outgoing, Part, RequestSpec, Subject};
use crate::rules::service::{CODE_HEADER, ERROR_HEADER};
use crate::rules::service_remote::answer;

/// An answer to a question to services.
pub(crate) struct Known {
    /// What it says; `None` if it is no JSON object.
    pub answer: Option<Map<String, Json>>,
    /// Time from the question to it, in ms.
    pub rtt: f64,
}

impl Client {
    /// Asks all services that listen to the subject; nobody's answer is no error.
    ///
    /// # Errors
    /// Those of [`Client::call`]; [`Fault::Lost`], [`Fault::ClosedWaiting`].
    pub(crate) async fn discover(self: &Rc<Self>, subject: &str, ms: i64, stall: i64) -> Result<Vec<Known>, Fault> {
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        let mode = Mode::Gather { max: u64::MAX, judge: |_| Part::Answer, stall: timeout(stall) };
        let began = Instant::now();
        let calling = self.call(RequestSpec { msg, timeout: timeout(ms), mode })?;
        let mut known = Vec::new();
        loop {
            match calling.next().await {
                Answer::Reply(message) => {
                    known.push(Known { answer: answer(message.payload()), rtt: began.elapsed().as_secs_f64() * 1000.0 });
                }
                Answer::End(End::Full | End::Stalled | End::Timeout | End::NoResponders(_) | End::Status(_)) => return Ok(known),
                Answer::End(end) => return Err(Fault::of_end(&end, Waiting::Many(subject.to_string()))),
            }
        }
    }
}

/// The reply of a service; `text` says whether payloads are.
///
/// # Errors
/// [`Fault::Service`] for an error reply.
pub(crate) fn reply_of(message: Message, text: bool) -> Result<Message, Fault> {
    let header = |wanted: &str| message.headers().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    match header(ERROR_HEADER) {
        None => Ok(message),
        Some(description) => {
            let code = header(CODE_HEADER).unwrap_or_default();
            Err(Fault::Service { code, description, data: message.payload().to_vec(), text })
        }
    }
}
