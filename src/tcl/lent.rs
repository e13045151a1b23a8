//! Bytes of values lent to Rust code: meanwhile no value of the thread may be converted to another type, which would
//! free them, and no script may run.

use std::cell::Cell;

thread_local! {
    static LENT: Cell<u32> = const { Cell::new(0) };
}

/// Bytes are lent while this exists.
pub(super) struct Lent(());

impl Lent {
    pub(super) fn new() -> Lent {
        LENT.set(LENT.get() + 1);
        Lent(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        LENT.set(LENT.get() - 1);
    }
}

/// Checks that no bytes are lent; called before anything that may convert a value or run a script.
///
/// # Panics
/// While bytes are lent.
pub(super) fn none_lent() {
    assert!(LENT.get() == 0, "a value is used while bytes of one are looked at");
}
