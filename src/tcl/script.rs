//! Whether scripts have run, which paces the delivery of items.

use std::cell::Cell;

thread_local! {
    static SCRIPTS: Cell<u64> = const { Cell::new(0) };
}

/// Count of the occasions on which scripts of this thread ran: a change tells that one ran or goes on.
pub fn scripts() -> u64 {
    SCRIPTS.get()
}

/// Notes that a script of this thread runs now, or will after the present event: no further item may be handled in this event.
pub fn note_script() {
    SCRIPTS.set(SCRIPTS.get().wrapping_add(1));
}
