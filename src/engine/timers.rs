//! Deadlines of calls, watched in every phase of a connection.

use super::listener::End;
use super::lock;
use super::shared::{Phase, Shared};
use std::convert::Infallible;
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
    }
}

/// Ends what is due and returns the next deadline.
fn expire(shared: &Shared) -> Option<Instant> {
    let mut inboxes = Vec::new();
    let mut calls = lock(&shared.calls);
    let now = Instant::now();
    let connected = shared.phase() == Phase::Connected;
    while let Some((id, call)) = calls.pop_due(now, connected) {
        shared.outbox.withdraw(id);
        shared.end_call(id, if call.is_stalled() { End::Stalled } else { End::Timeout });
        inboxes.extend(call.inbox());
    }
    let next = calls.next_deadline();
    drop(calls);
    for sub in inboxes {
        shared.end_now(&sub);
    }
    next
}
