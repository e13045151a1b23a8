//! Objects that die with the object that they were made from.

use std::cell::{Cell, RefCell};

use crate::tcl::{Handle, Home};

/// The children of an object.
#[derive(Default)]
pub(crate) struct Family {
    children: RefCell<Vec<Handle>>,
    ended: Cell<bool>,
}

impl Family {
    /// Makes the object one that dies with the family; false if the family has ended, in which case it dies at once.
    pub(crate) fn adopt(&self, home: &Home, child: Handle) -> bool {
        self.children.borrow_mut().retain(Handle::is_present);
        self.children.borrow_mut().push(child);
        if self.ended.get() {
            self.end(home);
        }
        !self.ended.get()
    }

    /// Destroys the children that are left, the youngest first.
    pub(crate) fn end(&self, home: &Home) {
        self.ended.set(true);
        loop {
            // One by one: destroying one may destroy another.
            let child = self.children.borrow_mut().pop();
            let Some(child) = child else { return };
            // When the interpreter is deleted, they are deleted with it.
            if let Some(kept) = home.live() {
                child.destroy(kept.interp());
            }
        }
    }
}
