//! The one queue between the callers' threads and the session's writer.

use super::CallId;
use super::message::Wire;
use super::shared::count_own;
use super::subs::Sub;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Items that an empty queue may keep room for: a flood leaves no memory behind.
const KEPT_ROOM: usize = 16 * 1024;
/// Items or bytes that wait from which on a publisher gives the writer time: beyond, both work on memory that is in no cache.
const CROWD: usize = 4096;
const CROWD_BYTES: u64 = 2 << 20;
/// Fewer items than these are no crowd, however large.
const FEW: usize = 4;
/// So much time. If the writer gets on slowly in it, that was all until it takes what waits: a slow server slows nobody down.
const GIVEN: Duration = Duration::from_millis(5);
/// What a writer writes in that time that is not slow.
const FAST: u64 = 256;
const FAST_BYTES: u64 = 256 << 10;
/// So long the writer's thread may wait awake for the next call of a script that makes one after the other: to be woken costs more.
const NEXT_CALL: Duration = Duration::from_micros(50);
/// Items that are worth writing at once in a flood.
const LONG_RUN: usize = 64;
/// How long the writer's thread waits for them; the system makes it some 70 us. The processor is for others meanwhile.
const NAP: Duration = Duration::from_micros(20);
/// Waits in vain after which it is tried only now and then.
const PATIENCE: u32 = 4;
/// How often then.
const SELDOM: u32 = 64;

/// One thing to tell the server, in the order in which it was asked for.
#[derive(Debug)]
pub(super) enum Item {
    /// A message.
    Publish(Wire),
    /// Begin a subscription.
    Subscribe(Arc<Sub>),
    /// Limit a subscription to its `max`.
    Limit(Arc<Sub>),
    /// End a subscription now.
    Unsubscribe(Arc<Sub>),
    /// Round trip for a ping.
    Probe(CallId),
}

/// The queue proper.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    open: bool,
    /// The writer is at work: it needs no wake.
    awake: bool,
    /// A publisher gives the writer time.
    publisher_waits: bool,
    /// One did, and in vain.
    given_up: bool,
    /// Bytes of all messages ever queued.
    queued_bytes: u64,
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
    /// Counts items written: shows whether the writer makes progress.
    written: AtomicU64,
    /// Number of items in the queue.
    waiting: AtomicUsize,
    /// Waits for a next call that were in vain, since one was not. Only the writer's thread uses it.
    in_vain: AtomicU32,
}

impl Outbox {
    /// Lets `f` push under the lock; `None` if the connection is closed.
    pub fn with<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut queue = super::lock(&self.queue);
        if !queue.open {
            return None;
        }
        let result = f(&mut queue);
        self.waiting.store(queue.items.len(), Ordering::Release);
        let wake = !queue.items.is_empty() && !std::mem::replace(&mut queue.awake, true);
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

    /// Refuses further items; what is there stays.
    pub fn shut(&self) {
        super::lock(&self.queue).open = false;
    }

    /// Refuses further items, forgets what is there and returns the number of messages lost.
    pub fn clear(&self) -> usize {
        let mut queue = super::lock(&self.queue);
        queue.open = false;
        let items = std::mem::take(&mut queue.items);
        self.gone_bytes.store(queue.queued_bytes, Ordering::Relaxed);
        self.waiting.store(0, Ordering::Relaxed);
        drop(queue);
        let lost = |i: &&Item| matches!(i, Item::Publish(_));
        items.iter().filter(lost).count()
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

    /// Whether more waits than the writer should be given at once.
    pub fn is_crowded(&self, queue: &Queue) -> bool {
        let items = queue.items.len();
        !queue.given_up && (items >= CROWD || items >= FEW && self.bytes_of(queue) >= CROWD_BYTES)
    }

    /// Gives the writer a moment to take what waits.
    pub fn give_time(&self) {
        let (items, bytes) = (self.progress(), self.gone_bytes.load(Ordering::Relaxed));
        let mut queue = super::lock(&self.queue);
        queue.publisher_waits = true;
        let untaken = |queue: &mut Queue| queue.publisher_waits && queue.open && !queue.items.is_empty();
        let (mut queue, waited) = self.taken.wait_timeout_while(queue, GIVEN, untaken).unwrap_or_else(PoisonError::into_inner);
        queue.publisher_waits = false;
        let fast = self.progress() - items >= FAST || self.gone_bytes.load(Ordering::Relaxed) - bytes >= FAST_BYTES;
        queue.given_up = waited.timed_out() && !fast;
    }

    /// Number of items written so far.
    pub fn progress(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Takes all that waits. The rest goes back when the batch is dropped.
    pub fn take(&self) -> Batch<'_> {
        let mut queue = super::lock(&self.queue);
        let items = std::mem::take(&mut queue.items);
        queue.given_up = false;
        self.waiting.store(0, Ordering::Relaxed);
        drop(queue);
        Batch { outbox: self, items }
    }

    /// Waits until something may have been pushed. In a flood more is on its way: to wait for some of it costs less than to
    /// sleep, be woken, and write a few at a time.
    pub async fn pushed(&self, flood: bool) {
        if flood {
            // The tasks that share this thread have their turns first.
            tokio::task::yield_now().await;
            if self.waiting.load(Ordering::Acquire) < LONG_RUN {
                std::thread::sleep(NAP);
            }
        }
        if self.fall_asleep() {
            self.poked().await;
        }
    }

    /// From now on a push wakes the writer; false if something is there already.
    fn fall_asleep(&self) -> bool {
        let mut queue = super::lock(&self.queue);
        queue.awake = !queue.items.is_empty();
        !queue.awake
    }

    /// The last answer has gone to a script, which may have the next call ready at once: stays awake for it, if it is of use.
    pub fn linger(&self) {
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        if in_vain >= PATIENCE && !in_vain.is_multiple_of(SELDOM) {
            self.in_vain.store(in_vain.wrapping_add(1), Ordering::Relaxed);
            return;
        }
        let end = Instant::now() + NEXT_CALL;
        while self.waiting.load(Ordering::Acquire) == 0 {
            if Instant::now() >= end {
                self.in_vain.store(in_vain.wrapping_add(1), Ordering::Relaxed);
                return;
            }
            std::thread::yield_now();
        }
        self.in_vain.store(0, Ordering::Relaxed);
    }

    /// Waits for [`Outbox::poke`].
    pub async fn poked(&self) {
        self.wake.notified().await;
    }

    /// Wakes the writer, for changes other than a push.
    pub fn poke(&self) {
        self.wake.notify_one();
    }
}

impl Queue {
    /// Appends an item.
    pub fn push(&mut self, item: Item) {
        if let Item::Publish(wire) = &item {
            self.queued_bytes += wire.size() as u64;
        }
        self.items.push_back(item);
    }
}

/// Items the writer is at. What it did not write goes back to the front of the queue.
pub(super) struct Batch<'a> {
    outbox: &'a Outbox,
    items: VecDeque<Item>,
}

