//! Callbacks of an object, at global level.

use std::cell::Cell;
use std::rc::Rc;

use crate::tcl::{Home, Obj};

/// Runs the callbacks of one object.
pub(crate) struct Callbacks {
    home: Rc<Home>,
    /// Words of the callback that runs next: kept, so that a message costs no allocation for them.
    words: Cell<Vec<Obj>>,
    /// An empty value, the reply subject of most messages.
    empty: Obj,
}

impl Callbacks {
    /// Callbacks in this interpreter.
    pub(crate) fn new(home: &Rc<Home>) -> Callbacks {
        Callbacks { home: Rc::clone(home), words: Cell::default(), empty: Obj::empty() }
    }

    /// An empty value.
    pub(crate) fn empty(&self) -> &Obj {
        &self.empty
    }

    /// Runs a command prefix with these arguments; its errors go to the background error handler. Nothing happens if the
    /// interpreter is gone.
    pub(crate) fn run(&self, prefix: &[Obj], args: impl IntoIterator<Item = Obj>) {
        let Some(kept) = self.home.live() else { return };
        let mut words = self.words.take();
        words.extend_from_slice(prefix);
        words.extend(args);
        kept.interp().call_back(&words);
        words.clear();
        self.words.set(words);
    }
}
