//! What those who listen do: take what comes, leave softly, and have a message repeated.

use super::calls::{Calls, Kind, PendingCall};
use super::error::Problem;
use super::message::{Message, Outgoing};
use super::shared::Shared;
use super::subs::Sub;
use super::{CallId, lock};
use async_nats::StatusCode;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

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
pub(super) fn leave(shared: &Shared, id: CallId) {
    let mut calls = lock(&shared.calls);
    let Some(PendingCall { kind: Kind::Listen { sub, .. }, .. }) = calls.get_mut(id) else { return };
    let sub = Arc::clone(sub);
    drop(calls);
    shared.outbox.with(|q| q.unsubscribe(&sub));
    sub.state().sent = false;
}

/// Sends a message now and then until it is cancelled, at the latest after `most`, but only while there is a connection.
pub(super) fn repeat(shared: &Shared, msg: Outgoing, every: Duration, most: Duration) -> Result<CallId, Problem> {
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