impl Batch<'_> {
    /// Number of items left.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Refills an empty batch, keeping its memory; false if nothing waits.
    pub fn refill(&mut self) -> bool {
        if self.items.is_empty() {
            if self.items.capacity() > KEPT_ROOM {
                self.items = VecDeque::new();
            }
            let mut queue = super::lock(&self.outbox.queue);
            std::mem::swap(&mut queue.items, &mut self.items);
            self.outbox.waiting.store(0, Ordering::Relaxed);
            queue.given_up = false;
            if std::mem::take(&mut queue.publisher_waits) {
                drop(queue);
                self.outbox.taken.notify_all();
            }
        }
        !self.items.is_empty()
    }

    /// Takes the item at the front; it counts as written.
    pub fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        if let Item::Publish(wire) = &item {
            count_own(&self.outbox.gone_bytes, wire.size() as u64);
        }
        count_own(&self.outbox.written, 1);
        Some(item)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.items.is_empty() {
            return;
        }
        let mut queue = super::lock(&self.outbox.queue);
        self.items.append(&mut queue.items);
        queue.items = std::mem::take(&mut self.items);
        self.outbox.waiting.store(queue.items.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Outgoing;
    use super::*;

    fn push(o: &Outbox, text: &'static str) {
        let wire = Wire::new(Outgoing {
            subject: "s".into(),
            reply: None,
            headers: None,
            payload: bytes::Bytes::from_static(text.as_bytes()),
        });
        o.with(|q| q.push(Item::Publish(wire.unwrap()))).unwrap();
    }

    fn next(b: &mut Batch) -> Vec<u8> {
        match b.pop() {
            Some(Item::Publish(w)) => w.into_inner().payload.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rest_goes_back_in_order() {
        let o = Outbox::default();
        assert!(o.with(|_| ()).is_none());
        o.open();
        push(&o, "1");
        push(&o, "22");
        assert_eq!(o.bytes(), 5);
        let mut b = o.take();
        push(&o, "3");
        assert_eq!(next(&mut b), b"1");
        drop(b);
        assert_eq!(o.bytes(), 5);
        let mut b = o.take();
        assert_eq!(b.items.len(), 2);
        assert_eq!(next(&mut b), b"22");
        assert_eq!(next(&mut b), b"3");
        assert!(!b.refill());
        push(&o, "4");
        assert!(b.refill());
        drop(b);
        assert_eq!(o.progress(), 3);
        assert_eq!(o.clear(), 1);
        assert_eq!(o.bytes(), 0);
        assert!(o.with(|_| ()).is_none());
    }

    #[test]
    fn a_crowd_waits_once() {
        let o = Outbox::default();
        o.open();
        let crowded = || o.with(|q| o.is_crowded(q)).unwrap();
        (0..CROWD - 1).for_each(|_| push(&o, "1"));
        assert!(!crowded());
        push(&o, "1");
        assert!(crowded());
        // Nobody takes anything.
        o.give_time();
        assert!(!crowded());
        let mut b = o.take();
        while b.pop().is_some() {}
        (0..CROWD).for_each(|_| push(&o, "1"));
        assert!(crowded());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(b.refill()));
            o.give_time();
        });
        assert!(!crowded());
        (0..CROWD).for_each(|_| push(&o, "1"));
        assert!(crowded());
    }
}
