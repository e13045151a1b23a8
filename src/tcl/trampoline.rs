//! The one place where panics are stopped: none may cross into C.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Panics of this thread are caught here at the moment.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// A panic that is caught becomes an error: nothing is to be written to stderr as well.
fn quiet() {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                before(info);
            }
        }));
    });
}

/// Runs `f`; a panic comes back as its text.
pub fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    quiet();
    let outer = CATCHING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(outer);
    outcome.map_err(|payload| {
        if let Some(text) = payload.downcast_ref::<&str>() {
            text.to_string()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "panic".to_string()
        }
    })
}

/// Runs `f` where there is nobody to tell of a panic; then the fallback is the result.
pub fn guarded<T>(fallback: T, f: impl FnOnce() -> T) -> T {
    caught(f).unwrap_or(fallback)
}
