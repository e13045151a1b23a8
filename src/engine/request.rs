//! Requests, pulls and pings: from the call to the outbox.

use super::alive::Pulse;
use super::calls::{Calls, Inbox};
use super::counted::Counted;
use super::error::Problem;
use super::listener::End;
use super::message::{Outgoing, Publication, Subject};
use super::outbox::{self, Queue};
use super::pending::{Again, Amend, Judge, Kind, PendingCall, Progress, Renew};
use super::repeat::{Repeat, Repetition};
use super::shared::{Phase, Shared};
use super::silence::{Silence, probe};
use super::subs::{Sub, SubTable};
use super::{CallId, lock};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time added to the deadline of a pull that the server ends: its status, sent at the last moment, should win.
const SERVER_GRACE: Duration = Duration::from_millis(20);

/// How the replies to a request are taken.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// One reply, through the inbox that all such requests share.
    Shared,
    /// The same, where the reply may be behind much else: a time that is over ends it only if the answer to a round trip comes first, or
    /// nothing comes at all.
    Patient,
    /// The same, repeated where nobody listens.
    Repeated(Repeat),
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
        /// Makes the payload that asks for the rest after a reconnection.
        renew: Option<Renew>,
        /// Makes the payload that asks for less after a refusal.
        amend: Option<Amend>,
        /// Silence of the server that ends it: then the heartbeats that were asked for have not come.
        silence: Option<Duration>,
    },
    /// Many answers on an inbox of its own, until one of them is the end, or no more come. It ends with the connection on which
    /// it was sent: who would have answered may not know of it.
    Gather {
        /// Number of answers that are taken at most.
        max: u64,
        /// Tells the end.
        judge: Judge,
        /// Time without an answer, after the first one, that ends it.
        stall: Option<Duration>,
    },
}

/// A request to make.
#[derive(Clone, Debug)]
pub struct RequestSpec {
    /// The message; its `reply` is ignored.
    pub msg: Outgoing,
    /// Time for all replies; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// How the replies to a request are taken.
    pub mode: Mode,
}

/// `<prefix>.<22 letters or digits>`
pub(super) fn new_inbox(shared: &Shared) -> String {
    format!("{}.{}", shared.config().inbox_prefix, nuid::next().as_str())
}

/// Makes sure that the shared inbox exists, pushing its subscription first; a message that is refused leaves no inbox behind.
fn shared_inbox(
    shared: &Shared,
    subs: &mut SubTable,
    calls: &mut Calls,
    queue: &mut Queue,
    p: &Publication<'_>,
) -> Result<(), Problem> {
    if let Some(inbox) = &calls.inbox {
        if inbox.refused {
            // The server repeats its refusal, without which the request would wait for nothing.
            queue.subscribe(&inbox.sub);
        }
        return Ok(());
    }
    let prefix = format!("{}.", new_inbox(shared));
    shared.admit(queue, p, &[&prefix])?;
    let sub = subs.add_inbox(format!("{prefix}*"));
    queue.subscribe(&sub);
    calls.inbox = Some(Inbox { prefix, sub, refused: false });
    Ok(())
}

/// Sends a request.
pub(super) fn request(shared: &Shared, r: RequestSpec) -> Result<CallId, Problem> {
    if shared.phase() == Phase::Closed {
        return Err(Problem::closed());
    }
    let msg = Outgoing { reply: None, ..r.msg };
    msg.as_publication().check()?;
    let deadline = |grace: Duration| {
        let end = r.timeout?.checked_add(grace)?;
        Instant::now().checked_add(end)
    };
    match r.mode {
        Mode::Shared => shared_request(shared, msg, deadline(Duration::ZERO), None, None, None),
        Mode::Patient => shared_request(shared, msg, None, r.timeout, None, None),
        Mode::Repeated(repeat) => shared_request(shared, msg, deadline(Duration::ZERO), None, Some((r.timeout, repeat)), None),
        Mode::Own { .. } | Mode::Gather { .. } => own_request(shared, msg, r.mode, deadline(Duration::ZERO)),
        Mode::Pull { ends_at_client, .. } => {
            let grace = if ends_at_client { Duration::ZERO } else { SERVER_GRACE };
            own_request(shared, msg, r.mode, deadline(grace))
        }
    }
}

/// Sends a request whose outcome is counted.
pub(super) fn counted(
    shared: &Shared,
    msg: Outgoing,
    timeout: Option<Duration>,
    repeat: Repeat,
    counted: Counted,
) -> Result<CallId, Problem> {
    if shared.phase() == Phase::Closed {
        return Err(Problem::closed());
    }
    let msg = Outgoing { reply: None, ..msg };
    msg.as_publication().check()?;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let repeat = (repeat.times != Some(0)).then_some((timeout, repeat));
    shared_request(shared, msg, deadline, None, repeat, Some(counted))
}

