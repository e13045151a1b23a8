//! Answers to the flow control of push consumers.

use std::rc::Rc;

use bytes::Bytes;

use super::Access;
use crate::client::calling::timeout;
use crate::client::calls::Answer;
use crate::client::conn::Client;
use crate::engine::{End, Mode, Outgoing, RequestSpec, Subject};

/// Time in ms for which an answer is watched for a refusal.
const PROBE: i64 = 1000;

impl Access {
    /// Sends an empty answer. Nobody replies to it, but while it is not known that answers are allowed it is a request, so that its
    /// refusal is noticed: then `refused` is called. Without a connection another consumer is on its way.
    pub(crate) fn answer_flow(&self, client: &Client, subject: &str, refused: impl Fn() + 'static) {
        let msg = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        if self.flow_proven.get() {
            let _ = client.engine().publish(&msg.as_publication());
            return;
        }
        let take = move |answer| {
            if let Answer::End(End::Refused(_)) = answer {
                refused();
            }
        };
        let _ = client.call_back(RequestSpec { msg, timeout: timeout(PROBE), mode: Mode::Shared }, Rc::new(take));
    }
}
