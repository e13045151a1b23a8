//! Whether scripts have run: what paces the delivery of items.

use std::cell::Cell;

thread_local! {
    static SCRIPTS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what scripts of this thread were let see: a change tells that a script ran or goes on.
pub fn scripts() -> u64 {
    SCRIPTS.get()
}

/// A script of this thread runs now, or will when the present event is over: no further item belongs into it.
pub fn note_script() {
    SCRIPTS.set(SCRIPTS.get().wrapping_add(1));
}
