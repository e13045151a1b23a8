//! Calls that listen: they take everything that comes, leave softly, and have messages repeated.

use super::alive::Pulse;
use super::calls::Calls;
use super::conn::Conn;
use super::error::Problem;
use super::message::{Message, Outgoing, Publication};
use super::pending::{Kind, PendingCall};
use super::shared::Shared;
use super::subs::Sub;
use super::{CallId, lock, request};
use async_nats::StatusCode;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

impl Conn {
    /// Subscribes for a consumer of the library itself: every message, statuses included, is an `Event::Reply` of this
    /// call, none is ever dropped; the subscription is restored after a loss. It ends by [`Conn::cancel`], or with the
    /// connection (`End::Closed`, `End::Lost`).
    ///
    /// # Errors
    /// `ErrConnectionClosed`, `ErrBadSubject`.
    pub fn listen(&self, subject: &str) -> Result<CallId, Problem> {
        if self.is_foreign() {
            return Err(Problem::forked());
        }
        request::listen(&self.shared, subject, None)
    }

    /// The same for the inbox of pulls: heartbeats are not delivered, but noted as every sign of life is.
    ///
    /// # Errors
    /// As [`Conn::listen`].
    pub fn listen_to_pulls(&self, subject: &str) -> Result<(CallId, Arc<Pulse>), Problem> {
        if self.is_foreign() {
            return Err(Problem::forked());
        }
        let pulse = Pulse::new();
        Ok((request::listen(&self.shared, subject, Some(Arc::clone(&pulse)))?, pulse))
    }

    /// Unsubscribes such a call, which still takes what is on its way.
    pub fn leave(&self, id: CallId) {
        if !self.is_foreign() {
            leave(&self.shared, id);
        }
    }

    /// Publishes a message whose refusal ends such a call (`End::Refused`); it does not wait for more in a flood.
    ///
    /// # Errors
    /// As [`Conn::publish`].
    pub fn publish_for(&self, id: CallId, p: &Publication<'_>) -> Result<(), Problem> {
        if let Some(call) = lock(&self.shared.calls).get_mut(id)
            && call.subject.as_deref() != Some(p.subject.as_str())
        {
            call.subject = Some(p.subject.as_str().into());
        }
        self.publish_at_once(p)
    }

    /// Has the I/O thread send a message every so often, until [`Conn::cancel`], the end, or `most`.
    ///
    /// # Errors
    /// `ErrBadSubject`, `ErrInvalidArg`.
    pub fn repeat(&self, msg: Outgoing, every: Duration, most: Duration) -> Result<CallId, Problem> {
        if self.is_foreign() {
            return Err(Problem::forked());
        }
        repeat(&self.shared, msg, every, most)
    }
}

/// Takes messages, all at once; true, since only its owner ends it.
pub(super) fn hear(shared: &Shared, mut calls: MutexGuard<'_, Calls>, id: CallId, sub: &Sub, mut messages: Vec<Message>) -> bool {
    sub.state().delivered += messages.len() as u64;
    if let Some(PendingCall { kind: Kind::Listen { pulse: Some(pulse), .. }, .. }) = calls.get_mut(id) {
        pulse.beat();
        messages.retain(|m| !m.has_headers() || m.status() != Some(StatusCode::IDLE_HEARTBEAT));
    }
    // Under the lock, so that `cancel` is silent once it returned.
    shared.listener.replies(id, messages);
    let idle = calls.is_quiet();
    drop(calls);
    if idle {
        shared.outbox.linger();
    }
    true
}

/// The server sends no more to a call that listens; what is on its way is still taken. It is not restored after a loss.
fn leave(shared: &Shared, id: CallId) {
    let mut calls = lock(&shared.calls);
    let Some(PendingCall { kind: Kind::Listen { sub, .. }, .. }) = calls.get_mut(id) else { return };
    let sub = Arc::clone(sub);
    drop(calls);
    shared.outbox.with(|q| q.unsubscribe(&sub));
    sub.state().sent = false;
}

/// Sends a message now and then until it is cancelled, at the latest after `most`, but only while there is a connection.
fn repeat(shared: &Shared, msg: Outgoing, every: Duration, most: Duration) -> Result<CallId, Problem> {
    msg.as_publication().check()?;
    let now = Instant::now();
    let next = now.checked_add(every).ok_or_else(Problem::closed)?;
    let mut calls = lock(&shared.calls);
    let id = calls.next_aside();
    let kind = Kind::Beat { msg: Box::new(msg), every, next };
    let earliest = calls.insert(id, PendingCall::new(kind, None, now.checked_add(most)));
    drop(calls);
    if earliest {
        shared.timer_wake.notify_one();
    }
    Ok(id)
}
