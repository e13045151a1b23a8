//! Whether a call that waits for the server keeps its processor for a moment before it sleeps.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::delivery;
use crate::tcl::wait::Pause;

/// So long a waiting call may stay awake. An answer from a near server comes sooner, and to be woken on top of it costs
/// a fifth of a round trip.
const AWAKE: Duration = Duration::from_micros(400);
const FULL: u8 = 8;
const ENOUGH: u8 = 4;

thread_local! {
    static LUCK: Cell<Luck> = const { Cell::new(Luck(ENOUGH)) };
}

/// How the latest waits went: a far or busy server soon costs no processor time at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Luck(u8);

impl Luck {
    fn good(self) -> bool {
        self.0 >= ENOUGH
    }

    fn after(self, wait: Duration) -> Luck {
        if wait <= AWAKE { Luck((self.0 + 1).min(FULL)) } else { Luck(self.0.saturating_sub(2)) }
    }
}

/// For [`crate::tcl::wait::wait`].
pub static PAUSE: Pause = Pause { awake_until, stay_awake: delivery::linger, over: learn };

fn awake_until(since: Instant) -> Option<Instant> {
    LUCK.get().good().then(|| since + AWAKE)
}

fn learn(since: Instant) {
    LUCK.set(LUCK.get().after(since.elapsed()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far_servers() {
        let (near, far) = (Duration::from_micros(200), Duration::from_millis(2));
        let mut luck = Luck(ENOUGH);
        assert!(luck.good());
        luck = luck.after(far);
        assert!(!luck.good());
        luck = luck.after(near).after(near);
        assert!(luck.good());
        for _ in 0..100 {
            luck = luck.after(near);
        }
        assert!(luck.after(far).after(far).good());
        assert!(!luck.after(far).after(far).after(far).good());
    }
}
