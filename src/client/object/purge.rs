//! The removal of chunks and of metas, and the wait before it until the leader has stored what it has taken.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::store::Store;
use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::client::task::{Task, pause};
use crate::engine::{Mode, Outgoing, RequestSpec, Subject};
use crate::rules::object::chunk_subject;

/// A stream that cannot be.
const NO_STREAM: &str = ">";

/// Time in ms after which a leader is asked again: a server that stops leading may answer nothing.
const LOOK: i64 = 3000;

/// Shortest and longest time before a leader is asked again that there was not.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Messages that nobody needs any more.
pub(super) struct Needless {
    /// Their subject.
    pub subject: String,
    /// The last of them; all of the subject if there is none.
    pub last: Option<u64>,
}

/// Whether a request is refused, or not answered, for a reason that passes: there is no leader, or no connection.
pub(super) fn passes(fault: &Fault) -> bool {
    match fault {
        Fault::NoJetStream | Fault::NoResponders(_) | Fault::Timeout(_) => true,
        Fault::Api(error) => error.code == 503,
        _ => false,
    }
}

/// Removes these by such a call, one after the other; what is left stays in the list.
async fn clear_by(
    needless: &mut VecDeque<Needless>,
    purge: impl AsyncFn(&str, Option<u64>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    while let Some(Needless { subject, last }) = needless.front() {
        purge(subject, *last).await?;
        needless.pop_front();
    }
    Ok(())
}

impl Store {
    /// Asks, again and again while that fails for a reason that passes.
    pub(super) async fn insist<T>(&self, ask: impl AsyncFn(&Api) -> Result<T, Fault>) -> Result<T, Fault> {
        let api = self.api.with_timeout(LOOK);
        let (mut wait, longest) = WAITS;
        loop {
            match ask(&api).await {
                Err(fault) if passes(&fault) => pause(wait).await,
                outcome => return outcome,
            }
            wait = (2 * wait).min(longest);
        }
    }

    /// A message that is refused: what was published before it is stored then, or will not be.
    pub(super) fn refused(&self, subject: &Subject) -> Outgoing {
        let headers = vec![("Nats-Expected-Stream".to_string(), NO_STREAM.to_string())];
        Outgoing { subject: subject.clone(), reply: None, headers: Some(headers), payload: Bytes::new() }
    }

    /// Returns when the leader is done with everything that was published before, as soon as there is one.
    pub(super) async fn caught_up(&self, subject: &Subject) {
        let ask = async |api: &Api| {
            let Outgoing { subject, headers, payload, .. } = self.refused(subject);
            api.exchange(subject.as_str(), payload, headers, LOOK).await
        };
        let _ = self.insist(ask).await;
    }

    /// A request to the API: what follows its prefix, and the body.
    pub(super) fn request(&self, (rest, body): (String, String)) -> Outgoing {
        Outgoing { subject: Subject::from(self.api.subject(&rest)), reply: None, headers: None, payload: Bytes::from(body) }
    }

    /// Subject and body of the request that removes the messages of a subject.
    pub(super) fn removal(&self, subject: &str, last: Option<u64>) -> (String, String) {
        let body = match last {
            None => json!({ "filter": subject }),
            // The server removes what is before the sequence.
            Some(last) => json!({ "filter": subject, "seq": last + 1 }),
        };
        (format!("STREAM.PURGE.{}", self.stream), body.to_string())
    }

    /// Removes the messages of a subject, up to a sequence if one is given: not what somebody has put there since. The result says
    /// whether there were any.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(super) async fn purge(&self, subject: &str, last: Option<u64>) -> Result<bool, Fault> {
        self.purge_by(&self.api, subject, last).await
    }

    async fn purge_by(&self, api: &Api, subject: &str, last: Option<u64>) -> Result<bool, Fault> {
        let (rest, body) = self.removal(subject, last);
        let reply = api.json(&rest, body).await?;
        Ok(reply.get("purged").and_then(Json::as_u64).unwrap_or_default() > 0)
    }

    /// The same, however long it takes until there is a leader that does it.
    ///
    /// # Errors
    /// Those of [`Store::purge`] that do not pass.
    async fn purge_at_last(&self, subject: &str, last: Option<u64>) -> Result<(), Fault> {
        self.insist(async |api| self.purge_by(api, subject, last).await).await.map(|_| ())
    }

    /// Removes chunks in that way.
    ///
    /// # Errors
    /// Those of [`Store::purge`] that do not pass.
    pub(super) async fn remove(&self, nuid: &str) -> Result<(), Fault> {
        self.purge_at_last(&chunk_subject(&self.bucket, nuid), None).await
    }

    /// Removes what a name does not need any more since something else is stored, one after the other. That it is stored does not
    /// depend on it: where it has to be tried again, nobody waits for that.
    pub(super) async fn clear(self: &Rc<Self>, name: &str, needless: Vec<Needless>) {
        let mut needless = VecDeque::from(needless);
        match clear_by(&mut needless, async |subject, last| self.purge(subject, last).await.map(|_| ())).await {
            Ok(()) => {}
            Err(fault) if passes(&fault) => {
                let (store, name) = (Rc::clone(self), name.to_string());
                let again = async move {
                    let purge = async |subject: &str, last| store.purge_at_last(subject, last).await;
                    if let Err(fault) = clear_by(&mut needless, purge).await {
                        store.left(&name, &needless, &fault);
                    }
                };
                Task::spawn(again, Box::new(|()| ()));
            }
            Err(fault) => self.left(name, &needless, &fault),
        }
    }

    fn left(&self, name: &str, needless: &VecDeque<Needless>, fault: &Fault) {
        let chunks = chunk_subject(&self.bucket, "");
        let what = needless.iter().map(|needless| match needless.subject.strip_prefix(&chunks) {
            Some(nuid) => format!("chunks {nuid}"),
            None => format!("meta {}", needless.subject),
        });
        let what: Vec<String> = what.collect();
        self.warn_of(format!("The {} of {name} in bucket {} are left", what.join(" and the "), self.bucket), fault);
    }

    /// Has messages removed without waiting for that: where there is no connection, as soon as there is one.
    pub(super) fn purge_soon(&self, Needless { subject, last }: &Needless) {
        let msg = self.request(self.removal(subject, *last));
        // Without a timeout it waits in the outbox as long as the connection is wanted.
        let _ = self.api.client.call_back(RequestSpec { msg, timeout: None, mode: Mode::Shared }, Rc::new(|_| ()));
    }
}
