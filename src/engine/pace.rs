//! How publishers and the I/O thread wait, and for how long: polling or asleep. Pure: the time is handed in. The Tcl thread has
//! `rules/pace`. Each figure was measured (bench/PROFILE.md).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Number of waiting frames at which a publisher gives the writer time: with more, both work on memory that is in no cache. In
/// the build of 2026-11-23, together with naps of the writer, it took publishing from 0.52 to 0.57 of async-nats's speed, and the
/// peak memory of a flood from 150 to 11 MiB.
const CROWD: usize = 4096;
/// The same in bytes.
const CROWD_BYTES: u64 = 2 << 20;
/// Number of frames below which a publisher never waits, however large they are.
const FEW: usize = 4;

/// Time that a publisher gives. If the writer is slow meanwhile, it gets no more until it has taken the waiting frames: a slow
/// server slows nobody down.
pub const GIVEN: Duration = Duration::from_millis(5);
/// Number of frames that a writer must write in that time not to be slow.
const FAST: u64 = 256;
/// The same in bytes.
const FAST_BYTES: u64 = 256 << 10;

/// Number of messages for which the writer is woken in a flood: written together, they cost it and the server half as much per
/// message as a tenth of them.
const MANY_MESSAGES: usize = 512;
/// Greatest number of calls for which it is woken.
const MANY_CALLS: usize = 64;
/// Divisor of the number of calls in flight that gives the number for which it is woken: calls take longer by that share at most.
const SHARE: usize = 8;
/// Number of bytes for which it is woken in any case.
const MANY_BYTES: usize = 64 << 10;
/// Time after which it writes whatever there is. Tokio's clock makes it one or two milliseconds.
pub const TAIL: Duration = Duration::from_millis(1);

/// Time for which the I/O thread polls for the next call of a script that makes one after the other: being woken costs more.
const NEXT_CALL: Duration = Duration::from_micros(50);
/// Number of such waits without a call after which it polls only now and then.
const PATIENCE: u32 = 4;
/// Number of waits of which it then polls in one.
const SELDOM: u32 = 64;

/// Greatest time that a close gives calls under way whose effects have to be undone.
const SETTLING: Duration = Duration::from_secs(5);
/// Time without an answer after which it gives no more: a busy disk has held a server up for more than half a second.
const STILL: Duration = Duration::from_secs(2);

/// Number of messages in [`FLOOD_TIME`] that make a flood.
const FLOOD: usize = 64;
/// Number of calls in that time that make a flood.
const FLOOD_OF_CALLS: usize = 16;
/// Time in which they come.
const FLOOD_TIME: Duration = Duration::from_millis(1);

/// Whether so much waits that a publisher should give the writer time.
pub fn is_crowd(frames: usize, bytes: u64) -> bool {
    frames >= CROWD || frames >= FEW && bytes >= CROWD_BYTES
}

/// Whether enough waits to wake the writer, which sleeps until there are `worth` frames.
pub fn is_worth_a_wake(worth: usize, frames: usize, bytes: usize) -> bool {
    frames > 0 && (frames >= worth || bytes >= MANY_BYTES)
}

/// Whether a close need not wait for calls any more: `left` of them, `still` since the last answer, `all` since it began.
pub fn is_settled(left: usize, still: Duration, all: Duration) -> bool {
    left == 0 || still >= STILL || all >= SETTLING
}

/// Whether the writer was fast while a publisher gave it time.
pub fn is_fast(frames: u64, bytes: u64) -> bool {
    frames >= FAST || bytes >= FAST_BYTES
}

/// The rate at which frames come.
#[derive(Debug)]
pub struct Pace {
    since: Instant,
    messages: usize,
    calls: usize,
    flood: Flood,
}

/// What comes in such numbers that it is better written together.
#[derive(Clone, Copy, Debug)]
enum Flood {
    None,
    /// Nobody waits for an answer to one.
    Messages,
    /// Their answers lead to further ones.
    Calls,
}

impl Pace {
    /// Nothing has come yet.
    pub fn new(now: Instant) -> Pace {
        Pace { since: now, messages: 0, calls: 0, flood: Flood::None }
    }

