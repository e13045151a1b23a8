//! Subscriptions: the state that must survive a session, and the limits of their queues.

use super::error::{Code, Problem};
use super::message::Message;
use super::wire::encode::MOST_MSGS;
use super::{CallId, SubId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A subscription to make.
#[derive(Clone, Debug)]
pub struct SubSpec {
    /// Subject, wildcards allowed.
    pub subject: String,
    /// Queue group.
    pub queue: Option<String>,
    /// Number of messages after which the subscription ends.
    pub max_msgs: Option<u64>,
    /// Whether messages are counted and dropped, because there is no callback for them.
    pub discard: bool,
    /// Number of messages that may be queued, in place of the connection's limit; negative: no limit.
    pub pending_msgs_limit: Option<i64>,
}

/// Owner of a subscription's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The listener's message lane.
    User,
    /// The inbox that all shared requests use.
    Inbox,
    /// One call with an inbox of its own.
    Call(CallId),
}

/// The changing part of a subscription.
#[derive(Debug, Default)]
pub(super) struct SubState {
    /// Number of messages that have come since the subscription was made.
    pub delivered: u64,
    /// Value of `delivered` when the current session subscribed, from which the server counts.
    pub base: u64,
    /// Number of messages after which it ends.
    pub max: Option<u64>,
    /// Whether the server was told of the subscription, so that it must be restored.
    pub sent: bool,
    /// When it was told.
    told_at: Option<Instant>,
    /// Whether the server was asked for no further messages, so that it must not be restored although it goes on.
    pub hushed: bool,
    /// Whether it has ended, so that nothing more is delivered.
    pub ended: bool,
    /// Whether it is over its limit, and that was reported.
    slow: bool,
}

impl SubState {
    /// The server is being told of it.
    pub fn tell(&mut self) {
        (self.sent, self.base, self.told_at) = (true, self.delivered, Some(Instant::now()));
    }

    /// Whether the server was told of it such a short time ago that it may be about to refuse it, and has not delivered anything yet.
    pub fn is_doubtful(&self, short: Duration) -> bool {
        self.sent && self.delivered == self.base && self.told_at.is_some_and(|at| at.elapsed() < short)
    }

    /// The limit that the server is told, counted from where the session subscribed. `None` if there is none, or one that the
    /// server cannot read: then it is counted here only.
    pub fn told_limit(&self) -> Option<u64> {
        self.max.map(|max| max.saturating_sub(self.base)).filter(|left| *left <= MOST_MSGS)
    }
}

/// A subscription.
#[derive(Debug)]
pub struct Sub {
    key: u64,
    subject: String,
    queue: Option<String>,
    owner: Owner,
    discard: bool,
    pending_msgs_limit: Option<i64>,
    state: Mutex<SubState>,
    pending_msgs: AtomicI64,
    pending_bytes: AtomicI64,
    dropped: AtomicU64,
}

/// Result of counting a batch of messages.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// Messages to hand over.
    pub batch: Vec<Message>,
    /// Number of messages dropped because the queue is over its limit.
    pub dropped: u64,
    /// Whether the limit was passed with this batch.
    pub slow: bool,
    /// Whether the subscription has ended.
    pub ended: bool,
}

