//! Requests, pulls and pings: from the call to the outbox.

use super::calls::{Call, Calls, Inbox, Kind};
use super::error::Problem;
use super::listener::End;
use super::message::{Outgoing, Subject, Wire};
use super::outbox::{Item, Queue};
use super::shared::{Phase, Shared};
use super::subs::{Sub, SubTable};
use super::{CallId, lock};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Added to the deadline of a pull that the server ends: its status, sent at the last moment, should win.
const SERVER_GRACE: Duration = Duration::from_millis(20);

/// How replies are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One reply, through the inbox that all such requests share.
    Shared,
    /// Up to `max` replies on an inbox of its own.
    Own {
        /// Number of replies.
        max: u64,
    },
    /// As `Own`, but a status message other than 100 (swallowed) ends it.
    Pull {
        /// Number of messages.
        max: u64,
        /// The client's timeout is meant to end the pull, not the server's `expires`;
        /// otherwise the server's status gets a few milliseconds more to arrive.
        ends_at_client: bool,
    },
}

/// A request to make.
#[derive(Clone, Debug)]
pub struct RequestSpec {
    /// The message; its `reply` is ignored.
    pub msg: Outgoing,
    /// Time for all replies; `None` is for ever.
    pub timeout: Option<Duration>,
    /// How replies are taken.
    pub mode: Mode,
}

/// `<prefix>.<22 letters or digits>`
pub(super) fn new_inbox(shared: &Shared) -> String {
    format!("{}.{}", shared.config().inbox_prefix, nuid::next().as_str())
}

/// Makes sure of the shared inbox. What must be subscribed first is pushed.
fn shared_inbox(shared: &Shared, subs: &mut SubTable, calls: &mut Calls, queue: &mut Queue) {
    let inbox = calls.inbox.get_or_insert_with(|| {
        let prefix = format!("{}.", new_inbox(shared));
        let sub = subs.add_inbox(format!("{prefix}*"));
        queue.push(Item::Subscribe(sub.clone()));
        Inbox { prefix, sub, wanted: false, refused: false }
    });
    if !inbox.wanted {
        inbox.wanted = true;
        if inbox.refused {
            // The refusal was kept quiet while only round trips used the inbox: let the server repeat it.
            queue.push(Item::Subscribe(inbox.sub.clone()));
        }
    }
}

/// Sends a request.
pub(super) fn request(shared: &Shared, r: RequestSpec) -> Result<CallId, Problem> {
    let deadline = |grace: Duration| {
        let end = r.timeout?.checked_add(grace)?;
        Instant::now().checked_add(end)
    };
    match r.mode {
        Mode::Shared => {
            check(shared, &r.msg)?;
            shared_request(shared, r.msg, deadline(Duration::ZERO))
        }
        Mode::Own { max } => own_request(shared, r.msg, max, false, deadline(Duration::ZERO)),
        Mode::Pull { max, ends_at_client } => {
            let grace = if ends_at_client { Duration::ZERO } else { SERVER_GRACE };
            own_request(shared, r.msg, max, true, deadline(grace))
        }
    }
}

fn check(shared: &Shared, msg: &Outgoing) -> Result<(), Problem> {
    if shared.phase() == Phase::Closed {
        return Err(Problem::closed());
    }
    msg.subject.check("subject")
}

fn shared_request(shared: &Shared, mut msg: Outgoing, deadline: Option<Instant>) -> Result<CallId, Problem> {
    let mut calls = lock(&shared.calls);
    // The usual case needs no look at the subscriptions.
    let ready = calls.inbox.as_ref().is_some_and(|inbox| inbox.wanted);
    let mut subs = None;
    if !ready {
        drop(calls);
        subs = Some(lock(&shared.subs));
        calls = lock(&shared.calls);
    }
    let id = calls.next_id();
    let mut earliest = false;
    let pushed = shared.outbox.with(|q| {
        if let Some(subs) = &mut subs {
            shared_inbox(shared, subs, &mut calls, q);
        }
        let prefix = calls.inbox.as_ref().map_or("", |inbox| &inbox.prefix);
        let mut reply = String::with_capacity(prefix.len() + 20);
        // Writing to a string cannot fail.
        let _ = write!(reply, "{prefix}{id}");
        msg.reply = Some(Subject::from(reply));
        let wire = Wire::new(msg)?;
        super::conn::admit(shared, q, &wire)?;
        q.push(Item::Publish(wire));
        let kind = Kind::Shared;
        earliest = calls.insert(id, Call { kind, deadline });
        Ok(())
    });
    drop(calls);
    drop(subs);
    finish(shared, pushed, earliest).map(|()| id)
}

