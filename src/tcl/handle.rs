//! TclOO objects that are kept beyond a call.

use std::cell::Cell;
use std::rc::Rc;

use super::interp::Interp;
use super::lent::none_lent;
use super::obj::Obj;
use super::script::note_script;
use super::slots::{oo, stub};
use super::sys;

/// An object that may have been deleted meanwhile.
pub struct Handle {
    object: sys::Tcl_Object,
    present: Rc<Cell<bool>>,
}

impl Handle {
    /// A handle of a live object; `present` is cleared before its memory goes.
    pub(super) fn new(object: sys::Tcl_Object, present: Rc<Cell<bool>>) -> Handle {
        Handle { object, present }
    }

    /// Whether the object is there.
    pub fn is_present(&self) -> bool {
        // SAFETY: as long as its state is, the object's memory is there.
        self.present.get() && unsafe { oo!(tcl_ObjectDeleted(self.object)) == 0 }
    }

    /// Full name of the object's command; empty if the object is gone.
    pub fn name(&self, interp: Interp) -> Obj {
        if !self.is_present() {
            return Obj::empty();
        }
        // SAFETY: live object and interpreter.
        unsafe { Obj::from_raw(oo!(tcl_GetObjectName(interp.as_ptr(), self.object))) }
    }

    /// Destroys the object, as its method `destroy` would.
    pub fn destroy(&self, interp: Interp) {
        if self.is_present() {
            none_lent();
            // Destructors of subclasses may run, and traces.
            note_script();
            // SAFETY: live object and interpreter.
            unsafe { stub!(tcl_DeleteCommandFromToken(interp.as_ptr(), oo!(tcl_GetObjectCommand(self.object)))) };
        }
    }
}
