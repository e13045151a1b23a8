//! Round trips with the server. The wire library has none of its own, so a message to ourselves is sent;
//! where the server would not give it back, a subscription that it refuses.

use super::calls::{Call, Inbox, Kind};
use super::deliver::probe_answered;
use super::outbox::Item;
use super::request::new_inbox;
use super::session::Session;
use super::subs::{Owner, Sub};
use super::writer::Gone;
use super::{CallId, lock};
use bytes::Bytes;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A subject that no server accepts and no user subscribes to.
const REFUSED: &str = "_PING.>.x";

/// Answers can be lost inside the wire library when many errors arrive at once.
const REPEAT: Duration = Duration::from_secs(1);

/// How long a close waits for the server to have read all.
const FAREWELL: Duration = Duration::from_millis(250);

/// `Invalid Subject` names no subject, but answers come in order: whose is next?
#[derive(Debug)]
enum Expected {
    /// A round trip, sent then.
    Probe(CallId, Instant),
    /// A subscription of the user's.
    User,
}

/// Round trips by refused subscriptions.
#[derive(Debug, Default)]
pub(super) struct Probes {
    expected: VecDeque<Expected>,
    used: bool,
}

impl Session {
    /// Sends a round trip; number 0 is a keep-alive, whose answer nobody waits for.
    pub async fn send_probe(self: &Arc<Self>, id: CallId) -> Result<(), Gone> {
        let Some((prefix, sub)) = self.own_inbox() else {
            return self.send_refused(id).await;
        };
        let known = lock(&self.cells).contains_key(&sub.id());
        if !known {
            self.subscribe(&sub).await?;
        }
        let subject = format!("{prefix}{id}");
        let sent = self.client.publish(subject, Bytes::new()).await;
        sent.map_err(|_| Gone)
    }

    /// The shared inbox, made if need be; `None` if the server would not echo.
    fn own_inbox(&self) -> Option<(String, Arc<Sub>)> {
        if !self.echo {
            return None;
        }
        let mut subs = lock(&self.shared.subs);
        let mut calls = lock(&self.shared.calls);
        let inbox = calls.inbox.get_or_insert_with(|| {
            let prefix = format!("{}.", new_inbox(&self.shared));
            Inbox { sub: subs.add_inbox(format!("{prefix}*")), prefix, wanted: false, refused: false }
        });
        (!inbox.refused).then(|| (inbox.prefix.clone(), inbox.sub.clone()))
    }

    async fn send_refused(&self, id: CallId) -> Result<(), Gone> {
        {
            let mut probes = lock(&self.probes);
            probes.used = true;
            let expected = Expected::Probe(id, Instant::now());
            probes.expected.push_back(expected);
        }
        let subscribed = self.client.subscribe(REFUSED).await;
        subscribed.map(drop).map_err(|_| Gone)
    }

    /// Whether the server refused this inbox while nobody but round trips used it.
    pub fn inbox_refused(&self, sub: &Sub) -> bool {
        sub.owner() == Owner::Inbox && lock(&self.shared.calls).inbox.as_ref().is_some_and(|i| i.refused)
    }

    /// Notes a subscription of the user's that the server will refuse.
    pub fn expect_refusal(&self, subject: &str) {
        if is_refused(subject) {
            lock(&self.probes).expected.push_back(Expected::User);
        }
    }

    /// A subscription was not allowed in the first place, so its subject is not complained about.
    pub fn forget_refusal(&self, subject: &str) {
        if is_refused(subject) {
            let expected = &mut lock(&self.probes).expected;
            let user = expected.iter().position(|e| matches!(e, Expected::User));
            user.map(|at| expected.remove(at));
        }
    }

    /// An `Invalid Subject` came; true if it was an answer to a round trip.
    pub fn invalid_subject_was_probe(&self) -> bool {
        let mut probes = lock(&self.probes);
        match probes.expected.pop_front() {
            Some(Expected::Probe(id, _)) => {
                drop(probes);
                probe_answered(&self.shared, id);
                true
            }
            Some(Expected::User) => false,
            // The late answer to one that was sent again.
            None => probes.used,
        }
    }

    /// A permission violation came; true if it was an answer to a round trip.
    pub fn violation_was_probe(&self, subject: &str) -> bool {
        if subject == REFUSED {
            return self.invalid_subject_was_probe();
        }
        let mut calls = lock(&self.shared.calls);
        let Some(inbox) = &mut calls.inbox else {
            return false;
        };
        let Some(token) = subject.strip_prefix(&inbox.prefix) else {
            return false;
        };
        if token == "*" {
            let quiet = !inbox.wanted && !inbox.refused;
            inbox.refused = true;
            let under_way = calls.probes();
            drop(calls);
            self.send_again(&under_way);
            return quiet;
        }
        let Ok(id) = token.parse() else {
            return false;
        };
        let probe = |c: &mut Call| matches!(c.kind, Kind::Ping | Kind::Farewell);
        let is_probe = id == 0 || calls.get_mut(id).is_some_and(probe);
        drop(calls);
        if is_probe {
            probe_answered(&self.shared, id);
        }
        is_probe
    }

    fn send_again(&self, ids: &[CallId]) {
        self.shared.outbox.with(|q| {
            for id in ids {
                q.push(Item::Probe(*id));
            }
        });
    }

    /// Repeats round trips whose answer got lost, for ever.
    pub async fn repeat_probes(&self) -> Infallible {
        loop {
            tokio::time::sleep(REPEAT).await;
            let mut late = Vec::new();
            lock(&self.probes).expected.retain(|e| match e {
                Expected::Probe(id, sent) if sent.elapsed() >= REPEAT => {
                    late.push(*id);
                    false
                }
                _ => true,
            });
            if !late.is_empty() {
                let mut calls = lock(&self.shared.calls);
                late.retain(|id| calls.get_mut(*id).is_some());
                drop(calls);
                self.send_again(&late);
            }
        }
    }

    /// Before a close: a socket closed with unread input is reset, and what we sent last could be lost.
    pub async fn farewell(self: &Arc<Self>) -> Result<(), Gone> {
        let id = {
            let mut calls = lock(&self.shared.calls);
            let id = calls.next_id();
            let kind = Kind::Farewell;
            let deadline = None;
            calls.insert(id, Call { kind, deadline });
            id
        };
        self.send_probe(id).await?;
        let answered = async {
            while lock(&self.shared.calls).get_mut(id).is_some() {
                self.shared.outbox.poked().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, answered).await;
        lock(&self.shared.calls).remove(id);
        Ok(())
    }
}

/// Whether a server refuses a subject that the wire library lets pass: `>` is not its last token.
fn is_refused(subject: &str) -> bool {
    subject.split('.').rev().skip(1).any(|t| t == ">")
}

#[cfg(test)]
mod tests {
    #[test]
    fn refused_subjects() {
        for good in ["a", ">", "a.>", "a>.b", "*.a"] {
            assert!(!super::is_refused(good), "{good}");
        }
        for bad in [super::REFUSED, ">.a", "a.>.>"] {
            assert!(super::is_refused(bad), "{bad}");
        }
    }
}
