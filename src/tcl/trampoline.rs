//! The one place where panics are stopped: none may cross into C.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; a panic comes back as its text.
pub fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
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
