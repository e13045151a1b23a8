//! Pending requests, pulls and pings, and their deadlines.

use super::CallId;
use super::pending::{Kind, PendingCall};
use super::repeat::Due;
use super::silence::{Silence, probe};
use super::subs::Sub;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

/// Number above those of all requests: round trips and subscriptions of the library itself are numbered from here.
const ASIDE: CallId = 1 << 40;

/// The wildcard inbox of shared requests.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Subject up to and including the last dot.
    pub prefix: String,
    /// Its subscription.
    pub sub: Arc<Sub>,
    /// The server refused the subscription.
    pub refused: bool,
}

/// Number of calls up to which each is looked at.
const FEW: usize = 16;

/// All pending calls of a connection.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last_id: CallId,
    last_aside: CallId,
    pending: FxHashMap<CallId, PendingCall>,
    deadlines: BinaryHeap<Reverse<(Instant, CallId)>>,
    /// The shared inbox, once it is needed.
    pub inbox: Option<Inbox>,
}

impl Calls {
    /// Id of the next request; requests are numbered from 1, without a gap.
    pub fn upcoming(&self) -> CallId {
        self.last_id + 1
    }

    /// Takes an id for a request that is never sent.
    pub fn skip(&mut self) -> CallId {
        self.last_id += 1;
        self.last_id
    }

    /// Adds a request under its id, [`Calls::upcoming`]; the result is that of [`Calls::insert`].
    pub fn add(&mut self, call: PendingCall) -> bool {
        let id = self.skip();
        self.insert(id, call)
    }

    /// An id for anything but a request.
    pub fn next_aside(&mut self) -> CallId {
        self.last_aside += 1;
        ASIDE + self.last_aside
    }

    /// Adds a call; true if its deadline is now the earliest, so that the timer must be woken.
    pub fn insert(&mut self, id: CallId, call: PendingCall) -> bool {
        let earliest = call.due().0.is_some_and(|d| self.wake_at(id, d));
        self.pending.insert(id, call);
        self.compact();
        earliest
    }

    /// Has a call looked at at this time; true if that is now the earliest, so that the timer must be woken.
    pub fn wake_at(&mut self, id: CallId, at: Instant) -> bool {
        let first = self.deadlines.peek().map(|Reverse((first, _))| *first);
        self.deadlines.push(Reverse((at, id)));
        first.is_none_or(|first| at < first)
    }

    /// Deadlines of finished calls stay in the heap until their time: drop them when they are many.
    fn compact(&mut self) {
        if self.deadlines.len() > 2 * self.pending.len() + 1024 {
            let mut heap = std::mem::take(&mut self.deadlines).into_vec();
            heap.retain(|Reverse((_, id))| self.pending.contains_key(id));
            self.deadlines = heap.into();
        }
    }

