//! The one way out: callers encode straight into a buffer, the session's writer swaps it out and writes it.
//!
//! The buffer is a row of frames, one for each thing to tell the server. What a loss finds unwritten goes back to the front,
//! from the start of the frame that the socket had taken in part.

use super::CallId;
use super::message::Publication;
use super::pace::{self, Linger};
use super::subs::Sub;
use super::wire::encode;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::Notify;

/// Bytes that an empty buffer may keep room for: a flood leaves no memory behind.
const KEPT_ROOM: usize = 256 * 1024;

/// Bytes written at once before the writer looks for what is urgent, and for calls that have ended meanwhile.
const SLICE: usize = 256 * 1024;

/// Number of PONGs answered at once to a server that sends one PING after the other.
const MOST_PONGS: u32 = 1000;

/// What a frame tells the server.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A message.
    Publish,
    /// The message of a call: when the call has ended, it is not sent any more.
    Request(CallId),
    /// Begin a subscription.
    Subscribe(Arc<Sub>),
    /// Limit a subscription to its `max`.
    Limit(Arc<Sub>),
    /// End a subscription now.
    Unsubscribe,
    /// A round trip.
    Ping(CallId),
}

/// One frame of the buffer.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Length in the buffer.
    len: u32,
    /// Length of payload and headers: what counts against `max_payload` and in the statistics.
    pub body: u32,
    /// Length of payload, headers and subjects: what counts as waiting.
    size: u32,
    /// Whether the message has headers.
    pub headers: bool,
    /// A pedantic server will complain about its subject.
    pub odd: bool,
    /// Its subject is of the library's own making.
    pub own: bool,
    /// Its call has ended: it is not to be sent.
    dead: bool,
}

impl Frame {
    fn control(kind: Kind, len: usize) -> Frame {
        Frame { kind, len: len as u32, body: 0, size: 0, headers: false, odd: false, own: false, dead: false }
    }

    /// Whether the session has to note that it is on its way.
    pub fn is_special(&self) -> bool {
        self.odd || matches!(self.kind, Kind::Ping(_))
    }

    /// Whether it carries a message.
    pub fn is_message(&self) -> bool {
        matches!(self.kind, Kind::Publish | Kind::Request(_))
    }
}

/// The queue proper.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    /// Calls whose message waits, with the index of its frame; numbers of calls grow.
    requests: Vec<(CallId, usize)>,
    /// Frames of subscriptions and round trips among them.
    controls: usize,
    /// Frames that need not be sent any more.
    stale: usize,
    /// The server checks subjects strictly.
    pedantic: bool,
    /// PINGs of the server that wait for an answer, which overtakes the frames.
    pongs: u32,
    /// A keep-alive is due, which overtakes the frames.
    keep_alive: bool,
    open: bool,
    /// The writer is at work: it needs no wake.
    awake: bool,
    /// A publisher gives the writer time.
    publisher_waits: bool,
    /// One did, and the writer got on slowly: nobody waits until it takes what is there.
    given_up: bool,
    /// Bytes of all messages ever queued.
    queued_bytes: u64,
}

impl Queue {
    /// Appends a message, whose reply subject is given in parts.
    pub fn publish(&mut self, p: &Publication<'_>, reply: &[&str], kind: Kind) {
        let start = self.bytes.len();
        encode::publish(&mut self.bytes, p.subject.as_str(), reply, p.headers, p.payload);
        let body = p.body();
        let size = body + p.subject.as_str().len() + reply.iter().map(|part| part.len()).sum::<usize>();
        self.queued_bytes += size as u64;
        if let Kind::Request(id) = kind {
            let at = match self.requests.last() {
                // A pull that is asked for again has an old number.
                Some((last, _)) if *last > id => self.requests.partition_point(|(other, _)| *other < id),
                _ => self.requests.len(),
            };
            self.requests.insert(at, (id, self.frames.len()));
        }
        let odd = self.pedantic && !encode::is_literal(p.subject.as_str());
        self.frames.push(Frame {
            kind,
            len: (self.bytes.len() - start) as u32,
            body: body as u32,
            size: size as u32,
            headers: !p.headers.is_empty(),
            odd,
            own: odd && p.subject.is_own(),
            dead: false,
        });
    }

    /// Appends the begin of a subscription, and its limit if it has one.
    pub fn subscribe(&mut self, sub: &Arc<Sub>) {
        self.control(Kind::Subscribe(sub.clone()), |out| encode::subscribe(out, sub.subject(), sub.queue(), sub.id()));
        self.limit(sub);
    }

    /// Appends the limit of a subscription, as counted from where the session subscribed.
    pub fn limit(&mut self, sub: &Arc<Sub>) {
        if let Some(left) = sub.state().told_limit() {
            self.control(Kind::Limit(sub.clone()), |out| encode::unsubscribe(out, sub.id(), Some(left)));
        }
    }

