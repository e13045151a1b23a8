//! Pending requests, pulls and pings, and their deadlines.

use super::CallId;
use super::message::{Message, Outgoing};
use super::subs::Sub;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes the payload that asks for the rest of a pull, from the first payload, the number of messages still wanted, and the time
/// since it began; `None` asks for nothing. Called on the I/O thread.
pub type Renew = fn(&Bytes, u64, Duration) -> Option<Bytes>;

/// Part that an answer plays in a request for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of the answers.
    Answer,
    /// The last of them: it is delivered, and the call ends with [`super::End::Full`].
    Last,
    /// The mark behind the last one: the call ends with it, as [`super::End::Status`].
    Mark,
}

/// Tells the part of an answer. Called on the I/O thread.
pub type Judge = fn(&Message) -> Part;

/// Number above those of all requests: round trips and subscriptions of the library itself are numbered from here.
const ASIDE: CallId = 1 << 40;

/// Kind of a call, by what it waits for.
#[derive(Debug)]
pub(super) enum Kind {
    /// One reply through the shared inbox.
    Shared,
    /// Up to `max` replies on an inbox of its own.
    Own {
        /// Its inbox.
        sub: Arc<Sub>,
        /// Replies still wanted.
        left: u64,
    },
    /// As `Own`, ended by any status but 100.
    Pull {
        /// Its inbox.
        sub: Arc<Sub>,
        /// Replies still wanted.
        left: u64,
        /// How it is asked for again: with which message it was asked for, and when.
        renew: Option<(Renew, Box<Outgoing>, Instant)>,
    },
    /// Many answers on an inbox of its own, until one is judged to be the end, or none comes for a while.
    Gather {
        /// Its inbox.
        sub: Arc<Sub>,
        /// Answers that are still taken.
        left: u64,
        /// Tells the end.
        judge: Judge,
        /// Silence after an answer that ends it.
        stall: Option<Duration>,
        /// Time at which the present silence ends it.
        stalled: Option<Instant>,
    },
    /// Everything that comes on a subject, until it is cancelled.
    Listen {
        /// Its subscription.
        sub: Arc<Sub>,
    },
    /// A round trip.
    Ping,
}

/// A pending call.
#[derive(Debug)]
pub(super) struct PendingCall {
    /// Kind, by what it waits for.
    pub kind: Kind,
    /// Subject of its message, by which it is recognised when the server refuses it.
    pub subject: Option<Box<str>>,
    /// Time at which it ends by itself.
    pub deadline: Option<Instant>,
}

