//! The removal of chunks, and what has to be known before: what a name stands for once the leader has stored what it has taken.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::store::Store;
use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::client::task::{Task, pause};
use crate::engine::{Mode, Outgoing, RequestSpec, Subject};
use crate::rules::object::chunk_subject;
use crate::rules::object_meta::Meta;

/// A stream that cannot be.
const NO_STREAM: &str = ">";

/// Time in ms after which a leader is asked again: a server that stops leading may answer nothing.
const LOOK: i64 = 3000;

/// Shortest and longest time before a leader is asked again that there was not.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Whether a request is refused, or not answered, for a reason that passes: there is no leader, or no connection.
pub(super) fn passes(fault: &Fault) -> bool {
    match fault {
        Fault::NoJetStream | Fault::NoResponders(_) | Fault::Timeout(_) => true,
        Fault::Api(error) => error.code == 503,
        _ => false,
    }
}

impl Store {
    /// Asks, again and again while that fails for a reason that passes.
    async fn insist<T>(&self, ask: impl AsyncFn(&Api) -> Result<T, Fault>) -> Result<T, Fault> {
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

    /// Nuid of what a name stands for, once there is a connection and the stream's leader has stored what it has taken.
    ///
    /// # Errors
    /// As [`Store::latest`] and those of a removal, but none that passes.
    pub(super) async fn nuid_of(&self, name: &str) -> Result<Option<String>, Fault> {
        // In a cluster the leader takes a message before it is stored: a removal, here of nothing, comes behind it.
        self.remove(nuid::next().as_str()).await?;
        let latest = self.insist(async |api| self.latest_by(api, name).await).await?;
        Ok(latest.entry.map(|entry| entry.meta.nuid().to_string()))
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

    /// Removes the messages of a subject, up to a sequence if one is given: not what somebody has put there since.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(super) async fn purge(&self, subject: &str, last: Option<u64>) -> Result<(), Fault> {
        let (rest, body) = self.removal(subject, last);
        self.api.json(&rest, body).await.map(|_| ())
    }

    /// Removes chunks, however long it takes until there is a leader that does it.
    ///
    /// # Errors
    /// Those of [`Store::purge`] that do not pass.
    pub(super) async fn remove(&self, nuid: &str) -> Result<(), Fault> {
        let (rest, body) = self.removal(&chunk_subject(&self.bucket, nuid), None);
        self.insist(async |api| api.json(&rest, body.clone()).await.map(|_| ())).await
    }

    /// Removes the chunks of an object that another one has replaced. That the new one is stored does not depend on it: where it has to
    /// be tried again, nobody waits for that.
    pub(super) async fn purge_former(self: &Rc<Self>, former: &Meta) {
        if !former.has_chunks() || former.chunks() == 0 {
            return;
        }
        let (nuid, name) = (former.nuid().to_string(), former.name().to_string());
        match self.purge(&chunk_subject(&self.bucket, &nuid), None).await {
            Ok(()) => {}
            Err(fault) if passes(&fault) => {
                let store = Rc::clone(self);
                let again = async move {
                    if let Err(fault) = store.remove(&nuid).await {
                        store.left(&nuid, &name, &fault);
                    }
                };
                Task::spawn(again, Box::new(|()| ()));
            }
            Err(fault) => self.left(&nuid, &name, &fault),
        }
    }

    fn left(&self, nuid: &str, name: &str, fault: &Fault) {
        self.warn_of(format!("The chunks {nuid} of {name} in bucket {} are left", self.bucket), fault);
    }

    /// Has chunks removed without waiting for that: where there is no connection, as soon as there is one.
    pub(super) fn purge_soon(&self, nuid: &str) {
        let msg = self.request(self.removal(&chunk_subject(&self.bucket, nuid), None));
        // Without a timeout it waits in the outbox as long as the connection is wanted.
        let _ = self.api.client.call_back(RequestSpec { msg, timeout: None, mode: Mode::Shared }, Rc::new(|_| ()));
    }
}