    /// Ends a subscription: tells the server, or takes back what it was not told yet.
    pub fn unsubscribe(&mut self, sub: &Arc<Sub>) {
        if sub.state().sent {
            return self.control(Kind::Unsubscribe, |out| encode::unsubscribe(out, sub.id(), None));
        }
        self.stale += 1;
        self.tidy();
    }

    /// Appends a round trip.
    pub fn ping(&mut self, id: CallId) {
        self.control(Kind::Ping(id), |out| out.extend_from_slice(encode::PING));
    }

    /// Calls whose message waits, in the order of their numbers.
    pub fn waiting_calls(&self) -> Vec<CallId> {
        self.requests.iter().map(|(id, _)| *id).collect()
    }

    fn control(&mut self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.controls += 1;
        self.frames.push(Frame::control(kind, self.bytes.len() - start));
    }

    /// Drops what need not be sent once it is the larger part.
    fn tidy(&mut self) {
        if self.stale * 2 > self.frames.len() {
            self.retain(|frame| match &frame.kind {
                Kind::Subscribe(sub) | Kind::Limit(sub) => !sub.state().ended,
                _ => !frame.dead,
            });
            self.stale = 0;
        }
    }

    fn retain(&mut self, keep: impl FnMut(&Frame) -> bool) {
        let frames = std::mem::take(&mut self.frames);
        retain(&mut self.bytes, 0, frames, keep, &mut self.frames);
        self.index();
    }

    fn index(&mut self) {
        self.requests.clear();
        self.controls = 0;
        for (at, frame) in self.frames.iter().enumerate() {
            match frame.kind {
                Kind::Request(id) => self.requests.push((id, at)),
                Kind::Publish => (),
                _ => self.controls += 1,
            }
        }
        self.requests.sort_unstable();
    }
}

/// Keeps some frames of a buffer that begin at `start`; the others' bytes go.
fn retain(bytes: &mut Vec<u8>, start: usize, frames: Vec<Frame>, mut keep: impl FnMut(&Frame) -> bool, kept: &mut Vec<Frame>) {
    let (mut from, mut to) = (start, start);
    for frame in frames {
        let len = frame.len as usize;
        if keep(&frame) {
            if from != to {
                bytes.copy_within(from..from + len, to);
            }
            to += len;
            kept.push(frame);
        }
        from += len;
    }
    bytes.truncate(to);
}

/// Queue, its counters and the writer's alarm clock.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
    /// Tells a publisher that waits that the writer took what waited.
    taken: Condvar,
    /// Bytes of all messages that left the queue.
    gone_bytes: AtomicU64,
    /// Counts frames and pieces written: shows whether the writer makes progress.
    written: AtomicU64,
    /// Number of frames in the queue.
    waiting: AtomicUsize,
    /// Counts calls that ended while their message was with the writer.
    withdrawn: AtomicU64,
    /// Something overtakes the frames.
    urgent: AtomicBool,
    /// How the writer's thread waits for the next call.
    linger: Linger,
}

impl Outbox {
    /// Lets `f` push under the lock; `None` if the connection is closed.
    pub fn with<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut queue = super::lock(&self.queue);
        if !queue.open {
            return None;
        }
        let result = f(&mut queue);
        self.waiting.store(queue.frames.len(), Ordering::Release);
        let wake = !queue.frames.is_empty() && !std::mem::replace(&mut queue.awake, true);
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

    /// Refuses further frames; what is there stays.
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

    /// Bytes of the messages that wait.
    pub fn bytes(&self) -> u64 {
        self.bytes_of(&super::lock(&self.queue))
    }

    /// The same for who holds the queue already.
    pub fn bytes_of(&self, queue: &Queue) -> u64 {
        let gone = self.gone_bytes.load(Ordering::Relaxed);
        queue.queued_bytes.saturating_sub(gone)
    }

    /// Takes the message of a call that has ended out of the queue, if it is still there.
    pub fn withdraw(&self, id: CallId) {
        let mut queue = super::lock(&self.queue);
        let Ok(found) = queue.requests.binary_search_by_key(&id, |(id, _)| *id) else {
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

    /// Gives the writer a moment to take what waits.
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

    /// What overtakes the frames, written into `out`; true if a keep-alive is among it.
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
                        !state.sent && !state.ended
                    }
                    Kind::Unsubscribe | Kind::Ping(_) => false,
                    Kind::Publish | Kind::Request(_) => fits(frame),
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
        queue.requests.clear();
        batch.has_controls = std::mem::take(&mut queue.controls) > 0;
        batch.withdrawn = self.withdrawn.load(Ordering::Acquire);
        if batch.has_controls {
            // From now on a subscription is restored after a loss, and ended by an UNSUB.
            for frame in &batch.frames {
                if let Kind::Subscribe(sub) = &frame.kind {
                    sub.state().sent = true;
                }
            }
        }
        if std::mem::take(&mut queue.stale) > 0 {
            batch.drop_dead();
        }
        self.waiting.store(0, Ordering::Relaxed);
        queue.given_up = false;
        if std::mem::take(&mut queue.publisher_waits) {
            self.taken.notify_all();
        }
        !batch.is_empty()
    }

