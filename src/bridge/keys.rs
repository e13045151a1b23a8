//! Values that every message needs, made only once.

use std::cell::{Cell, RefCell};

use crate::tcl::Obj;

type Known = RefCell<Vec<(&'static str, &'static Obj)>>;

thread_local! {
    /// Values of the thread, made once and never freed: Tcl may be gone when the thread's storage is freed.
    static KEYS: Cell<Option<&'static Known>> = const { Cell::new(None) };
}

/// The value of a key, the same one at each call of a thread. For the few keys of frequent dicts only.
pub(crate) fn key(name: &'static str) -> &'static Obj {
    let keys = KEYS.get().unwrap_or_else(|| {
        let keys: &'static Known = Box::leak(Box::default());
        KEYS.set(Some(keys));
        keys
    });
    let mut keys = keys.borrow_mut();
    // The name is a constant: its address tells it.
    if let Some((_, value)) = keys.iter().find(|(known, _)| std::ptr::eq(*known, name)) {
        return value;
    }
    let value: &'static Obj = Box::leak(Box::new(Obj::text(name)));
    keys.push((name, value));
    value
}

/// 0 or 1.
pub(crate) fn truth(b: bool) -> Obj {
    key(if b { "1" } else { "0" }).clone()
}
