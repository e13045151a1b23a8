//! What a server has refused: the calls that wait for it end, and what it would refuse again is not sent again.

use super::calls::Calls;
use super::error::Problem;
use super::listener::End;
use super::pending::Kind;
use super::shared::Shared;
use super::subs::{Owner, Sub};
use super::{CallId, lock};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// Length from which on a server refuses a control line, unless it is configured otherwise, but for some room for what stands in
/// it beside subjects and queue groups.
const LONG: usize = 4096 - 64;

/// The server refused a message, or the subscription of an inbox: the calls that wait for its answer end.
pub(super) fn by_subject(shared: &Shared, subject: &str, problem: &Problem) {
    let mut calls = lock(&shared.calls);
    if let Some(inbox) = &mut calls.inbox
        && inbox.sub.subject() == subject
    {
        inbox.refused = true;
    }
    let ids = calls.refused(subject);
    end(shared, calls, ids, problem);
}

/// Time in which a server has answered a subscription, if it refuses it.
const ANSWERED: Duration = Duration::from_secs(2);

/// The server refused the latest subscription but for others, without a word about which. A call whose inbox has been there for a moment only, and
/// has had nothing yet, ends: it would else wait for its whole time for answers that cannot come.
pub(super) fn by_number(shared: &Shared, problem: &Problem) {
    let mut calls = lock(&shared.calls);
    let doubtful = |sub: &Sub| sub.state().is_doubtful(ANSWERED);
    let mut ids = calls.those(|_, call| call.own_inbox().is_some_and(|sub| doubtful(sub)));
    // The next request takes another inbox. If this one was not meant, there is room for it then.
    let common = calls.inbox.take_if(|inbox| doubtful(&inbox.sub));
    if common.is_some() {
        ids.extend(calls.those(|_, call| matches!(call.kind, Kind::Shared)));
        ids.sort_unstable();
    }
    end(shared, calls, ids, problem);
    if let Some(inbox) = common {
        shared.end_now(&inbox.sub);
    }
}

/// The server ended the connection at a control line that is too long for it. `restoring`: while it was told of the subscriptions that
/// there were, so that it was one of them, which would end every further connection too. The result is what to tell about those.
pub(super) fn by_length(shared: &Shared, restoring: bool, problem: &Problem) -> Vec<Problem> {
    let calls = lock(&shared.calls);
    let ids = calls.those(|_, call| call.subject.as_ref().is_some_and(|subject| subject.len() >= LONG));
    end(shared, calls, ids, problem);
    if !restoring {
        return Vec::new();
    }
    let sent = lock(&shared.subs).sent();
    let longest = sent.iter().map(length).max().unwrap_or_default();
    let mut told = Vec::new();
    for sub in sent.into_iter().filter(|sub| length(sub) >= longest.min(LONG)) {
        sub.state().sent = false;
        match sub.owner() {
            Owner::User => {
                let text = format!("Subscription {} is not restored: {}", sub.id(), problem.text);
                told.push(Problem::new(problem.code, text));
            }
            Owner::Inbox | Owner::Call(_) => by_subject(shared, sub.subject(), problem),
        }
    }
    told
}

fn length(sub: &Arc<Sub>) -> usize {
    sub.subject().len() + sub.queue().map_or(0, str::len)
}

fn end(shared: &Shared, mut calls: MutexGuard<'_, Calls>, ids: Vec<CallId>, problem: &Problem) {
    let mut inboxes = Vec::new();
    for id in ids {
        let Some(call) = calls.remove(id) else { continue };
        shared.end_call(id, &call, End::Refused(problem.clone()));
        inboxes.extend(call.inbox());
    }
    drop(calls);
    for sub in inboxes {
        shared.end_now(&sub);
    }
}