fn shared_request(
    shared: &Shared,
    msg: Outgoing,
    deadline: Option<Instant>,
    silence: Option<Duration>,
    repeat: Option<(Option<Duration>, Repeat)>,
    counted: Option<Counted>,
) -> Result<CallId, Problem> {
    let mut calls = lock(&shared.calls);
    // The usual case needs no look at the subscriptions.
    let ready = calls.inbox.as_ref().is_some_and(|inbox| !inbox.refused);
    let mut subs = None;
    if !ready {
        drop(calls);
        subs = Some(lock(&shared.subs));
        calls = lock(&shared.calls);
    }
    let id = calls.upcoming();
    let mut earliest = false;
    // Nobody waits for a call that is counted.
    let quiet = counted.is_none() && calls.is_quiet();
    let push = |q: &mut Queue| {
        let publication = msg.as_publication();
        if let Some(subs) = &mut subs {
            shared_inbox(shared, subs, &mut calls, q, &publication)?;
        }
        let mut digits = itoa::Buffer::new();
        let prefix = calls.inbox.as_ref().map_or("", |inbox| &inbox.prefix);
        let reply = [prefix, digits.format(id)];
        send(shared, q, &publication, &reply, id)?;
        let subject = Some(msg.subject.as_str().into());
        let again = repeat.map(|(timeout, repeat)| Box::new(Repetition::new(msg, timeout, repeat)));
        let silence = silence.map(Silence::new);
        earliest = calls.add(PendingCall { silence, again, counted, ..PendingCall::new(Kind::Shared, subject, deadline) });
        Ok(())
    };
    let pushed = if quiet { shared.outbox.with_at_once(push) } else { shared.outbox.with(push) };
    drop(calls);
    drop(subs);
    finish(shared, pushed, earliest).map(|()| id)
}

fn send(shared: &Shared, q: &mut Queue, p: &Publication<'_>, reply: &[&str], id: CallId) -> Result<(), Problem> {
    shared.admit(q, p, reply)?;
    q.publish(p, reply, outbox::Kind::Request(id));
    Ok(())
}

fn own_request(shared: &Shared, msg: Outgoing, mode: Mode, deadline: Option<Instant>) -> Result<CallId, Problem> {
    let inbox = new_inbox(shared);
    // The prefix of an inbox is checked where it is configured.
    Subject::from(inbox.as_str()).check("reply")?;
    let mut subs = lock(&shared.subs);
    let mut calls = lock(&shared.calls);
    let mut earliest = false;
    let mut made = None;
    let quiet = calls.is_quiet();
    let push = |q: &mut Queue| {
        shared.admit(q, &msg.as_publication(), &[&inbox])?;
        let id = calls.upcoming();
        // A pull's heartbeats and statuses would count towards a maximum at the server.
        let max = if let Mode::Own { max } = mode { Some(max) } else { None };
        let sub = subs.add_call(id, inbox.clone(), max);
        made = Some(id);
        q.subscribe(&sub);
        q.publish(&msg.as_publication(), &[&inbox], outbox::Kind::Request(id));
        let subject = Some(msg.subject.as_str().into());
        let silence = match mode {
            Mode::Pull { silence: Some(most), .. } => Some(Silence::new(most)),
            _ => None,
        };
        let kind = own_kind(sub, mode, msg);
        earliest = calls.add(PendingCall { silence, ..PendingCall::new(kind, subject, deadline) });
        Ok(())
    };
    let pushed = if quiet { shared.outbox.with_at_once(push) } else { shared.outbox.with(push) };
    drop(calls);
    drop(subs);
    finish(shared, pushed, earliest)?;
    made.ok_or_else(Problem::closed)
}

fn own_kind(sub: Arc<Sub>, mode: Mode, msg: Outgoing) -> Kind {
    match mode {
        Mode::Pull { max, renew, amend, .. } => {
            let again = Box::new(Again { renew, amend, msg, began: Instant::now() });
            Kind::Pull { sub, left: max, bytes: 0, again }
        }
        Mode::Own { max } => Kind::Own { sub, left: max },
        Mode::Gather { max, judge, stall } => Kind::Gather { sub, left: max, judge, stall, stalled: None },
        Mode::Shared | Mode::Patient | Mode::Repeated(_) => Kind::Shared,
    }
}

fn finish(shared: &Shared, pushed: Option<Result<(), Problem>>, earliest: bool) -> Result<(), Problem> {
    pushed.ok_or_else(Problem::closed)??;
    if earliest {
        shared.timer_wake.notify_one();
    }
    Ok(())
}

/// A connection was lost: requests for many answers that it had taken end.
pub(super) fn end_gathering(shared: &Shared) {
    let mut inboxes = Vec::new();
    let mut calls = lock(&shared.calls);
    let waiting = shared.outbox.with(|q| q.waiting_calls()).unwrap_or_default();
    for id in calls.gathering() {
        if waiting.binary_search(&id).is_ok() {
            continue;
        }
        let Some(call) = calls.remove(id) else { continue };
        shared.end_call(id, &call, End::Lost);
        inboxes.extend(call.inbox());
    }
    drop(calls);
    for sub in inboxes {
        shared.end_now(&sub);
    }
}