impl Sub {
    fn new(key: u64, owner: Owner, spec: SubSpec) -> Sub {
        Sub {
            key,
            subject: spec.subject,
            queue: spec.queue,
            owner,
            discard: spec.discard,
            pending_msgs_limit: spec.pending_msgs_limit,
            state: Mutex::new(SubState { max: spec.max_msgs, ..SubState::default() }),
            pending_msgs: AtomicI64::new(0),
            pending_bytes: AtomicI64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// The id that `subscribe` returned.
    pub fn id(&self) -> SubId {
        self.key
    }

    /// The subject subscribed to.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The owner of the queue took a message of `bytes` ([`Message::body_len`]) off it; returns how many messages there were.
    pub fn taken(&self, bytes: usize) -> i64 {
        self.pending_bytes.fetch_sub(bytes as i64, Ordering::Relaxed);
        self.pending_msgs.fetch_sub(1, Ordering::Relaxed)
    }

    /// Number of messages that were dropped because the queue was over its limit.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    pub(super) fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, SubState> {
        super::lock(&self.state)
    }

    /// Decides about messages that came for a user's subscription. The limits are in messages and bytes, negative: none.
    pub(super) fn accept(&self, state: &mut SubState, messages: Vec<Message>, max_msgs: i64, max_bytes: i64) -> Accepted {
        let mut out = Accepted::default();
        if state.ended {
            return out;
        }
        let max_msgs = self.pending_msgs_limit.unwrap_or(max_msgs);
        let mut msgs = self.pending_msgs.load(Ordering::Relaxed);
        let mut bytes = self.pending_bytes.load(Ordering::Relaxed);
        if state.slow && below_half(msgs, max_msgs) && below_half(bytes, max_bytes) {
            state.slow = false;
        }
        let (msgs_before, bytes_before) = (msgs, bytes);
        let mut batch = messages;
        batch.retain(|m| {
            if state.ended {
                return false;
            }
            // The server counts dropped messages too, so they count towards the maximum.
            state.delivered += 1;
            state.ended = state.max.is_some_and(|max| state.delivered >= max);
            if self.discard {
                return false;
            }
            let size = m.body_len() as i64;
            let over = (max_msgs >= 0 && msgs >= max_msgs) || (max_bytes >= 0 && bytes.saturating_add(size) > max_bytes);
            if over {
                out.dropped += 1;
                out.slow |= !std::mem::replace(&mut state.slow, true);
            } else {
                msgs += 1;
                bytes += size;
            }
            !over
        });
        self.pending_msgs.fetch_add(msgs - msgs_before, Ordering::Relaxed);
        self.pending_bytes.fetch_add(bytes - bytes_before, Ordering::Relaxed);
        self.dropped.fetch_add(out.dropped, Ordering::Relaxed);
        out.batch = batch;
        out.ended = state.ended;
        out
    }
}

/// Hysteresis: one report per period of slowness, not one per message.
fn below_half(pending: i64, limit: i64) -> bool {
    limit < 0 || pending <= limit / 2
}

/// All live subscriptions, scripts' and the library's own, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct SubTable {
    last_id: SubId,
    live: BTreeMap<u64, Arc<Sub>>,
}

impl SubTable {
    /// A user's subscription.
    pub fn add_user(&mut self, spec: SubSpec) -> Arc<Sub> {
        self.add(Owner::User, spec)
    }

    /// Takes an id for a subscription that is never made.
    pub fn skip(&mut self) -> SubId {
        self.last_id += 1;
        self.last_id
    }

    /// The inbox of shared requests.
    pub fn add_inbox(&mut self, subject: String) -> Arc<Sub> {
        let spec = SubSpec { subject, queue: None, max_msgs: None, discard: false, pending_msgs_limit: None };
        self.add(Owner::Inbox, spec)
    }

    /// The inbox of one call.
    pub fn add_call(&mut self, call: CallId, subject: String, max_msgs: Option<u64>) -> Arc<Sub> {
        let spec = SubSpec { subject, queue: None, max_msgs, discard: false, pending_msgs_limit: None };
        self.add(Owner::Call(call), spec)
    }

    /// Replaces an inbox that the server no longer knows, under the same number.
    pub fn renew(&mut self, old: &Sub, subject: String) -> Arc<Sub> {
        let spec = SubSpec { subject, queue: None, max_msgs: None, discard: false, pending_msgs_limit: None };
        self.put(old.key, old.owner, spec)
    }

    fn add(&mut self, owner: Owner, spec: SubSpec) -> Arc<Sub> {
        let id = self.skip();
        self.put(id, owner, spec)
    }

    fn put(&mut self, key: SubId, owner: Owner, spec: SubSpec) -> Arc<Sub> {
        let sub = Arc::new(Sub::new(key, owner, spec));
        self.live.insert(key, sub.clone());
        sub
    }

    /// Looks a user's subscription up.
    ///
    /// # Errors
    /// `ErrBadSubscription`.
    pub fn user(&self, id: SubId) -> Result<Arc<Sub>, Problem> {
        let live = self.live.get(&id).filter(|sub| sub.owner == Owner::User);
        live.cloned().ok_or_else(|| Problem::new(Code::BadSubscription, format!("Invalid subscription ID {id}")))
    }

    /// The subscription of this number.
    pub fn get(&self, id: SubId) -> Option<Arc<Sub>> {
        self.live.get(&id).cloned()
    }

    /// Forgets one, unless another one has its number by now.
    pub fn remove(&mut self, sub: &Sub) {
        if self.live.get(&sub.key).is_some_and(|live| std::ptr::eq(&**live, sub)) {
            self.live.remove(&sub.key);
        }
    }

    /// Forgets and returns all.
    pub fn clear(&mut self) -> Vec<Arc<Sub>> {
        std::mem::take(&mut self.live).into_values().collect()
    }

    /// Those that the server was told of, which must be restored.
    pub fn sent(&self) -> Vec<Arc<Sub>> {
        let sent = |s: &&Arc<Sub>| {
            let state = s.state();
            state.sent && !state.hushed
        };
        self.live.values().filter(sent).cloned().collect()
    }
}
