//! The one way out: callers encode straight into a buffer, the session's writer swaps it out and writes it.
//!
//! The buffer is a row of frames, one for each thing to tell the server. What is unwritten at a loss goes back to the front,
//! from the start of the frame that the socket had taken in part.

mod batch;
mod direct;
mod frame;
mod queue;

pub(super) use batch::Batch;
pub(super) use frame::{Frame, Kind};
pub(super) use queue::Queue;

use super::CallId;
use super::pace::{self, Linger};
use super::wire::encode;
use frame::{retain, sizes};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use tokio::sync::Notify;

/// Number of PONGs answered at once to a server that sends one PING after the other.
const MOST_PONGS: u32 = 1000;

/// Queue, its counters and the writer's alarm clock.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    /// Tells a waiting publisher that the writer has taken what waited.
    taken: Condvar,
    /// Number of bytes of all messages that have left the queue.
    gone_bytes: AtomicU64,
    /// Counter of frames and pieces written, which shows whether the writer makes progress.
    written: AtomicU64,
    /// Number of messages written, and of the bytes of their payloads and headers.
    out_msgs: AtomicU64,
    out_bytes: AtomicU64,
    /// Whether a message has been written in this session.
    published: AtomicBool,
    /// Whether a write has met a reset in this session.
    reset: AtomicBool,
    /// Whether callers may write instead of the writer.
    has_socket: AtomicBool,
    /// Number of frames in the queue.
    waiting: AtomicUsize,
    /// Number of messages that callers wrote, of which the writer has not heard.
    aside: AtomicUsize,
    /// Counter of calls that ended while their message was with the writer.
    withdrawn: AtomicU64,
    /// Whether something overtakes the frames.
    urgent: AtomicBool,
    /// How the writer's thread waits for the next call.
    linger: Linger,
}