    /// What a session has not written goes back to the front of the queue; `drop_first`: but for the message that the server
    /// choked on. `pending`: whether a call is still waited for.
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
                Kind::Request(id) => !choked && pending(id),
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

    /// Waits until something may have been pushed. In a flood more is on its way: to wait for some of it costs less than to
    /// sleep, be woken, and write a few at a time.
    pub async fn pushed(&self, flood: bool) {
        if flood {
            // The reader shares this thread: it has its turn first.
            tokio::task::yield_now().await;
            if self.waiting.load(Ordering::Acquire) < pace::LONG_RUN {
                std::thread::sleep(pace::NAP);
            }
        }
        if self.fall_asleep() {
            self.wake.notified().await;
        }
    }

    /// From now on a push wakes the writer; false if something is there already.
    fn fall_asleep(&self) -> bool {
        let mut queue = super::lock(&self.queue);
        queue.awake = !queue.frames.is_empty() || queue.pongs > 0 || queue.keep_alive;
        !queue.awake
    }

    /// The last answer has gone to a script, which may have the next call ready at once: stays awake for it, if it is of use.
    pub fn linger(&self) {
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

    /// Frames of a batch have been written: messages that waited are gone.
    pub fn wrote(&self, frames: usize, bytes: u64) {
        self.written.fetch_add(frames as u64, Ordering::Relaxed);
        self.gone_bytes.fetch_add(bytes, Ordering::Relaxed);
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

/// Frames that the writer is at.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    /// The first frame that is not written.
    next: usize,
    /// Where that frame begins.
    start: usize,
    /// Bytes of the latest slice that are written: where the connection may break.
    pub written: Cell<usize>,
    /// There are frames that are no messages.
    pub has_controls: bool,
    /// [`Outbox::withdrawals`] when it was looked at last.
    pub withdrawn: u64,
}

impl Batch {
    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.next == self.frames.len()
    }

    /// Number of frames left.
    pub fn len(&self) -> usize {
        self.frames.len() - self.next
    }

    fn reset(&mut self) {
        let (mut bytes, mut frames) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.frames));
        bytes.clear();
        frames.clear();
        if bytes.capacity() > KEPT_ROOM {
            bytes = Vec::new();
        }
        if frames.capacity() > KEPT_ROOM / size_of::<Frame>() {
            frames = Vec::new();
        }
        *self = Batch { bytes, frames, ..Batch::default() };
    }

    fn drop_dead(&mut self) {
        let frames = std::mem::take(&mut self.frames);
        retain(&mut self.bytes, 0, frames, |frame| !frame.dead, &mut self.frames);
    }

    /// Drops messages of calls that have ended; the batch stands between two frames. Returns the sizes of what is dropped.
    pub fn drop_ended(&mut self, pending: impl Fn(CallId) -> bool) -> u64 {
        let mut gone = 0;
        let rest = self.frames.split_off(self.next);
        let keep = |frame: &Frame| match frame.kind {
            Kind::Request(id) if !pending(id) => {
                gone += u64::from(frame.size);
                false
            }
            _ => true,
        };
        retain(&mut self.bytes, self.start, rest, keep, &mut self.frames);
        gone
    }

    /// The next frames, at least one, and their bytes.
    pub fn slice(&self) -> (&[Frame], &[u8]) {
        let (mut count, mut len) = (0, 0);
        for frame in &self.frames[self.next..] {
            if count > 0 && len + frame.len as usize > SLICE {
                break;
            }
            count += 1;
            len += frame.len as usize;
        }
        (&self.frames[self.next..self.next + count], &self.bytes[self.start..self.start + len])
    }

    /// The next frames.
    pub fn next_frames(&self, count: usize) -> &[Frame] {
        &self.frames[self.next..self.next + count]
    }

    /// So many frames are written.
    pub fn advance(&mut self, frames: usize) {
        let len: usize = self.next_frames(frames).iter().map(|f| f.len as usize).sum();
        self.next += frames;
        self.start += len;
    }

    /// The connection broke: the frames of the latest slice that were written whole, which are gone. What is left of
    /// `written` belongs to the next one.
    pub fn settle(&mut self) -> &[Frame] {
        let (mut count, mut left) = (0, self.written.get());
        for frame in &self.frames[self.next..] {
            if left < frame.len as usize {
                break;
            }
            left -= frame.len as usize;
            count += 1;
        }
        self.written.set(left);
        self.advance(count);
        &self.frames[self.next - count..self.next]
    }
}

/// Size of a message's waiting part.
pub(super) fn sizes(frames: &[Frame]) -> u64 {
    frames.iter().map(|f| u64::from(f.size)).sum()
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
