//! How the Tcl thread waits, and how long work may keep it: pure, the time is handed in. The threads of the engine have
//! `engine/pace`. Each figure was measured; bench/PROFILE.md has the details.

use std::time::Duration;

/// Time for which callbacks may follow each other before timers and files get their turn: without it, a flood starves them. With
/// 5 ms, receiving was 4 % faster: not worth it.
pub(crate) const SLICE: Duration = Duration::from_millis(1);

/// Time between two looks at timers and files in calls that poll instead of sleeping.
pub(crate) const LOOK: Duration = Duration::from_millis(3);

/// Number of items in a row after which more are expected in a mailbox.
pub(crate) const LONG_RUN: u32 = 64;

/// Time to wait for them without sleeping: about the cost of a sleep and a wake of a Tcl thread.
pub(crate) const LINGER: Duration = Duration::from_micros(30);

/// Number of completions that may precede waiting messages: a script that asks again in each callback would starve them.
pub(crate) const BURST: u32 = 16;

/// Time that a waiting call may poll before it sleeps. The answer of a near server comes sooner, and being woken would cost a
/// fifth of a round trip on top of it. Together with the I/O thread's wait for the next call it took synchronous calls from 1.39
/// times the time of async-nats to about the same.
const AWAKE: Duration = Duration::from_micros(400);

/// Greatest value of [`Luck`].
const FULL: u8 = 8;

/// Value of [`Luck`] from which a call polls.
const ENOUGH: u8 = 4;

/// How the latest waits of a thread went, so that a far or busy server soon costs no processor time at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Luck(u8);

impl Luck {
    /// A thread that has not waited yet.
    pub(crate) const fn new() -> Luck {
        Luck(ENOUGH)
    }

    /// Time that a call which begins to wait may poll; `None`: it sleeps at once.
    pub(crate) fn awake(self) -> Option<Duration> {
        (self.0 >= ENOUGH).then_some(AWAKE)
    }

    /// The luck after a wait of this time.
    pub(crate) fn after(self, wait: Duration) -> Luck {
        if wait <= AWAKE { Luck((self.0 + 1).min(FULL)) } else { Luck(self.0.saturating_sub(2)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far_servers() {
        let (near, far) = (Duration::from_micros(200), Duration::from_millis(2));
        let mut luck = Luck::new();
        assert_eq!(luck.awake(), Some(AWAKE));
        luck = luck.after(far);
        assert_eq!(luck.awake(), None);
        luck = luck.after(near).after(near);
        assert_eq!(luck.awake(), Some(AWAKE));
        for _ in 0..100 {
            luck = luck.after(near);
        }
        assert_eq!(luck.after(far).after(far).awake(), Some(AWAKE));
        assert_eq!(luck.after(far).after(far).after(far).awake(), None);
    }
}