/// Pulls that the server had before the loss: those that do not wait in the outbox.
pub(super) fn pulls_to_renew(shared: &Shared) -> Vec<CallId> {
    let mut calls = lock(&shared.calls);
    let waiting = shared.outbox.with(|q| q.waiting_calls()).unwrap_or_default();
    let mut ids = calls.requests();
    ids.retain(|id| {
        let renewed = match calls.get_mut(*id) {
            Some(PendingCall { kind: Kind::Pull { again, .. }, .. }) => again.renew.is_some(),
            _ => false,
        };
        renewed && waiting.binary_search(id).is_err()
    });
    ids
}

/// A new session begins: these pulls are asked for again, for what is left of them, on new inboxes. To the former ones the
/// server may still send what it was asked for first, more than is wanted now.
pub(super) fn renew_pulls(shared: &Shared, ids: &[CallId]) {
    let mut subs = lock(&shared.subs);
    let mut calls = lock(&shared.calls);
    for id in ids {
        let Some(PendingCall { kind: Kind::Pull { sub, left, bytes, again }, silence, .. }) = calls.get_mut(*id) else {
            continue;
        };
        let Some(renew) = again.renew else { continue };
        if let Some(silence) = silence {
            silence.heard(Instant::now());
        }
        let progress = Progress { left: *left, bytes: *bytes, elapsed: again.began.elapsed() };
        let Some(payload) = renew(&again.msg.payload, progress) else { continue };
        sub.state().ended = true;
        *sub = subs.renew(sub, new_inbox(shared));
        let publication = Publication { payload: &payload, ..again.msg.as_publication() };
        shared.outbox.with(|q| {
            q.subscribe(sub);
            q.publish(&publication, &[sub.subject()], outbox::Kind::Request(*id));
        });
    }
}

/// Subscribes for a call that takes everything, statuses too, and ends only by `cancel` or with the connection. With a pulse
/// heartbeats are noted there and not delivered.
pub(super) fn listen(shared: &Shared, subject: &str, pulse: Option<Arc<Pulse>>) -> Result<CallId, Problem> {
    super::message::check_framing(subject, "subject")?;
    let mut subs = lock(&shared.subs);
    let mut calls = lock(&shared.calls);
    let pushed = shared.outbox.with(|q| {
        let id = calls.next_aside();
        let sub = subs.add_call(id, subject.to_string(), None);
        q.subscribe(&sub);
        calls.insert(id, PendingCall::new(Kind::Listen { sub, pulse }, None, None));
        id
    });
    pushed.ok_or_else(Problem::closed)
}

/// Ends a call silently; false if there is no such call.
pub(super) fn cancel(shared: &Shared, id: CallId) -> bool {
    let Some(call) = lock(&shared.calls).remove(id) else {
        return false;
    };
    shared.outbox.withdraw(id);
    match call.kind {
        // No requests: nothing to log.
        Kind::Listen { sub, .. } => {
            shared.end_now(&sub);
            return true;
        }
        Kind::Ping | Kind::Settle(_) | Kind::Beat { .. } => return true,
        Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } => shared.end_now(&sub),
        Kind::Talk(talking) => {
            shared.end_now(&talking.sub);
            return true;
        }
        Kind::Shared => (),
    }
    shared.log(super::Level::Debug, || format!("Request {id} cancelled"));
    true
}

/// How long the answer to a round trip is awaited.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// As long as it takes, or for a time.
    For(Option<Duration>),
    /// As long as anything comes: for a time that goes with the length of the silence that it settles, without a byte.
    WhileReceiving(Duration),
}

/// Starts a round trip. One that outlives losses does so too if the connection is lost already, which its owner does not know
/// yet.
pub(super) fn ping(shared: &Shared, wait: Wait) -> CallId {
    let mut calls = lock(&shared.calls);
    let id = calls.next_aside();
    let (deadline, silence) = match wait {
        Wait::For(timeout) => (timeout.and_then(|t| Instant::now().checked_add(t)), None),
        Wait::WhileReceiving(silence) => (None, Some(Silence::new(probe(silence)))),
    };
    let pending = match shared.phase() {
        Phase::Connected => shared.outbox.with(|q| q.ping(id)).is_some(),
        Phase::Reconnecting => silence.is_none() && shared.config().losses.keep_pings,
        Phase::Connecting | Phase::Closed => false,
    };
    if !pending {
        shared.tell_end(id, End::Lost);
        return id;
    }
    let earliest = calls.insert(id, PendingCall { silence, ..PendingCall::new(Kind::Ping, None, deadline) });
    drop(calls);
    if earliest {
        shared.timer_wake.notify_one();
    }
    id
}
