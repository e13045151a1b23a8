//! How long threads wait, and how they wait: awake, napping or asleep. Each figure was measured (`bench/PROFILE.md`).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Number of frames from which on a publisher gives the writer time: beyond, both work on memory that is in no cache.
const CROWD: usize = 4096;
/// The same in bytes.
const CROWD_BYTES: u64 = 2 << 20;
/// Number of frames below which there is no crowd, however large they are.
const FEW: usize = 4;

/// Time that a publisher gives. If the writer gets on slowly in it, that was all until it takes what waits: a slow server slows
/// nobody down.
pub const GIVEN: Duration = Duration::from_millis(5);
/// Number of frames that a writer writes in that time that is not slow.
const FAST: u64 = 256;
/// The same in bytes.
const FAST_BYTES: u64 = 256 << 10;

/// Number of frames that are worth writing at once in a flood.
pub const LONG_RUN: usize = 64;
/// Time that the writer's thread waits for them; the system makes it some 70 us. The processor is for others meanwhile.
pub const NAP: Duration = Duration::from_micros(20);

/// Time that the I/O thread stays awake for the next call of a script that makes one after the other: to be woken costs more.
const NEXT_CALL: Duration = Duration::from_micros(50);
/// Number of waits without a next call after which it is tried only now and then.
const PATIENCE: u32 = 4;
/// How often then.
const SELDOM: u32 = 64;

/// Number of frames in [`FLOOD_TIME`] that are a flood.
const FLOOD: usize = 64;
/// The time they come in.
const FLOOD_TIME: Duration = Duration::from_millis(1);

/// Whether so much waits that a publisher should give the writer time.
pub fn is_crowd(frames: usize, bytes: u64) -> bool {
    frames >= CROWD || frames >= FEW && bytes >= CROWD_BYTES
}

/// Whether the writer got on while a publisher gave it time.
pub fn is_fast(frames: u64, bytes: u64) -> bool {
    frames >= FAST || bytes >= FAST_BYTES
}

/// How fast frames come.
#[derive(Debug)]
pub struct Pace {
    since: Instant,
    frames: usize,
    flood: bool,
}

impl Pace {
    /// Nothing has come yet.
    pub fn new(now: Instant) -> Pace {
        Pace { since: now, frames: 0, flood: false }
    }

    /// So many have come.
    pub fn count(&mut self, frames: usize) {
        self.frames += frames;
    }

    /// Whether so many come that they had better be written together.
    pub fn is_flood(&mut self, now: Instant) -> bool {
        let time = now.duration_since(self.since);
        if self.frames >= FLOOD || time >= FLOOD_TIME {
            self.flood = self.frames >= FLOOD && time < FLOOD_TIME;
            (self.since, self.frames) = (now, 0);
        }
        self.flood
    }
}

/// A short wait awake, which is tried less often where it was of no use lately.
#[derive(Debug, Default)]
pub struct Linger {
    /// Waits without success since the last one that had it.
    useless: AtomicU32,
}

impl Linger {
    /// Waits awake until `come`, giving the processor to others at each look.
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
    fn floods() {
        let start = Instant::now();
        let at = |us| start + Duration::from_micros(us);
        let mut pace = Pace::new(start);
        pace.count(FLOOD);
        assert!(pace.is_flood(at(500)));
        pace.count(1);
        assert!(pace.is_flood(at(600)), "it lasts until a time without one is over");
        assert!(!pace.is_flood(at(1600)));
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
