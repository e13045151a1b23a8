//! The state that the callers' threads and the I/O thread share.

use super::alive::Pulse;
use super::calls::Calls;
use super::config::Config;
use super::counted::Outcome;
use super::error::{Code, Problem};
use super::listener::{End, Event, Listener, Status};
use super::log::Level;
use super::message::Publication;
use super::outbox::{Outbox, Queue};
use super::pending::{Kind, PendingCall};
use super::pool::Pool;
use super::subs::{Sub, SubTable};
use super::wire::info::Info;
use super::wire::parse::MAX_MESSAGE;
use super::{CallId, lock};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Whether and how the owner wants the connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// Not at all.
    No,
    /// After sending what is queued.
    Drain,
    /// At once.
    Now,
}

/// Phase of the engine; the order of the numbers means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No I/O thread, or one that ends.
    Closed,
    /// First round through the pool.
    Connecting,
    /// Announced as connected.
    Connected,
    /// Lost, looking for the next server.
    Reconnecting,
}

/// The I/O thread of one `open`.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The number given to `open`.
    pub epoch: u64,
    /// The thread.
    pub thread: Option<std::thread::JoinHandle<()>>,
    /// Whether the thread has nothing more to do.
    pub done: bool,
}

/// Counters since the connection object was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages received.
    pub in_msgs: u64,
    /// Payload and header bytes received.
    pub in_bytes: u64,
    /// Messages handed to the server's socket.
    pub out_msgs: u64,
    /// Payload and header bytes of those.
    pub out_bytes: u64,
    /// Successful reconnections.
    pub reconnects: u64,
    /// Messages dropped, incoming (slow consumer) and outgoing (connection given up).
    pub dropped: u64,
    /// Bytes of messages that wait to be sent, subjects included.
    pub outbox_bytes: u64,
}

/// The live form of [`Statistics`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub in_msgs: AtomicU64,
    pub in_bytes: AtomicU64,
    pub reconnects: AtomicU64,
    pub dropped: AtomicU64,
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// Options that are read so often that a lock would cost too much.
#[derive(Debug)]
pub(super) struct Hot {
    log_level: AtomicU8,
    pub msgs_limit: AtomicI64,
    pub bytes_limit: AtomicI64,
    pub buf_size: AtomicI64,
    /// The server's `max_payload`; 0 while unknown, or if it has no limit.
    pub max_payload: AtomicUsize,
    /// Whether the server is known not to understand headers.
    pub headerless: AtomicBool,
}

/// An answer to `AskDelay`: the ticket, and the wait (`None`: the usual one).
pub(super) type DelayAnswer = (u64, Option<Duration>);

/// The state of a connection object.
///
/// Whoever needs several of the locks takes them in the order of the fields; that of a single [`Sub`] comes after all of them.
/// The listener is called with locks held, so that what a caller has ended stays silent, and takes none of these locks itself.
pub(super) struct Shared {
    /// The I/O thread of the latest `open`. First, because `open` holds it while it sets up everything else, and an announcement
    /// of a status, so that none follows a `close`.
    pub life: Mutex<Life>,
    /// Tells `close` that the I/O thread is done.
    pub life_changed: Condvar,
    /// The subscriptions, which outlive a session: the writer restores them. Before `calls` and the outbox, because a new inbox
    /// is entered here, its call there, and both are pushed, as one step: an answer or a loss must find all of them or none.
    pub subs: Mutex<SubTable>,
    /// The pending calls, which outlive a session too. Before the outbox, because a call is entered and its message pushed as one
    /// step. Held while the end of a call is told, so that `cancel` is silent once it has returned.
    pub calls: Mutex<Calls>,
    /// The frames to be sent, whose queue has a lock of its own: publishers need no other.
    pub outbox: Outbox,
    /// The servers. Callers read and replace the pool, the I/O thread works through it; never held together with a lock above.
    pub pool: Mutex<Pool>,
    /// INFO of the current server or the last one, for callers.
    pub info: Mutex<Option<Arc<Info>>>,
    /// Answer to the latest `AskDelay`, on its way from the owner to the I/O thread.
    pub delay_answer: Mutex<Option<DelayAnswer>>,
    /// The options, replaced as a whole: who works by them keeps those that it began with.
    config: Mutex<Arc<Config>>,
    /// The owner's side, told of everything.
    pub listener: Arc<dyn Listener>,
    /// Whether and how the owner wants the connection to end: waited for by everything on the I/O thread.
    pub stop: watch::Sender<Stop>,
    /// Wakes the timer of calls, for an earlier deadline.
    pub timer_wake: Notify,
    /// Wakes the supervisor, for the answer in `delay_answer`.
    pub delay_wake: Notify,
    /// Counters for `statistics`: without a lock, since every message changes them.
    pub counters: Counters,
    /// When bytes last came.
    pub received: Arc<Pulse>,
    /// Options and limits that every message needs.
    pub hot: Hot,
    /// Present [`Phase`]: without a lock, since every call reads it.
    phase: AtomicU8,
}