impl Outbox {
    /// Lets `f` push under the lock; `None` if the connection is closed.
    pub fn with<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        self.push(false, f)
    }

    /// As [`Outbox::with`], for a call whose caller does nothing but wait for it: if the writer sleeps, it is
    /// written here and now, since waking another thread costs more than the system call.
    pub fn with_at_once<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        self.push(true, f)
    }

    fn push<R>(&self, at_once: bool, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut queue = super::lock(&self.queue);
        if !queue.open {
            return None;
        }
        let result = f(&mut queue);
        if at_once {
            self.write_now(&mut queue);
        }
        self.waiting.store(queue.frames.len(), Ordering::Release);
        let wake = queue.is_due(at_once) && !std::mem::replace(&mut queue.awake, true);
        // A wake is a system call: not under the lock that the woken thread wants.
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
        Some(result)
    }

    /// Opens the queue for a new connection.
    pub fn open(&self) {
        super::lock(&self.queue).open = true;
    }

    /// Refuses further frames; those in the queue stay.
    pub fn shut(&self) {
        super::lock(&self.queue).open = false;
    }

    /// Refuses further frames, forgets what is there and returns the number of messages lost.
    pub fn clear(&self) -> usize {
        let mut queue = super::lock(&self.queue);
        let lost = queue.frames.iter().filter(|f| f.is_message() && !f.dead).count();
        self.gone_bytes.store(queue.queued_bytes, Ordering::Relaxed);
        let queued_bytes = queue.queued_bytes;
        *queue = Queue { queued_bytes, ..Queue::default() };
        self.waiting.store(0, Ordering::Relaxed);
        lost
    }

    /// Number of bytes of the messages that wait.
    pub fn bytes(&self) -> u64 {
        self.bytes_of(&super::lock(&self.queue))
    }

    /// The same, for a caller that already holds the queue.
    pub fn bytes_of(&self, queue: &Queue) -> u64 {
        let gone = self.gone_bytes.load(Ordering::Relaxed);
        queue.queued_bytes.saturating_sub(gone)
    }

    /// Takes the message of a call that has ended out of the queue, if it is still there.
    pub fn withdraw(&self, id: CallId) {
        let mut queue = super::lock(&self.queue);
        let found = queue.requests.binary_search_by_key(&id, |(id, _)| *id);
        // A frame that is half written must be completed.
        let Some(found) = found.ok().filter(|_| queue.ahead == 0) else {
            drop(queue);
            self.withdrawn.fetch_add(1, Ordering::Release);
            return;
        };
        let at = queue.requests[found].1;
        let frame = &mut queue.frames[at];
        if !std::mem::replace(&mut frame.dead, true) {
            self.gone_bytes.fetch_add(u64::from(frame.size), Ordering::Relaxed);
            queue.stale += 1;
            queue.tidy();
            self.waiting.store(queue.frames.len(), Ordering::Release);
        }
    }

    /// Whether more waits than the writer should be given at once.
    pub fn is_crowded(&self, queue: &Queue) -> bool {
        !queue.given_up && pace::is_crowd(queue.frames.len(), self.bytes_of(queue))
    }

    /// Gives the writer a moment to take the waiting frames.
    pub fn give_time(&self) {
        let (frames, bytes) = (self.progress(), self.gone_bytes.load(Ordering::Relaxed));
        let mut queue = super::lock(&self.queue);
        queue.publisher_waits = true;
        let untaken = |queue: &mut Queue| queue.publisher_waits && queue.open && !queue.frames.is_empty();
        let waited = self.taken.wait_timeout_while(queue, pace::GIVEN, untaken);
        let (mut queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.publisher_waits = false;
        let fast = pace::is_fast(self.progress() - frames, self.gone_bytes.load(Ordering::Relaxed) - bytes);
        queue.given_up = waited.timed_out() && !fast;
    }

    /// Number that grows with each thing written.
    pub fn progress(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Answers a PING of the server before anything else.
    pub fn pong(&self) {
        super::lock(&self.queue).pongs += 1;
        self.urgent.store(true, Ordering::Relaxed);
        self.poke();
    }

    /// Asks for a keep-alive before anything else.
    pub fn keep_alive(&self) {
        super::lock(&self.queue).keep_alive = true;
        self.urgent.store(true, Ordering::Relaxed);
        self.poke();
    }

    /// Whether something overtakes the frames.
    pub fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Relaxed)
    }

    /// Whether frames wait.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Writes what overtakes the frames into `out`; true if a keep-alive is among it.
    pub fn urgent(&self, out: &mut Vec<u8>) -> bool {
        let mut queue = super::lock(&self.queue);
        self.urgent.store(false, Ordering::Relaxed);
        let pongs = std::mem::take(&mut queue.pongs).min(MOST_PONGS);
        (0..pongs).for_each(|_| out.extend_from_slice(encode::PONG));
        let keep_alive = std::mem::take(&mut queue.keep_alive);
        if keep_alive {
            out.extend_from_slice(encode::PING);
        }
        keep_alive
    }

    /// A session begins on another server. Forgets what the tables restore, and messages that `fits` refuses.
    pub fn prepare(&self, pedantic: bool, mut fits: impl FnMut(&Frame) -> bool) {
        let mut queue = super::lock(&self.queue);
        queue.pedantic = pedantic;
        let mut gone = 0;
        queue.retain(|frame| {
            let keep = !frame.dead
                && match &frame.kind {
                    Kind::Subscribe(sub) | Kind::Limit(sub) => {
                        let state = sub.state();
                        !state.sent && !state.ended && !state.hushed
                    }
                    Kind::Unsubscribe | Kind::Ping(_) => false,
                    Kind::Publish | Kind::Request(_) | Kind::Part(_) => fits(frame),
                };
            if !keep && !frame.dead {
                gone += u64::from(frame.size);
            }
            keep
        });
        queue.stale = 0;
        (queue.pongs, queue.keep_alive) = (0, false);
        self.gone_bytes.fetch_add(gone, Ordering::Relaxed);
        self.waiting.store(queue.frames.len(), Ordering::Release);
    }

    /// Refills an empty batch, keeping its memory; false if nothing waits.
    pub fn refill(&self, batch: &mut Batch) -> bool {
        if !batch.is_empty() {
            return true;
        }
        batch.reset();
        let mut queue = super::lock(&self.queue);
        let queue = &mut *queue;
        std::mem::swap(&mut queue.bytes, &mut batch.bytes);
        std::mem::swap(&mut queue.frames, &mut batch.frames);
        batch.calls = queue.requests.len();
        queue.requests.clear();
        batch.has_controls = std::mem::take(&mut queue.controls) > 0;
        batch.written.set(std::mem::take(&mut queue.ahead));
        batch.withdrawn = self.withdrawn.load(Ordering::Acquire);
        if std::mem::take(&mut queue.stale) > 0 {
            batch.drop_stale();
        }
        if batch.has_controls {
            batch.frames.iter().for_each(Frame::told);
        }
        self.waiting.store(0, Ordering::Relaxed);
        queue.given_up = false;
        if std::mem::take(&mut queue.publisher_waits) {
            self.taken.notify_all();
        }
        !batch.is_empty()
    }

    /// Puts what a session has not written back to the front of the queue; with `drop_first` except for the message that the
    /// server choked on. `pending`: whether a call is still waited for.
    pub fn give_back(&self, mut batch: Batch, drop_first: bool, pending: impl Fn(CallId) -> bool) -> u64 {
        let mut dropped = 0;
        let mut gone = 0;
        let frames = batch.frames.split_off(batch.next);
        let mut kept = Vec::with_capacity(frames.len());
        let mut first = drop_first && batch.written.get() > 0;
        let keep = |frame: &Frame| {
            let choked = std::mem::take(&mut first);
            let keep = match frame.kind {
                Kind::Publish => !choked,
                Kind::Request(id) | Kind::Part(id) => !choked && pending(id),
                _ => false,
            };
            if !keep && frame.is_message() {
                gone += u64::from(frame.size);
                dropped += u64::from(choked);
            }
            keep
        };
        let mut bytes = batch.bytes.split_off(batch.start);
        retain(&mut bytes, 0, frames, keep, &mut kept);
        let mut queue = super::lock(&self.queue);
        bytes.append(&mut queue.bytes);
        kept.append(&mut queue.frames);
        (queue.bytes, queue.frames) = (bytes, kept);
        queue.index();
        self.gone_bytes.fetch_add(gone, Ordering::Relaxed);
        self.waiting.store(queue.frames.len(), Ordering::Release);
        dropped
    }

    /// Waits until something may have been pushed. In a flood more is on its way: being woken for as many at a time as are
    /// `worth` it costs less than writing a few, sleeping, and being woken again.
    pub async fn pushed(&self, worth: usize, batch: &mut Batch) {
        if !self.fall_asleep(worth, batch) {
            return;
        }
        if worth > 1 {
            let _ = tokio::time::timeout(pace::TAIL, self.wake.notified()).await;
        } else {
            self.wake.notified().await;
        }
        let mut queue = super::lock(&self.queue);
        (queue.free, queue.awake) = (false, true);
    }

    /// From now on a push wakes the writer; false if there is enough already.
    fn fall_asleep(&self, worth: usize, batch: &mut Batch) -> bool {
        let mut queue = super::lock(&self.queue);
        queue.worth = worth;
        queue.awake = queue.is_due(false) || queue.pongs > 0 || queue.keep_alive;
        queue.free = !queue.awake;
        if queue.free && queue.frames.is_empty() && worth <= 1 {
            let queue = &mut *queue;
            batch.rest(&mut queue.bytes, &mut queue.frames);
        }
        queue.free
    }

    /// Polls for the next call after the last answer has gone to a script, which may make it at once, if that was of use lately.
    pub fn linger(&self) {
        if self.has_socket.load(Ordering::Relaxed) {
            // The caller writes it.
            return;
        }
        self.linger.wait_for(|| self.waiting.load(Ordering::Acquire) > 0);
    }

    /// Wakes the writer, for changes other than a push.
    pub fn poke(&self) {
        self.wake.notify_one();
    }

    /// Some bytes have been written.
    pub fn progressed(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames have been written: messages that waited are gone.
    pub fn wrote(&self, frames: &[Frame]) {
        let (mut msgs, mut bytes) = (0, 0);
        for frame in frames.iter().filter(|f| f.is_message()) {
            msgs += 1;
            bytes += u64::from(frame.body);
        }
        self.out_msgs.fetch_add(msgs, Ordering::Relaxed);
        self.out_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.written.fetch_add(frames.len() as u64, Ordering::Relaxed);
        self.gone_bytes.fetch_add(sizes(frames), Ordering::Relaxed);
        if msgs > 0 {
            self.published.store(true, Ordering::Relaxed);
        }
    }

    /// Number of messages written, and bytes of their payloads and headers.
    pub fn sent(&self) -> (u64, u64) {
        (self.out_msgs.load(Ordering::Relaxed), self.out_bytes.load(Ordering::Relaxed))
    }

    /// Whether this session has written a message.
    pub fn has_published(&self) -> bool {
        self.published.load(Ordering::Relaxed)
    }

    /// Messages of these sizes were dropped from a batch.
    pub fn dropped(&self, bytes: u64) {
        self.gone_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Number that changes when a call has ended whose message the writer may have.
    pub fn withdrawals(&self) -> u64 {
        self.withdrawn.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests;