impl PendingCall {
    /// Its own inbox, if it has one.
    pub fn inbox(self) -> Option<Arc<Sub>> {
        match self.kind {
            Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub } => Some(sub),
            Kind::Shared | Kind::Ping => None,
        }
    }

    /// Time at which it ends by itself, and whether that is for want of further answers.
    fn due(&self) -> (Option<Instant>, bool) {
        match self.kind {
            Kind::Gather { stalled: Some(at), .. } if self.deadline.is_none_or(|deadline| at < deadline) => (Some(at), true),
            _ => (self.deadline, false),
        }
    }

    /// Whether silence, and not its deadline, ends it now.
    pub fn is_stalled(&self) -> bool {
        self.due().1
    }
}

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
        let earliest = call.deadline.is_some_and(|d| {
            let first = self.deadlines.peek().map(|Reverse((first, _))| *first);
            self.deadlines.push(Reverse((d, id)));
            first.is_none_or(|first| d < first)
        });
        self.pending.insert(id, call);
        self.compact();
        earliest
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
        let mut ids: Vec<CallId> = self
            .pending
            .iter()
            .filter(|(id, call)| {
                let own = match &call.kind {
                    Kind::Own { sub, .. } | Kind::Pull { sub, .. } | Kind::Gather { sub, .. } | Kind::Listen { sub } => {
                        sub.subject() == subject
                    }
                    Kind::Shared => by_reply == Some(**id) || shared == Some("*"),
                    Kind::Ping => false,
                };
                own || call.subject.as_deref() == Some(subject)
            })
            .map(|(id, _)| *id)
            .collect();
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

    /// Whether no call waits for an answer: the pending ones only listen. With many calls it is assumed that one waits.
    pub fn is_quiet(&self) -> bool {
        self.pending.len() <= FEW && self.pending.values().all(|call| matches!(call.kind, Kind::Listen { .. }))
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
        let first = self.deadlines.peek().map(|Reverse((first, _))| *first);
        self.deadlines.push(Reverse((due, id)));
        first.is_none_or(|first| due < first)
    }

    /// Removes a call whose deadline has passed.
    pub fn pop_due(&mut self, now: Instant) -> Option<(CallId, PendingCall)> {
        while let Some(&Reverse((deadline, id))) = self.deadlines.peek() {
            let Some(call) = self.pending.get(&id) else {
                self.deadlines.pop();
                continue;
            };
            if deadline > now {
                return None;
            }
            self.deadlines.pop();
            match call.due().0 {
                Some(due) if due <= now => return self.pending.remove(&id).map(|call| (id, call)),
                Some(due) => self.deadlines.push(Reverse((due, id))),
                None => {}
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
        self.ids(|c| matches!(c.kind, Kind::Ping))
    }

    /// Ids of all calls that are no round trips, oldest first.
    pub fn requests(&self) -> Vec<CallId> {
        self.ids(|c| !matches!(c.kind, Kind::Ping))
    }

    /// Ids of the calls that many answer, oldest first.
    pub fn gathering(&self) -> Vec<CallId> {
        self.ids(|c| matches!(c.kind, Kind::Gather { .. }))
    }

    fn ids(&self, fits: impl Fn(&PendingCall) -> bool) -> Vec<CallId> {
        let fits = self.pending.iter().filter(|(_, c)| fits(c));
        let mut ids: Vec<CallId> = fits.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(deadline: Option<Instant>) -> PendingCall {
        PendingCall { kind: Kind::Shared, subject: None, deadline }
    }

    #[test]
    fn deadlines() {
        let mut c = Calls::default();
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let (a, b, d) = (1, 2, 3);
        for (id, at, earliest) in [(a, 20, true), (b, 10, true), (d, 30, false)] {
            assert_eq!(c.upcoming(), id);
            assert_eq!(c.add(call(Some(ms(at)))), earliest);
        }
        let aside = c.next_aside();
        assert!(aside > ASIDE && !c.insert(aside, call(None)) && c.remove(aside).is_some());
        assert_eq!(c.upcoming(), 4);
        assert!(c.pop_due(ms(5)).is_none());
        assert_eq!(c.next_deadline(), Some(ms(10)));
        assert_eq!(c.pop_due(ms(25)).unwrap().0, b);
        assert!(c.remove(a).is_some());
        assert!(c.pop_due(ms(25)).is_none());
        assert_eq!(c.requests(), [d]);
        assert_eq!(c.pop_due(ms(30)).unwrap().0, d);
        assert!(c.next_deadline().is_none());
    }

    #[test]
    fn stale_deadlines_do_not_pile_up() {
        let mut c = Calls::default();
        let far = Instant::now() + Duration::from_secs(3600);
        for _ in 0..10_000 {
            let id = c.upcoming();
            c.add(call(Some(far)));
            c.remove(id);
        }
        assert!(c.deadlines.len() < 2000);
    }

    #[test]
    fn silence_counts_from_the_last_answer() {
        let mut c = Calls::default();
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut subs = crate::engine::subs::SubTable::default();
        let mut gather = |c: &mut Calls, deadline, stall: Option<u64>| {
            let id = c.upcoming();
            let sub = subs.add_call(id, format!("inbox.{id}"), None);
            let stall = stall.map(Duration::from_millis);
            let kind = Kind::Gather { sub, left: 9, judge: |_| Part::Answer, stall, stalled: None };
            c.add(PendingCall { kind, subject: None, deadline });
            id
        };
        let (a, b) = (gather(&mut c, Some(ms(100)), Some(10)), gather(&mut c, None, Some(40)));
        let none = gather(&mut c, Some(ms(200)), None);
        assert_eq!(c.gathering(), [a, b, none]);
        // Before the first answer only the deadline counts.
        assert!(c.pop_due(ms(50)).is_none());
        assert_eq!((c.heard(a, ms(50)), c.heard(b, ms(51)), c.heard(none, ms(51))), (true, false, false));
        assert_eq!(c.next_deadline(), Some(ms(60)));
        assert!(!c.heard(a, ms(55)));
        assert!(c.pop_due(ms(60)).is_none());
        assert_eq!(c.next_deadline(), Some(ms(65)));
        let (id, stalled) = c.pop_due(ms(65)).unwrap();
        assert!(id == a && stalled.is_stalled());
        assert!(!c.heard(a, ms(65)));
        let (id, stalled) = c.pop_due(ms(91)).unwrap();
        assert!(id == b && stalled.is_stalled());
        let (id, late) = c.pop_due(ms(200)).unwrap();
        assert!(id == none && !late.is_stalled() && late.inbox().is_some());

        // Answers that keep coming do not hold it beyond its deadline.
        let d = gather(&mut c, Some(ms(300)), Some(30));
        for at in (210..300).step_by(10) {
            c.heard(d, ms(at));
            assert!(c.pop_due(ms(at)).is_none());
        }
        let (id, late) = c.pop_due(ms(300)).unwrap();
        assert!(id == d && !late.is_stalled());
    }
}