impl Shared {
    pub fn new(config: Config, listener: Arc<dyn Listener>) -> Shared {
        let shared = Shared {
            life: Mutex::default(),
            life_changed: Condvar::new(),
            subs: Mutex::default(),
            calls: Mutex::default(),
            outbox: Outbox::default(),
            pool: Mutex::default(),
            info: Mutex::default(),
            delay_answer: Mutex::default(),
            config: Mutex::new(Arc::new(config.clone())),
            listener,
            stop: watch::Sender::new(Stop::No),
            timer_wake: Notify::new(),
            delay_wake: Notify::new(),
            counters: Counters::default(),
            received: Pulse::new(),
            hot: Hot {
                log_level: AtomicU8::new(0),
                msgs_limit: AtomicI64::new(0),
                bytes_limit: AtomicI64::new(0),
                buf_size: AtomicI64::new(0),
                max_payload: AtomicUsize::new(0),
                headerless: AtomicBool::new(false),
            },
            phase: AtomicU8::new(Phase::Closed as u8),
        };
        shared.configure(config);
        shared
    }

    pub fn configure(&self, config: Config) {
        let hot = &self.hot;
        hot.log_level.store(config.log_level as u8, Ordering::Relaxed);
        hot.msgs_limit.store(config.pending_msgs_limit, Ordering::Relaxed);
        hot.bytes_limit.store(config.pending_bytes_limit, Ordering::Relaxed);
        hot.buf_size.store(config.reconnect_buf_size, Ordering::Relaxed);
        *lock(&self.config) = Arc::new(config);
    }

    pub fn config(&self) -> Arc<Config> {
        lock(&self.config).clone()
    }