fn own_request(shared: &Shared, mut msg: Outgoing, max: u64, pull: bool, deadline: Option<Instant>) -> Result<CallId, Problem> {
    check(shared, &msg)?;
    let inbox = new_inbox(shared);
    msg.reply = Some(Subject::from(inbox.as_str()));
    let wire = Wire::new(msg)?;
    let mut subs = lock(&shared.subs);
    let mut calls = lock(&shared.calls);
    let mut earliest = false;
    let mut made = None;
    let pushed = shared.outbox.with(|q| {
        super::conn::admit(shared, q, &wire)?;
        let id = calls.next_id();
        // A pull's heartbeats and statuses would count towards a maximum at the server.
        let sub = subs.add_call(id, inbox, (!pull).then_some(max));
        made = Some(id);
        q.push(Item::Subscribe(sub.clone()));
        if !pull {
            q.push(Item::Limit(sub.clone()));
        }
        q.push(Item::Publish(wire));
        let kind = own_kind(sub, max, pull);
        earliest = calls.insert(id, Call { kind, deadline });
        Ok(())
    });
    drop(calls);
    drop(subs);
    finish(shared, pushed, earliest)?;
    made.ok_or_else(Problem::closed)
}

fn own_kind(sub: Arc<Sub>, left: u64, pull: bool) -> Kind {
    if pull { Kind::Pull { sub, left } } else { Kind::Own { sub, left } }
}

fn finish(shared: &Shared, pushed: Option<Result<(), Problem>>, earliest: bool) -> Result<(), Problem> {
    pushed.ok_or_else(Problem::closed)??;
    if earliest {
        shared.timer_wake.notify_one();
    }
    Ok(())
}

/// Subscribes for a call that takes everything, statuses too, and ends only by `cancel` or with the connection.
pub(super) fn listen(shared: &Shared, subject: &str) -> Result<CallId, Problem> {
    super::message::check_framing(subject, "subject")?;
    let mut subs = lock(&shared.subs);
    let mut calls = lock(&shared.calls);
    let pushed = shared.outbox.with(|q| {
        let id = calls.next_id();
        let sub = subs.add_call(id, subject.to_string(), None);
        q.push(Item::Subscribe(sub.clone()));
        calls.insert(id, Call { kind: Kind::Listen { sub }, deadline: None });
        id
    });
    pushed.ok_or_else(Problem::closed)
}

/// Ends a call without a word; false if there is no such call.
pub(super) fn cancel(shared: &Shared, id: CallId) -> bool {
    let Some(call) = lock(&shared.calls).remove(id) else {
        return false;
    };
    match call.kind {
        // No request of anybody: nothing to log.
        Kind::Listen { sub } => {
            shared.end_now(&sub);
            return true;
        }
        Kind::Own { sub, .. } | Kind::Pull { sub, .. } => shared.end_now(&sub),
        Kind::Shared | Kind::Ping | Kind::Farewell => (),
    }
    shared.log(super::Level::Debug, || format!("Request {id} cancelled"));
    true
}

/// Starts a round trip.
pub(super) fn ping(shared: &Shared, timeout: Option<Duration>) -> CallId {
    let mut calls = lock(&shared.calls);
    let id = calls.next_id();
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let pushed = match shared.phase() {
        Phase::Connected => shared.outbox.with(|q| q.push(Item::Probe(id))),
        _ => None,
    };
    if pushed.is_none() {
        shared.end_call(id, End::Lost);
        return id;
    }
    let kind = Kind::Ping;
    let earliest = calls.insert(id, Call { kind, deadline });
    drop(calls);
    if earliest {
        shared.timer_wake.notify_one();
    }
    id
}
