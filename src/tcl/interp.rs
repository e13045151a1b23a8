//! The interpreter: results, errors, variables, evaluation.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use super::error::{Error, Result};
use super::lent::none_lent;
use super::obj::Obj;
use super::script::note_script;
use super::slots::stub;
use super::sys::{self, Code, Size};

/// An interpreter of this thread whose memory is there for `'a`: for the call that it was handed to, or while a [`Kept`] holds
/// it.
#[derive(Clone, Copy)]
pub struct Interp<'a>(NonNull<sys::Tcl_Interp>, PhantomData<&'a sys::Tcl_Interp>);

/// A hold on an interpreter's memory (Preserve(3)), even if a script deletes the interpreter meanwhile.
pub struct Kept(NonNull<sys::Tcl_Interp>);

impl Kept {
    /// The interpreter.
    pub fn interp(&self) -> Interp<'_> {
        Interp(self.0, PhantomData)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: preserved when this was made.
        unsafe { stub!(tcl_Release(self.0.as_ptr().cast())) };
    }
}

/// An interpreter that may be deleted meanwhile, which [`Home::live`] tells. It is not preserved, since that would put off its
/// end.
pub struct Home {
    interp: NonNull<sys::Tcl_Interp>,
    /// Cleared when Tcl frees the interpreter.
    present: Cell<bool>,
}

impl Home {
    /// Remembers `interp` and asks to be told of its end (CallDel(3)).
    pub fn new(interp: Interp) -> Rc<Home> {
        let home = Rc::new(Home { interp: interp.0, present: Cell::new(true) });
        let data = Rc::as_ptr(&home).cast_mut().cast();
        // SAFETY: withdrawn in drop, so the pointer is live whenever Tcl calls.
        unsafe { stub!(tcl_CallWhenDeleted(interp.as_ptr(), Some(interp_deleted), data)) };
        home
    }

    /// The interpreter, unless it has been deleted; kept until the result is dropped.
    pub fn live(&self) -> Option<Kept> {
        if !self.present.get() {
            return None;
        }
        // Its memory exists until its end is told, and then as long as the result.
        let interp = Interp(self.interp, PhantomData);
        (!interp.is_deleted()).then(|| interp.keep())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.present.get() {
            let data = std::ptr::from_ref(self).cast_mut().cast();
            // SAFETY: the interpreter's memory is there as long as its end was not told.
            unsafe { stub!(tcl_DontCallWhenDeleted(self.interp.as_ptr(), Some(interp_deleted), data)) };
        }
    }
}

unsafe extern "C" fn interp_deleted(data: *mut c_void, _interp: *mut sys::Tcl_Interp) {
    // SAFETY: see `Home::new`.
    unsafe { &*data.cast::<Home>() }.present.set(false);
}