    pub fn phase(&self) -> Phase {
        if self.listener.is_foreign() {
            return Phase::Closed;
        }
        match self.phase.load(Ordering::Acquire) {
            p if p == Phase::Connecting as u8 => Phase::Connecting,
            p if p == Phase::Connected as u8 => Phase::Connected,
            p if p == Phase::Reconnecting as u8 => Phase::Reconnecting,
            _ => Phase::Closed,
        }
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Logs; the text is made only if the level is enabled.
    pub fn log(&self, level: Level, text: impl FnOnce() -> String) {
        if level as u8 <= self.hot.log_level.load(Ordering::Relaxed) {
            let at = std::time::SystemTime::now();
            self.listener.event(Event::Log { at, level, text: text() });
        }
    }

    /// Reports an asynchronous error.
    pub fn error(&self, epoch: u64, problem: Problem) {
        self.listener.event(Event::Error { epoch, problem });
    }

    /// Announces a transition, unless the owner is closing the connection. True if it was announced.
    pub fn transition(&self, epoch: u64, status: Status, error: Option<Problem>) -> bool {
        let life = lock(&self.life);
        if life.epoch != epoch || *self.stop.borrow() != Stop::No {
            return false;
        }
        self.set_phase(match status {
            Status::Connected => Phase::Connected,
            Status::Reconnecting => Phase::Reconnecting,
            Status::Closed { .. } => Phase::Closed,
        });
        self.listener.event(Event::Status { epoch, status, error });
        true
    }

    /// Waits until the owner wants the connection ended at least that far.
    pub async fn stopped(&self, level: Stop) {
        let mut stop = self.stop.subscribe();
        // An error would mean that the sender is gone, and the sender is ours.
        let _ = stop.wait_for(|s| *s >= level).await;
    }

    pub fn stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// Tells the end of a call that is not counted; the caller holds the lock on `calls`, so that `cancel` is silent once it
    /// returned.
    pub fn tell_end(&self, call: CallId, end: End) {
        self.listener.event(Event::End { call, end });
    }

    /// Ends a call that was removed; the lock as for [`Shared::tell_end`].
    pub fn end_call(&self, id: CallId, call: &PendingCall, end: End) {
        match (&call.counted, &call.kind) {
            (Some(counted), _) => {
                let subject = call.subject.as_deref().unwrap_or_default();
                counted.tell(&*self.listener, subject, Outcome::End(&end));
            }
            (None, Kind::Talk(talking)) => {
                if talking.talk.end(&end) {
                    self.listener.event(Event::Settled { owner: talking.owner });
                }
            }
            (None, Kind::Settle(_)) => {}
            (None, _) => self.tell_end(id, end),
        }
    }

    /// Ends the given calls. Their inboxes are left to what ends the connection.
    pub fn end_calls(&self, ids: fn(&Calls) -> Vec<CallId>, end: fn() -> End) {
        for (id, call) in self.take_calls(ids) {
            self.end_call(id, &call, end());
        }
    }

    /// Removes the given calls silently, and gives them back.
    pub fn take_calls(&self, ids: fn(&Calls) -> Vec<CallId>) -> Vec<(CallId, PendingCall)> {
        let mut calls = lock(&self.calls);
        ids(&calls).into_iter().filter_map(|id| Some((id, calls.remove(id)?))).collect()
    }

    /// Ends all subscriptions.
    pub fn end_subs(&self) {
        let subs = lock(&self.subs).clear();
        for sub in subs {
            self.end_sub(&sub);
        }
        lock(&self.calls).inbox = None;
    }

    /// Ends a subscription (once) and tells its owner. True if it was live.
    pub fn end_sub(&self, sub: &Sub) -> bool {
        let mut state = sub.state();
        if std::mem::replace(&mut state.ended, true) {
            return false;
        }
        if sub.owner() == super::subs::Owner::User {
            self.listener.sub_end(sub.id());
        }
        true
    }

    /// Ends a subscription before its time: only an UNSUB stops the server.
    pub fn end_now(&self, sub: &Arc<Sub>) {
        lock(&self.subs).remove(sub);
        if self.end_sub(sub) {
            self.outbox.with(|q| q.unsubscribe(sub));
        }
    }

    /// Stores a new INFO, then announces it.
    pub fn set_info(&self, info: Info) {
        let hot = &self.hot;
        hot.max_payload.store(info.max_payload.unwrap_or(0), Ordering::Relaxed);
        hot.headerless.store(!info.headers, Ordering::Relaxed);
        let info = Arc::new(info);
        *lock(&self.info) = Some(info.clone());
        self.listener.event(Event::Info(info));
    }

    /// Checks a message against the limits; the outbox is locked. Messages that wait for a connection have their own limit.
    pub fn admit(&self, queue: &Queue, p: &Publication<'_>, reply: &[&str]) -> Result<(), Problem> {
        let body = p.body_len();
        let size = body + p.subject.as_str().len() + reply.iter().map(|part| part.len()).sum::<usize>();
        self.admit_size(queue, body, size, !p.headers.is_empty())
    }

    /// The same by the length of header block and payload, and with the subjects.
    pub fn admit_size(&self, queue: &Queue, body: usize, size: usize, has_headers: bool) -> Result<(), Problem> {
        self.check_size(body, has_headers)?;
        let limit = self.hot.buf_size.load(Ordering::Relaxed);
        if limit < 0 || self.phase() == Phase::Connected {
            return Ok(());
        }
        if self.outbox.bytes_of(queue) + size as u64 > limit as u64 {
            let text = format!("Messages waiting for a connection exceed {limit} bytes");
            return Err(Problem::new(Code::ReconnectBufExceeded, text));
        }
        Ok(())
    }

    /// Refuses a message that the server would refuse.
    pub fn check_size(&self, bytes: usize, has_headers: bool) -> Result<(), Problem> {
        let max = match self.hot.max_payload.load(Ordering::Relaxed) {
            // The server's ceiling, above which none takes a message.
            0 => MAX_MESSAGE,
            max => max,
        };
        if bytes > max {
            let text = format!("Maximum size of NATS message is {max}");
            return Err(Problem::new(Code::MaxPayload, text));
        }
        if has_headers && self.hot.headerless.load(Ordering::Relaxed) {
            let text = "Headers are not supported by this NATS server";
            return Err(Problem::new(Code::HeadersNotSupported, text));
        }
        Ok(())
    }

    pub fn statistics(&self) -> Statistics {
        let c = &self.counters;
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (out_msgs, out_bytes) = self.outbox.sent();
        Statistics {
            in_msgs: get(&c.in_msgs),
            in_bytes: get(&c.in_bytes),
            out_msgs,
            out_bytes,
            reconnects: get(&c.reconnects),
            dropped: get(&c.dropped),
            outbox_bytes: self.outbox.bytes(),
        }
    }
}
