//! Values that every message needs, made only once.

use std::cell::{Cell, RefCell};

use crate::tcl::Obj;

type Entry = (&'static str, &'static Obj);

/// All keys, and for each place in memory the one of the latest name found there: the search takes longer.
#[derive(Default)]
struct Known {
    all: RefCell<Vec<Entry>>,
    near: [Cell<Option<Entry>>; 32],
}

impl Known {
    fn place(&self, name: &'static str) -> &Cell<Option<Entry>> {
        &self.near[name.as_ptr().addr() % self.near.len()]
    }
}

thread_local! {
    /// Values of the thread, made once and never freed: Tcl may be gone when the thread's storage is freed.
    static KEYS: Cell<Option<&'static Known>> = const { Cell::new(None) };
    /// The latest of the texts that often come again, kept in the same way.
    static LATEST: Cell<Option<&'static RefCell<Obj>>> = const { Cell::new(None) };
}

/// The value of a key, the same one at each call of a thread. For the few keys of frequent dicts only.
pub(crate) fn key(name: &'static str) -> &'static Obj {
    let keys = KEYS.get().unwrap_or_else(|| {
        let keys: &'static Known = Box::leak(Box::default());
        KEYS.set(Some(keys));
        keys
    });
    let place = keys.place(name);
    // The name is a constant: its address tells it.
    let is_it = |(known, _): &Entry| std::ptr::eq(*known, name);
    if let Some((_, value)) = place.get().filter(is_it) {
        return value;
    }
    let mut all = keys.all.borrow_mut();
    let entry = all.iter().copied().find(is_it).unwrap_or_else(|| {
        let entry: Entry = (name, Box::leak(Box::new(Obj::text(name))));
        all.push(entry);
        entry
    });
    place.set(Some(entry));
    entry.1
}

/// A text that often comes again, such as the subject of one message after the other: then it is the same value.
pub(crate) fn latest(text: &str) -> Obj {
    let latest = LATEST.get().unwrap_or_else(|| {
        let latest: &'static RefCell<Obj> = Box::leak(Box::new(RefCell::new(Obj::text(text))));
        LATEST.set(Some(latest));
        latest
    });
    if latest.borrow().raw_str() != text.as_bytes() {
        // Dropping a value may run code of its type.
        let gone = latest.replace(Obj::text(text));
        drop(gone);
    }
    latest.borrow().clone()
}

/// 0 or 1.
pub(crate) fn truth(b: bool) -> Obj {
    key(if b { "1" } else { "0" }).clone()
}
