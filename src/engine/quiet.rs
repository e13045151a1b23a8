//! Keeps panics of the wire library off stderr, and tells that they happened.

use once_cell::sync::Lazy;
use std::cell::Cell;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Loud,
    Quiet,
    Panicked,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Loud) };
}

/// The process-wide hook: silent on our I/O threads, as before elsewhere.
static HOOK: Lazy<()> = Lazy::new(|| {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if MODE.try_with(Cell::get) == Ok(Mode::Loud) {
            before(info);
        } else {
            let _ = MODE.try_with(|m| m.set(Mode::Panicked));
        }
    }));
});

/// Makes the calling thread's panics silent.
pub(super) fn enter() {
    Lazy::force(&HOOK);
    MODE.with(|m| m.set(Mode::Quiet));
}

/// Whether a panic happened on this thread since the last call.
pub(super) fn take_panic() -> bool {
    MODE.with(|m| {
        let panicked = m.get() == Mode::Panicked;
        if panicked {
            m.set(Mode::Quiet);
        }
        panicked
    })
}
