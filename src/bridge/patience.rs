//! The waits of this thread's calls, which poll for a moment before they sleep where that was of use lately.

use std::cell::Cell;
use std::time::Instant;

use super::delivery;
use crate::rules::pace::{LOOK, Luck};
use crate::tcl::wait::Pause;

thread_local! {
    static LUCK: Cell<Luck> = const { Cell::new(Luck::new()) };
}

/// Behaviour of the waits of all calls, for [`crate::tcl::wait::wait`].
pub(crate) static PAUSE: Pause = Pause { awake_until, stay_awake: delivery::linger, over: learn, look: LOOK };

fn awake_until(since: Instant) -> Option<Instant> {
    LUCK.get().awake().map(|time| since + time)
}

fn learn(since: Instant) {
    LUCK.set(LUCK.get().after(since.elapsed()));
}
