//! Variables that only this library writes (TraceVar(3)).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::rc::Rc;

use super::error::Result;
use super::interp::Interp;
use super::obj::Obj;
use super::slots::stub;
use super::sys;
use super::trampoline::guarded;

/// A guard over variables: what scripts write is refused and undone, what they unset comes back; only [`Guard::set`] changes
/// them.
pub struct Guard {
    open: Cell<bool>,
    /// Whether the variables are being deleted with their owner, so that nothing is refused any more.
    retired: Cell<bool>,
    /// Values of the variables, by full name and element, since a refused write has already replaced the value.
    values: RefCell<HashMap<(String, Option<String>), Obj>>,
}

impl Guard {
    /// A guard over nothing yet.
    pub fn new() -> Rc<Guard> {
        Rc::new(Guard { open: Cell::new(false), retired: Cell::new(false), values: RefCell::default() })
    }

    /// Sets a variable by its full name, or an element of an array; traces of scripts fire.
    pub fn set(&self, interp: Interp, name: &str, key: Option<&str>, value: &Obj) -> Result<()> {
        self.values.borrow_mut().insert((name.to_string(), key.map(str::to_string)), value.clone());
        let before = self.open.replace(true);
        let out = interp.set_global(name, key, value);
        self.open.set(before);
        out
    }

    /// Removes an element of an array.
    pub fn unset(&self, interp: Interp, name: &str, key: &str) {
        self.values.borrow_mut().remove(&(name.to_string(), Some(key.to_string())));
        let before = self.open.replace(true);
        interp.unset_global(name, Some(key));
        self.open.set(before);
    }

    /// Gives the variables up.
    pub fn retire(&self) {
        self.retired.set(true);
    }

    /// Restores the value of a variable, or of an element of an array.
    fn restore(&self, interp: Interp, name: &str, key: Option<&str>) {
        let values: Vec<_> = self
            .values
            .borrow()
            .iter()
            .filter(|((of, element), _)| of == name && (key.is_none() || element.as_deref() == key))
            .map(|((_, element), value)| (element.clone(), value.clone()))
            .collect();
        for (element, value) in values {
            // An error would come from a namespace that is being deleted, and the variable with it.
            let _ = self.set(interp, name, element.as_deref(), &value);
        }
    }

    /// Puts a variable or array, which exists, under the guard.
    pub fn protect(self: &Rc<Self>, interp: Interp, name: &str) {
        let Ok(c_name) = CString::new(name) else { return };
        let data = Box::new(Traced { guard: Rc::clone(self), name: name.to_string() });
        let data = Box::into_raw(data).cast();
        let flags = (sys::TCL_GLOBAL_ONLY | sys::TCL_TRACE_WRITES | sys::TCL_TRACE_UNSETS) as c_int;
        // SAFETY: the trace's data is freed by `traced` when the variable goes.
        unsafe { stub!(tcl_TraceVar2(interp.as_ptr(), c_name.as_ptr(), std::ptr::null(), flags, Some(traced), data)) };
    }
}

struct Traced {
    guard: Rc<Guard>,
    name: String,
}

unsafe extern "C" fn traced(
    data: *mut c_void,
    interp: *mut sys::Tcl_Interp,
    _part1: *const c_char,
    part2: *const c_char,
    flags: c_int,
) -> *mut c_char {
    let unset = flags & sys::TCL_TRACE_UNSETS as c_int != 0;
    // SAFETY: live while the trace is; Tcl hands over live strings and interpreter.
    let (traced, key, interp) = unsafe {
        let key = (!part2.is_null()).then(|| CStr::from_ptr(part2).to_string_lossy().into_owned());
        (&*data.cast::<Traced>(), key, Interp::from_raw(interp))
    };
    let guard = Rc::clone(&traced.guard);
    let name = traced.name.clone();
    let leaving = guard.retired.get() || interp.is_deleted();
    if unset && key.is_none() && flags & sys::TCL_TRACE_DESTROYED as c_int != 0 {
        // SAFETY: the trace is gone with the variable; nobody else has the data.
        drop(unsafe { Box::from_raw(data.cast::<Traced>()) });
        if !leaving {
            guarded((), || {
                guard.restore(interp, &name, None);
                guard.protect(interp, &name);
            });
        }
        return std::ptr::null_mut();
    }
    if leaving || guard.open.get() {
        return std::ptr::null_mut();
    }
    guarded((), || {
        let known = guard.values.borrow().contains_key(&(name.clone(), key.clone()));
        if known {
            guard.restore(interp, &name, key.as_deref());
        } else if !unset {
            interp.unset_global(&name, key.as_deref());
        }
    });
    if unset {
        return std::ptr::null_mut();
    }
    c"variable is read-only".as_ptr().cast_mut()
}