    /// Counts frames that have come, and the calls among them.
    pub fn count(&mut self, frames: usize, calls: usize) {
        self.messages += frames - calls;
        self.calls += calls;
    }

    /// Number of frames for which the writer is to be woken from now on, with `in_flight` calls under way.
    pub fn worth_a_wake(&mut self, now: Instant, in_flight: usize) -> usize {
        let time = now.duration_since(self.since);
        let (messages, calls) = (self.messages >= FLOOD, self.calls >= FLOOD_OF_CALLS);
        if messages || calls || time >= FLOOD_TIME {
            self.flood = match (time < FLOOD_TIME, calls) {
                (true, true) => Flood::Calls,
                (true, false) => Flood::Messages,
                (false, _) => Flood::None,
            };
            (self.since, self.messages, self.calls) = (now, 0, 0);
        }
        match self.flood {
            Flood::None => 1,
            Flood::Messages => MANY_MESSAGES,
            Flood::Calls => (in_flight / SHARE).clamp(1, MANY_CALLS),
        }
    }
}

/// Polling for a short time, which is tried less often if it was of no use lately.
#[derive(Debug, Default)]
pub struct Linger {
    /// Number of waits without success since the last successful one.
    useless: AtomicU32,
}

impl Linger {
    /// Polls until `come`, yielding the processor to others each time.
    pub fn wait_for(&self, come: impl Fn() -> bool) {
        let useless = self.useless.load(Ordering::Relaxed);
        if useless >= PATIENCE && !useless.is_multiple_of(SELDOM) {
            self.useless.store(useless.wrapping_add(1), Ordering::Relaxed);
            return;
        }
        let end = Instant::now() + NEXT_CALL;
        while !come() {
            if Instant::now() >= end {
                self.useless.store(useless.wrapping_add(1), Ordering::Relaxed);
                return;
            }
            std::thread::yield_now();
        }
        self.useless.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowds() {
        assert!(is_crowd(CROWD, 0) && !is_crowd(CROWD - 1, CROWD_BYTES - 1));
        assert!(is_crowd(FEW, CROWD_BYTES) && !is_crowd(FEW - 1, u64::MAX));
        assert!(is_fast(FAST, 0) && is_fast(0, FAST_BYTES) && !is_fast(FAST - 1, FAST_BYTES - 1));
    }

    #[test]
    fn wakes() {
        assert!(is_worth_a_wake(1, 1, 0) && !is_worth_a_wake(1, 0, 0));
        assert!(is_worth_a_wake(9, 9, 0) && is_worth_a_wake(9, 1, MANY_BYTES) && !is_worth_a_wake(9, 8, MANY_BYTES - 1));
    }

    #[test]
    fn a_close_waits_while_answers_come() {
        let no = Duration::ZERO;
        assert!(is_settled(0, no, no) && is_settled(1, STILL, STILL) && is_settled(1, no, SETTLING));
        assert!(!is_settled(1, STILL - Duration::from_millis(1), SETTLING - Duration::from_millis(1)));
    }

    #[test]
    fn floods() {
        let start = Instant::now();
        let at = |us| start + Duration::from_micros(us);
        let mut pace = Pace::new(start);
        pace.count(FLOOD, 0);
        assert_eq!(pace.worth_a_wake(at(500), 0), MANY_MESSAGES);
        pace.count(1, 1);
        assert_eq!(pace.worth_a_wake(at(600), 0), MANY_MESSAGES, "it lasts until a time without one is over");
        assert_eq!(pace.worth_a_wake(at(1600), 0), 1);
        pace.count(FLOOD_OF_CALLS, FLOOD_OF_CALLS);
        assert_eq!(pace.worth_a_wake(at(1700), 100), 100 / SHARE);
        assert_eq!(pace.worth_a_wake(at(1700), 10_000), MANY_CALLS);
        assert_eq!(pace.worth_a_wake(at(1700), 1), 1);
    }

    #[test]
    fn lingering_is_given_up() {
        let linger = Linger::default();
        (0..PATIENCE).for_each(|_| linger.wait_for(|| false));
        let asked = std::cell::Cell::new(false);
        linger.wait_for(|| {
            asked.set(true);
            true
        });
        assert!(!asked.get());
    }
}