fn c_string(s: &str) -> CString {
    CString::new(s.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

/// Tcl's own error for a script that ends neither well nor with an error.
fn unexpected(code: Code) -> Error {
    let text = match code {
        sys::BREAK => "invoked \"break\" outside of a loop".to_string(),
        sys::CONTINUE => "invoked \"continue\" outside of a loop".to_string(),
        other => format!("command returned bad code: {other}"),
    };
    Error::new(text, &["TCL", "UNEXPECTED_RESULT_CODE", &code.to_string()])
}

impl<'a> Interp<'a> {
    /// Wraps what Tcl handed to a C function.
    ///
    /// # Safety
    /// `interp` is an interpreter of this thread whose memory is there for `'a`.
    pub unsafe fn from_raw(interp: *mut sys::Tcl_Interp) -> Interp<'a> {
        // SAFETY: not null by the caller's promise.
        Interp(unsafe { NonNull::new_unchecked(interp) }, PhantomData)
    }

    /// The C pointer.
    pub fn as_ptr(self) -> *mut sys::Tcl_Interp {
        self.0.as_ptr()
    }

    /// Holds the interpreter's memory (Preserve(3)), whatever scripts do.
    pub fn keep(self) -> Kept {
        // SAFETY: live interpreter; released when the result is dropped.
        unsafe { stub!(tcl_Preserve(self.as_ptr().cast())) };
        Kept(self.0)
    }

    /// Whether the interpreter is being or has been deleted.
    pub fn is_deleted(self) -> bool {
        // SAFETY: the memory is there for `'a`.
        unsafe { stub!(tcl_InterpDeleted(self.as_ptr())) != 0 }
    }

    /// Sets the result.
    pub fn set_result(self, value: &Obj) {
        // SAFETY: live interpreter and value.
        unsafe { stub!(tcl_SetObjResult(self.as_ptr(), value.as_ptr())) };
    }

    /// The result.
    pub fn result(self) -> Obj {
        // SAFETY: the result is always a live value.
        unsafe { Obj::from_raw(stub!(tcl_GetObjResult(self.as_ptr()))) }
    }

    /// Clears result and error state.
    pub fn reset_result(self) {
        // SAFETY: live interpreter.
        unsafe { stub!(tcl_ResetResult(self.as_ptr())) };
    }

    /// Puts an error into the interpreter and gives `TCL_ERROR`.
    pub fn raise(self, error: &Error) -> Code {
        let (message, code) = match error {
            Error::Interp => return sys::ERROR,
            Error::Raised { message, code } => (message.clone(), code.clone()),
            Error::Trouble(trouble) => trouble.words(),
        };
        self.reset_result();
        self.set_result(&Obj::text(&message));
        // SAFETY: live interpreter and value; Tcl takes a reference.
        unsafe { stub!(tcl_SetObjErrorCode(self.as_ptr(), Obj::text_list(&code).as_ptr())) };
        sys::ERROR
    }

    /// Puts an error with further return options into the interpreter.
    pub fn raise_with(self, message: &str, code: &[String], further: &[(&str, Obj)]) -> Error {
        let mut options = Obj::dict();
        options.put_text("-code", &Obj::int(i64::from(sys::ERROR)));
        options.put_text("-level", &Obj::int(0));
        options.put_text("-errorcode", &Obj::text_list(code));
        for (name, value) in further {
            options.put_text(name, value);
        }
        self.reset_result();
        self.set_result(&Obj::text(message));
        // SAFETY: live interpreter and value; Tcl takes a reference.
        unsafe { stub!(tcl_SetReturnOptions(self.as_ptr(), options.as_ptr())) };
        Error::Interp
    }

    /// The result code of the words as one command at global level.
    fn evaluate(self, words: &[Obj]) -> Code {
        none_lent();
        note_script();
        let flags = sys::TCL_EVAL_GLOBAL as i32;
        // SAFETY: `Obj` is a transparent pointer; the slice holds references for the whole evaluation.
        unsafe { stub!(tcl_EvalObjv(self.as_ptr(), words.len() as Size, words.as_ptr().cast(), flags)) }
    }

    /// Evaluates the words as one command at global level.
    pub fn call(self, words: &[Obj]) -> Result<Obj> {
        if self.evaluate(words) == sys::OK { Ok(self.result()) } else { Err(Error::Interp) }
    }

    /// The same for a command that a script gave: its `break`, `continue` and the like are errors, since there is no loop.
    pub fn ask(self, words: &[Obj]) -> Result<Obj> {
        match self.evaluate(words) {
            sys::OK => Ok(self.result()),
            sys::ERROR => Err(Error::Interp),
            other => Err(unexpected(other)),
        }
    }

    /// Evaluates the words as one command in the frame of the running command's caller.
    pub fn call_here(self, words: &[Obj]) -> Result<Obj> {
        note_script();
        // SAFETY: as in `evaluate`.
        let code = unsafe { stub!(tcl_EvalObjv(self.as_ptr(), words.len() as Size, words.as_ptr().cast(), 0)) };
        if code == sys::OK { Ok(self.result()) } else { Err(Error::Interp) }
    }

    /// The result code of a method that these words take the place of, in the frame of its caller; they may yield.
    pub fn in_place(self, words: &[Obj]) -> Code {
        note_script();
        let list = Obj::list(words);
        // SAFETY: live interpreter; Tcl holds the list until it has been evaluated.
        unsafe { stub!(tcl_NREvalObj(self.as_ptr(), list.as_ptr(), 0)) }
    }

    /// Runs a callback at global level; errors go to the background error handler (interp(n), bgerror).
    pub fn call_back(self, words: &[Obj]) {
        let code = self.evaluate(words);
        if code != sys::OK {
            // SAFETY: live interpreter.
            unsafe { stub!(tcl_BackgroundException(self.as_ptr(), code)) };
        }
    }

    /// Reports an error to the background error handler.
    pub fn background_error(self, error: &Error) {
        let code = self.raise(error);
        // SAFETY: live interpreter.
        unsafe { stub!(tcl_BackgroundException(self.as_ptr(), code)) };
    }

    /// Evaluates a script at global level.
    pub fn eval(self, script: &str) -> Result<Obj> {
        none_lent();
        note_script();
        let script = Obj::text(script);
        // SAFETY: live interpreter and value.
        let code = unsafe { stub!(tcl_EvalObjEx(self.as_ptr(), script.as_ptr(), sys::TCL_EVAL_GLOBAL as i32)) };
        if code == sys::OK { Ok(self.result()) } else { Err(Error::Interp) }
    }

    /// Sets a variable by its full name (an element of an array if `key` is given); traces fire.
    pub fn set_global(self, name: &str, key: Option<&str>, value: &Obj) -> Result<()> {
        // There may be traces.
        none_lent();
        note_script();
        let (name, key) = (c_string(name), key.map(c_string));
        let key = key.as_ref().map_or(std::ptr::null(), |k| k.as_ptr());
        let flags = (sys::TCL_GLOBAL_ONLY | sys::TCL_LEAVE_ERR_MSG) as i32;
        // SAFETY: live interpreter and value, C strings live over the call.
        let set = unsafe { stub!(tcl_SetVar2Ex(self.as_ptr(), name.as_ptr(), key, value.as_ptr(), flags)) };
        if set.is_null() { Err(Error::Interp) } else { Ok(()) }
    }

    /// Removes a variable or an element of an array; one that is not there is no error.
    pub fn unset_global(self, name: &str, key: Option<&str>) {
        // There may be traces.
        none_lent();
        note_script();
        let (name, key) = (c_string(name), key.map(c_string));
        let key = key.as_ref().map_or(std::ptr::null(), |k| k.as_ptr());
        // SAFETY: as in `set_global`.
        unsafe { stub!(tcl_UnsetVar2(self.as_ptr(), name.as_ptr(), key, sys::TCL_GLOBAL_ONLY as i32)) };
    }

    /// Reads a variable named by a value in the caller's frame.
    pub fn get_var(self, name: &Obj) -> Result<Obj> {
        none_lent();
        // SAFETY: live interpreter and value.
        let value =
            unsafe { stub!(tcl_ObjGetVar2(self.as_ptr(), name.as_ptr(), std::ptr::null_mut(), sys::TCL_LEAVE_ERR_MSG as i32)) };
        if value.is_null() {
            return Err(Error::Interp);
        }
        // SAFETY: not null, so a live value.
        Ok(unsafe { Obj::from_raw(value) })
    }

    /// Sets a variable named by a value in the caller's frame.
    pub fn set_var(self, name: &Obj, value: &Obj) -> Result<()> {
        none_lent();
        let flags = sys::TCL_LEAVE_ERR_MSG as i32;
        // SAFETY: live interpreter and values.
        let set = unsafe { stub!(tcl_ObjSetVar2(self.as_ptr(), name.as_ptr(), std::ptr::null_mut(), value.as_ptr(), flags)) };
        if set.is_null() { Err(Error::Interp) } else { Ok(()) }
    }

    /// Tcl's own message for a wrong number of arguments, `skip` leading words kept as they are.
    pub fn wrong_args(self, words: &[Obj], skip: usize, usage: &str) -> Error {
        let usage = c_string(usage);
        let usage = if usage.is_empty() { std::ptr::null() } else { usage.as_ptr() };
        // SAFETY: `Obj` is a transparent pointer.
        unsafe { stub!(tcl_WrongNumArgs(self.as_ptr(), skip as Size, words.as_ptr().cast(), usage)) };
        Error::Interp
    }

    /// Declares the package as provided.
    pub fn provide(self, name: &str, version: &str) -> Result<()> {
        let (name, version) = (c_string(name), c_string(version));
        // SAFETY: C strings live over the call.
        let code = unsafe { stub!(tcl_PkgProvideEx(self.as_ptr(), name.as_ptr(), version.as_ptr(), std::ptr::null())) };
        if code == sys::OK { Ok(()) } else { Err(Error::Interp) }
    }

    /// Attaches a number to the interpreter under a name of the caller's (AssocData(3)).
    pub fn set_tag(self, name: &CStr, tag: usize) {
        // SAFETY: live interpreter; the data is a number, which nobody follows as a pointer or frees.
        unsafe { stub!(tcl_SetAssocData(self.as_ptr(), name.as_ptr(), None, std::ptr::without_provenance_mut(tag))) };
    }

    /// The number attached under this name, if there is one other than 0.
    pub fn tag(self, name: &CStr) -> Option<usize> {
        // SAFETY: live interpreter.
        let data = unsafe { stub!(tcl_GetAssocData(self.as_ptr(), name.as_ptr(), std::ptr::null_mut())) };
        (!data.is_null()).then(|| data.addr())
    }

    /// `TCL_ERROR` with a message in the interpreter if the evaluation has been cancelled or is over its limit.
    pub(super) fn interrupted(self) -> bool {
        // SAFETY: live interpreter.
        unsafe {
            if stub!(tcl_Canceled(self.as_ptr(), sys::TCL_LEAVE_ERR_MSG as i32)) == sys::ERROR {
                return true;
            }
            if stub!(tcl_LimitExceeded(self.as_ptr())) != 0 {
                self.reset_result();
                self.set_result(&Obj::text("limit exceeded"));
                return true;
            }
        }
        false
    }
}