    /// Ids of the calls whose message went to this subject, or whose replies come to this one, oldest first.
    pub fn refused(&self, subject: &str) -> Vec<CallId> {
        let shared = self.inbox.as_ref().and_then(|inbox| subject.strip_prefix(&inbox.prefix));
        let by_reply = shared.and_then(|token| token.parse().ok());
        self.those(|id, call| {
            let own = match &call.kind {
                Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub, .. } => {
                    sub.subject() == subject
                }
                Kind::Talk(talking) => talking.sub.subject() == subject,
                Kind::Shared => by_reply == Some(id) || shared == Some("*"),
                Kind::Ping | Kind::Settle(_) | Kind::Beat { .. } => false,
            };
            own || call.subject.as_deref() == Some(subject)
        })
    }

    /// Ids of the calls of which something is true, oldest first.
    pub fn those(&self, is_one: impl Fn(CallId, &PendingCall) -> bool) -> Vec<CallId> {
        let mut ids: Vec<CallId> = self.pending.iter().filter(|(id, call)| is_one(**id, call)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a call is pending.
    pub fn contains(&self, id: CallId) -> bool {
        self.pending.contains_key(&id)
    }

    /// Number of calls that are pending.
    pub fn count(&self) -> usize {
        self.pending.len()
    }

    /// Number of calls that wait for an answer.
    pub fn waiting(&self) -> usize {
        let waits = |call: &&PendingCall| match &call.kind {
            Kind::Talk(talking) => talking.talk.is_ending(),
            kind => !matches!(kind, Kind::Listen { .. } | Kind::Beat { .. } | Kind::Settle(_)),
        };
        self.pending.values().filter(waits).count()
    }

    /// Whether no call waits for an answer: the pending ones only listen. With many calls it is assumed that one waits.
    pub fn is_quiet(&self) -> bool {
        let listens =
            |call: &PendingCall| matches!(call.kind, Kind::Listen { .. } | Kind::Beat { .. } | Kind::Talk(_) | Kind::Settle(_));
        self.pending.len() <= FEW && self.pending.values().all(listens)
    }

    /// A pending call.
    pub fn get_mut(&mut self, id: CallId) -> Option<&mut PendingCall> {
        self.pending.get_mut(&id)
    }

    /// Removes a call.
    pub fn remove(&mut self, id: CallId) -> Option<PendingCall> {
        self.pending.remove(&id)
    }

    /// An answer came to a call that many answer: its silence begins anew. True if it is now due earlier than any other, so that
    /// the timer must be woken.
    pub fn heard(&mut self, id: CallId, now: Instant) -> bool {
        let Some(call) = self.pending.get_mut(&id) else { return false };
        let Kind::Gather { stall: Some(stall), stalled, .. } = &mut call.kind else { return false };
        let before = std::mem::replace(stalled, now.checked_add(*stall));
        let (due, stalls) = call.due();
        // Once there is an entry for its silence, it is put off when its time comes.
        let Some(due) = due.filter(|_| stalls && before.is_none()) else { return false };
        self.wake_at(id, due)
    }

    /// Begins to settle the silence of a call: the number of the round trip that does, whose answer is awaited as long as anything comes.
    pub fn settle(&mut self, id: CallId, now: Instant) -> Option<CallId> {
        let trip = self.next_aside();
        let silence = self.pending.get_mut(&id)?.silence.as_mut()?;
        (silence.since, silence.settled_by) = (now, Some(trip));
        let most = probe(silence.most);
        let again = silence.ends_at();
        if let Some(again) = again {
            self.wake_at(id, again);
        }
        let silence = Some(Silence { most, since: now, settled_by: None });
        self.insert(trip, PendingCall { silence, ..PendingCall::new(Kind::Settle(id), None, None) });
        Some(trip)
    }

    /// The call whose silence is settled by this round trip, if it has heard nothing meanwhile.
    pub fn settled(&self, id: CallId, trip: CallId) -> Option<CallId> {
        let silence = self.pending.get(&id)?.silence?;
        (silence.settled_by == Some(trip)).then_some(id)
    }

    /// Takes a call off the timer whose time has come, or which has heard nothing for too long, which counts only while
    /// `connected`; and says what for. `received` is when something last came from the server.
    pub fn pop_due(&mut self, now: Instant, connected: bool, received: Instant) -> Option<(CallId, Due)> {
        while let Some(&Reverse((at, id))) = self.deadlines.peek() {
            if !self.pending.contains_key(&id) {
                self.deadlines.pop();
                continue;
            }
            if at > now {
                return None;
            }
            self.deadlines.pop();
            let trip = self.pending.get(&id).and_then(|call| call.silence?.settled_by);
            let is_pending = trip.is_some_and(|trip| self.pending.contains_key(&trip));
            let Some(call) = self.pending.get_mut(&id) else { continue };
            call.hush(now, connected, received, is_pending);
            if let Some(due) = call.comes_due(now, connected, received) {
                return Some((id, due));
            }
            // A sign of life does not move the deadline in the heap; a call that is repeated has an entry for its new time.
            if let Some(due) = call.due().0.filter(|_| call.again.is_none()) {
                self.deadlines.push(Reverse((due, id)));
            }
        }
        None
    }

    /// The earliest deadline, possibly of a call that is finished by now.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.peek().map(|Reverse((d, _))| *d)
    }

    /// Ids of round trips under way, oldest first.
    pub fn probes(&self) -> Vec<CallId> {
        self.ids(|c| matches!(c.kind, Kind::Ping | Kind::Settle(_)))
    }

    /// Ids of all calls that are no round trips, oldest first.
    pub fn requests(&self) -> Vec<CallId> {
        self.ids(|c| !matches!(c.kind, Kind::Ping | Kind::Settle(_)))
    }

    /// Ids of the calls that many answer, oldest first.
    pub fn gathering(&self) -> Vec<CallId> {
        self.ids(|c| matches!(c.kind, Kind::Gather { .. } | Kind::Talk(_)))
    }

    fn ids(&self, fits: impl Fn(&PendingCall) -> bool) -> Vec<CallId> {
        let fits = self.pending.iter().filter(|(_, c)| fits(c));
        let mut ids: Vec<CallId> = fits.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
