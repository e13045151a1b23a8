//! What the callers' threads and the I/O thread share.

use super::calls::Calls;
use super::config::Config;
use super::error::{Code, Problem};
use super::listener::{End, Event, Listener, Status};
use super::log::Level;
use super::message::Publication;
use super::outbox::{Outbox, Queue};
use super::pool::Pool;
use super::subs::{Sub, SubTable};
use super::wire::info::Info;
use super::wire::parse::MAX_MESSAGE;
use super::{CallId, lock};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How far the owner wants the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// Go on.
    No,
    /// Send what is queued, then end.
    Drain,
    /// End at once.
    Now,
}

/// Where the engine is. The order of the numbers means nothing.
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
    /// The thread has nothing more to do.
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

/// Options read so often that a lock would cost.
#[derive(Debug)]
pub(super) struct Hot {
    log_level: AtomicU8,
    pub msgs_limit: AtomicI64,
    pub bytes_limit: AtomicI64,
    pub buf_size: AtomicI64,
    /// The server's `max_payload`; 0 while unknown, or if it has no limit.
    pub max_payload: AtomicUsize,
    /// The server is known not to understand headers.
    pub headerless: AtomicBool,
}

/// An answer to `AskDelay`: the ticket, and the wait (`None`: the usual one).
pub(super) type DelayAnswer = (u64, Option<Duration>);

/// The state of a connection object. Locks are taken in the order of the fields, `life` first.
pub(super) struct Shared {
    pub life: Mutex<Life>,
    pub life_changed: Condvar,
    pub subs: Mutex<SubTable>,
    pub calls: Mutex<Calls>,
    pub outbox: Outbox,
    pub pool: Mutex<Pool>,
    pub info: Mutex<Option<Arc<Info>>>,
    pub delay_answer: Mutex<Option<DelayAnswer>>,
    config: Mutex<Arc<Config>>,
    pub listener: Arc<dyn Listener>,
    pub stop: watch::Sender<Stop>,
    pub timer_wake: Notify,
    pub delay_wake: Notify,
    pub counters: Counters,
    pub hot: Hot,
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

    /// Makes a transition known, unless the owner is closing the connection. True if it was made.
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

    /// Ends a call; the caller holds the lock on `calls`, so that `cancel` is silent once it returned.
    pub fn end_call(&self, call: CallId, end: End) {
        self.listener.event(Event::End { call, end });
    }

    /// Ends the given calls. Their inboxes are left to whoever ends the connection.
    pub fn end_calls(&self, ids: fn(&Calls) -> Vec<CallId>, end: fn() -> End) {
        for id in self.take_calls(ids) {
            self.end_call(id, end());
        }
    }

    /// Removes the given calls without a word; returns their ids.
    pub fn take_calls(&self, ids: fn(&Calls) -> Vec<CallId>) -> Vec<CallId> {
        let mut calls = lock(&self.calls);
        let mut taken = ids(&calls);
        taken.retain(|id| calls.remove(*id).is_some());
        taken
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

    /// A new INFO: remembered, then announced.
    pub fn set_info(&self, info: Info) {
        let hot = &self.hot;
        hot.max_payload.store(info.max_payload.unwrap_or(0), Ordering::Relaxed);
        hot.headerless.store(!info.headers, Ordering::Relaxed);
        let info = Arc::new(info);
        *lock(&self.info) = Some(info.clone());
        self.listener.event(Event::Info(info));
    }

    /// Checks a message against the limits; the outbox is locked. What waits for a connection has a limit of its own.
    pub fn admit(&self, queue: &Queue, p: &Publication<'_>, reply: &[&str]) -> Result<(), Problem> {
        let body = p.body();
        self.check_size(body, !p.headers.is_empty())?;
        let limit = self.hot.buf_size.load(Ordering::Relaxed);
        if limit < 0 || self.phase() == Phase::Connected {
            return Ok(());
        }
        let size = body + p.subject.as_str().len() + reply.iter().map(|part| part.len()).sum::<usize>();
        if self.outbox.bytes_of(queue) + size as u64 > limit as u64 {
            let text = format!("Messages waiting for a connection exceed {limit} bytes");
            return Err(Problem::new(Code::ReconnectBufExceeded, text));
        }
        Ok(())
    }

    /// Refuses a message that the server would refuse.
    pub fn check_size(&self, bytes: usize, has_headers: bool) -> Result<(), Problem> {
        let max = match self.hot.max_payload.load(Ordering::Relaxed) {
            // What no server takes: its own ceiling.
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
