//! The current thread's event queue, event loop and end (Notifier(3), Exit(3)).

use std::cell::Cell;
use std::mem::size_of;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;

use super::error::{Error, Result, Trouble, Wording, word_troubles};
use super::interp::Interp;
use super::lent::none_lent;
use super::slots;
use super::slots::stub;
use super::stay::stay;
use super::sys::{self, Code};
use super::trampoline::{caught, guarded};

#[repr(C)]
struct Later {
    header: sys::Tcl_Event,
    work: *mut Box<dyn FnOnce()>,
}

/// Queues work to run from the event loop of this thread, behind what is queued already.
pub fn later(work: Box<dyn FnOnce()>) {
    // SAFETY: Tcl frees the event, which it wants from its own allocator, after `run_later`.
    unsafe {
        let event = stub!(tcl_Alloc(size_of::<Later>() as _)).cast::<Later>();
        event.write(Later {
            header: sys::Tcl_Event { proc_: Some(run_later), nextPtr: std::ptr::null_mut() },
            work: Box::into_raw(Box::new(work)),
        });
        stub!(tcl_QueueEvent(event.cast(), sys::QUEUE_TAIL.into()));
    }
}

unsafe extern "C" fn run_later(event: *mut sys::Tcl_Event, flags: c_int) -> c_int {
    if flags & sys::TCL_FILE_EVENTS as c_int == 0 {
        return 0;
    }
    // SAFETY: the event is ours; it is run once, since 1 is returned.
    let work = unsafe { Box::from_raw((*event.cast::<Later>()).work) };
    guarded((), work);
    1
}

/// Runs work from the event loop of this thread after timers and files have been looked at.
pub fn after_others(work: Box<dyn FnOnce()>) {
    let data: *mut Box<dyn FnOnce()> = Box::into_raw(Box::new(work));
    // SAFETY: `run_after_others` takes the work back; it comes once.
    unsafe { stub!(tcl_CreateTimerHandler(0, Some(run_after_others), data.cast())) };
}

unsafe extern "C" fn run_after_others(data: *mut c_void) {
    // SAFETY: made by `after_others`; Tcl fires a timer once.
    let work = unsafe { Box::from_raw(data.cast::<Box<dyn FnOnce()>>()) };
    guarded((), work);
}

/// A timer of this thread that fires once (CrtTimerHdlr(3)), unless it is dropped before.
pub struct Timer(Rc<TimerState>);

struct TimerState {
    /// Null once it has fired.
    token: Cell<sys::Tcl_TimerToken>,
    work: Cell<Option<Box<dyn FnOnce()>>>,
}

impl Timer {
    /// Runs `work` from the event loop after `ms` milliseconds, but after 24 days at the latest.
    pub fn after(ms: u64, work: Box<dyn FnOnce()>) -> Timer {
        let state = Rc::new(TimerState { token: Cell::new(std::ptr::null_mut()), work: Cell::new(Some(work)) });
        let ms = c_int::try_from(ms).unwrap_or(c_int::MAX);
        // SAFETY: the reference given as data is taken back by `fire` or in drop, whichever comes.
        let token = unsafe { stub!(tcl_CreateTimerHandler(ms, Some(fire), Rc::into_raw(Rc::clone(&state)).cast_mut().cast())) };
        state.token.set(token);
        Timer(state)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let token = self.0.token.replace(std::ptr::null_mut());
        if !token.is_null() {
            // SAFETY: it has not fired, so its token is valid and the reference is still with Tcl.
            unsafe {
                stub!(tcl_DeleteTimerHandler(token));
                drop(Rc::from_raw(Rc::as_ptr(&self.0)));
            }
        }
    }
}

unsafe extern "C" fn fire(data: *mut c_void) {
    // SAFETY: Tcl fires a timer once, and none that was deleted.
    let state = unsafe { Rc::from_raw(data.cast::<TimerState>()) };
    state.token.set(std::ptr::null_mut());
    if let Some(work) = state.work.take() {
        guarded((), work);
    }
}

/// Runs one event that is already queued, and says whether there was one (Tcl_ServiceEvent).
pub fn serve_queued() -> bool {
    none_lent();
    // SAFETY: plain call on this thread.
    unsafe { stub!(tcl_ServiceEvent(sys::TCL_ALL_EVENTS)) != 0 }
}

/// Polls timers, files and all other sources, and runs one event if there is one; says whether there was (Tcl_DoOneEvent).
pub fn look() -> bool {
    none_lent();
    // SAFETY: plain call on this thread.
    unsafe { stub!(tcl_DoOneEvent(sys::TCL_ALL_EVENTS | sys::TCL_DONT_WAIT as c_int)) != 0 }
}

/// Runs one event of any kind, waiting for it (Tcl_DoOneEvent).
pub fn do_one_event() {
    none_lent();
    // SAFETY: plain call on this thread.
    unsafe { stub!(tcl_DoOneEvent(sys::TCL_ALL_EVENTS)) };
}

unsafe extern "C" fn run_exit(data: *mut c_void) {
    // SAFETY: data is the function pointer given below.
    let f: fn() = unsafe { std::mem::transmute::<*mut c_void, fn()>(data) };
    guarded((), f);
}

/// Calls `f` when this thread ends, before Tcl is finalized there.
pub fn on_thread_exit(f: fn()) {
    // SAFETY: a function pointer fits into client data on every platform Tcl knows.
    unsafe { stub!(tcl_CreateThreadExitHandler(Some(run_exit), f as *mut c_void)) };
}

/// Calls `f` when the process ends by `exit`.
pub fn on_process_exit(f: fn()) {
    // SAFETY: as above.
    unsafe { stub!(tcl_CreateExitHandler(Some(run_exit), f as *mut c_void)) };
}

/// Names of the stub slots of the C API functions that are called, each with whether the running Tcl lacks it.
pub fn called_slots() -> Vec<(&'static str, bool)> {
    // SAFETY: the library's entry point has initialised the tables before anything else is called.
    unsafe { slots::listed() }
}

/// Function with which the entry point sets up a fresh interpreter.
pub type Setup = fn(Interp) -> Result<()>;

/// Body of the library's entry symbol: initialises the stub tables, then runs `setup`. What goes wrong in this layer is put into
/// words by `wording`.
///
/// # Safety
/// `interp` is what Tcl's `load` handed over.
pub unsafe fn init(interp: *mut sys::Tcl_Interp, setup: Setup, wording: Wording) -> Code {
    // SAFETY: live interpreter by the caller's promise; nothing of the tables is used before they are there.
    unsafe {
        if sys::init_stubs(interp).is_null() || sys::TclOOInitializeStubs(interp, c"1.0".as_ptr()).is_null() {
            return sys::ERROR;
        }
        let interp = Interp::from_raw(interp);
        let empty: Vec<&str> = slots::listed().into_iter().filter_map(|(name, empty)| empty.then_some(name)).collect();
        if !empty.is_empty() {
            let message = format!("this Tcl lacks functions of the C API: {}", empty.join(", "));
            // The error may need one of them.
            return guarded(sys::ERROR, || interp.raise(&Error::new(message, &["TCL", "PACKAGE", "MISSINGFUNCTION"])));
        }
        stay();
        word_troubles(wording);
        match caught(|| setup(interp)).unwrap_or_else(|text| Err(Error::Trouble(Trouble::Panic(text)))) {
            Ok(()) => sys::OK,
            Err(error) => interp.raise(&error),
        }
    }
}
