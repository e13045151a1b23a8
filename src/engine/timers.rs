//! Deadlines of calls, watched in every phase of a connection.

use super::calls::Calls;
use super::error::Problem;
use super::listener::End;
use super::pending::{Kind, PendingCall};
use super::repeat::Due;
use super::shared::{Phase, Shared};
use super::subs::Sub;
use super::{CallId, hearing, lock, outbox};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

/// Ends calls at their deadlines; never returns.
pub(super) async fn run(shared: &Shared) -> Infallible {
    loop {
        let next = expire(shared);
        let woken = shared.timer_wake.notified();
        match next {
            Some(deadline) => {
                let sleep = tokio::time::sleep_until(deadline.into());
                tokio::select! { () = sleep => (), () = woken => () }
            }
            None => woken.await,
        }
        // Also when a call has begun: its deadline may be past before this thread hears of it.
        let_in().await;
    }
}

/// Lets the session read what is there: where this process was not run for a while, an answer that came in time waits in the socket, and a
/// deadline that is past as well must not come first. At the first turn the socket's news are fetched, at the second one they are read, whichever
/// of the two futures is polled first.
async fn let_in() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

/// Ends what is due and returns the next deadline.
fn expire(shared: &Shared) -> Option<Instant> {
    let mut inboxes = Vec::new();
    let mut calls = lock(&shared.calls);
    let now = Instant::now();
    let connected = shared.phase() == Phase::Connected;
    while let Some((id, due)) = calls.pop_due(now, connected, shared.received.last()) {
        let end = match due {
            Due::End => None,
            Due::Settle => {
                settle(shared, &mut calls, id, now);
                continue;
            }
            Due::Repeat => match send_again(shared, &mut calls, id, now) {
                Ok(()) => continue,
                Err(problem) => Some(End::Refused(problem)),
            },
        };
        if calls.get_mut(id).is_some_and(|call| matches!(call.kind, Kind::Talk(_))) {
            inboxes.extend(hearing::tick(shared, &mut calls, id, now));
            continue;
        }
        let Some(mut call) = calls.remove(id) else { continue };
        if let Kind::Beat { msg, every, .. } = call.kind {
            if connected {
                shared.outbox.with(|q| q.publish(&msg.as_publication(), &[], outbox::Kind::Publish));
            }
            let past = call.deadline.is_some_and(|deadline| now >= deadline);
            if let Some(next) = now.checked_add(every).filter(|_| !past) {
                let kind = Kind::Beat { msg, every, next };
                calls.insert(id, PendingCall { kind, ..call });
            }
            continue;
        }
        shared.outbox.withdraw(id);
        if let Kind::Settle(silent) = call.kind {
            // Nothing comes at all.
            inboxes.extend(end_silent(shared, &mut calls, silent, id));
            continue;
        }
        let end = end.unwrap_or_else(|| end_of(&mut call));
        shared.end_call(id, &call, end);
        inboxes.extend(call.inbox());
    }
    let next = calls.next_deadline();
    drop(calls);
    for sub in inboxes {
        shared.end_now(&sub);
    }
    next
}

/// Sends the round trip that settles the silence of a call.
fn settle(shared: &Shared, calls: &mut Calls, id: CallId, now: Instant) {
    let Some(trip) = calls.settle(id, now) else { return };
    shared.outbox.with(|q| q.ping(trip));
}

/// The answer to a round trip has come: what was silent up to here ends.
pub(super) fn settled(shared: &Shared, silent: CallId, trip: CallId) {
    let inbox = end_silent(shared, &mut lock(&shared.calls), silent, trip);
    if let Some(sub) = inbox {
        shared.end_now(&sub);
    }
}

/// Ends a call that has heard nothing although it was waited for what else came; its inbox has to be ended, too.
fn end_silent(shared: &Shared, calls: &mut Calls, silent: CallId, trip: CallId) -> Option<Arc<Sub>> {
    let mut call = calls.settled(silent, trip).and_then(|id| calls.remove(id))?;
    shared.outbox.withdraw(silent);
    let end = end_of(&mut call);
    shared.end_call(silent, &call, end);
    call.inbox()
}

/// Sends a call again.
///
/// # Errors
/// Those of a publish.
fn send_again(shared: &Shared, calls: &mut Calls, id: CallId, now: Instant) -> Result<(), Problem> {
    let prefix = calls.inbox.as_ref().map(|inbox| inbox.prefix.clone()).unwrap_or_default();
    let Some(call) = calls.get_mut(id) else { return Ok(()) };
    let Some(again) = &mut call.again else { return Ok(()) };
    let deadline = again.repeated(now);
    let mut digits = itoa::Buffer::new();
    let reply = [prefix.as_str(), digits.format(id)];
    let pushed = shared.outbox.with_at_once(|q| {
        // What still waits for a connection is not sent twice.
        if q.has_request(id) {
            return Ok(());
        }
        let publication = again.msg.as_publication();
        shared.admit(q, &publication, &reply)?;
        q.publish(&publication, &reply, outbox::Kind::Request(id));
        Ok(())
    });
    if let Some(deadline) = deadline {
        call.deadline = Some(deadline);
        calls.wake_at(id, deadline);
    }
    // Nothing goes out any more: whoever closes the connection ends the call, as one that waits.
    pushed.unwrap_or(Ok(()))
}

/// End of a call whose time is over; one for which nobody listened, and then nobody answered, ends as the former.
fn end_of(call: &mut PendingCall) -> End {
    match call.again.as_mut().and_then(|again| again.last_unheard()) {
        Some(answer) => End::NoResponders(answer),
        None if call.is_stalled() => End::Stalled,
        None => End::Timeout,
    }
}
