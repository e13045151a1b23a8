//! The one place where panics are stopped, on either thread: none may cross into C, and none may be lost.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether panics of this thread are being caught here.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Text and place of the panic that is being caught.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// A panic that is caught becomes an error, which has its text and place: nothing is to be written to stderr as well.
fn hook() {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if CATCHING.get() {
                CAUGHT.set(Some(words(info)));
            } else {
                before(info);
            }
        }));
    });
}

fn words(info: &PanicHookInfo) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("panic");
    match info.location() {
        Some(place) => format!("{text} ({}:{})", place.file(), place.line()),
        None => text.to_string(),
    }
}

/// Runs `f`; a panic comes back as its text and place.
pub fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    hook();
    let outer = CATCHING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(outer);
    outcome.map_err(|_| CAUGHT.take().unwrap_or_else(|| "panic".to_string()))
}

/// Runs `f` where nobody can be told of a panic; the fallback is the result then.
pub fn guarded<T>(fallback: T, f: impl FnOnce() -> T) -> T {
    caught(f).unwrap_or(fallback)
}
