//! Waiting for something while events go on: a nested event loop outside coroutines, a yield inside.

use std::cell::{Cell, RefCell};
use std::os::raw::{c_int, c_void};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::class::Reply;
use super::error::{Error, Result, Trouble};
use super::event;
use super::interp::{Home, Interp};
use super::obj::Obj;
use super::script::note_script;
use super::slots::stub;
use super::sys::{self, Code};
use super::trampoline;

/// Something that will be done; [`Waiter::complete`] ends the wait for it.
pub struct Waiter {
    done: Cell<bool>,
    /// The suspended coroutine's command: valid while it is suspended, since its end runs `after_yield`.
    coroutine: Cell<sys::Tcl_Command>,
    home: RefCell<Option<Rc<Home>>>,
}

/// How a wait ended, for the function that finishes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What was waited for is there.
    Done,
    /// The coroutine, the interpreter or the evaluation is gone, so that nothing takes a result.
    Dropped,
}

/// What a wait in an event loop does besides. All get its start.
pub struct Pause {
    /// End of the time in which it may poll when there is nothing to do; `None`: it sleeps at once.
    pub awake_until: fn(Instant) -> Option<Instant>,
    /// Polls until then, or until something is delivered.
    pub stay_awake: fn(Instant),
    /// What was waited for is there.
    pub over: fn(Instant),
    /// Time between two looks at timers and files in waits that do not sleep.
    pub look: Duration,
}

/// Makes the result of a call that waited; its value is ignored if the wait was dropped.
pub type Finish = Box<dyn FnOnce(Interp, Ended) -> Result<Obj>>;

struct Suspended {
    waiter: Rc<Waiter>,
    pause: &'static Pause,
    finish: Finish,
}

impl Waiter {
    /// Something that nothing waits for yet.
    pub fn new() -> Rc<Waiter> {
        Rc::new(Waiter { done: Cell::new(false), coroutine: Cell::new(std::ptr::null_mut()), home: RefCell::new(None) })
    }

    /// Ends the wait. A coroutine that waits is resumed by an event of its own, never from in here.
    pub fn complete(self: &Rc<Self>) {
        note_script();
        if self.done.replace(true) || self.coroutine.get().is_null() {
            return;
        }
        let waiter = Rc::clone(self);
        event::later(Box::new(move || waiter.resume()));
    }

    fn resume(&self) {
        let home = self.home.borrow().clone();
        let (token, Some(home)) = (self.coroutine.get(), home) else { return };
        let Some(kept) = home.live() else { return };
        let interp = kept.interp();
        if token.is_null() {
            return;
        }
        let name = Obj::empty();
        // SAFETY: the coroutine is suspended in our yield, so its command exists.
        unsafe { stub!(tcl_GetCommandFullName(interp.as_ptr(), token, name.as_ptr())) };
        interp.call_back(&[name]);
    }
}

thread_local! {
    /// Time at which a wait that polls last looked at timers and files.
    static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Words of `::tcl::info::coroutine` and `::yield`, made once a thread and never freed: Tcl may be gone when the thread's
    /// storage goes.
    static WORDS: Cell<Option<&'static (Obj, Obj)>> = const { Cell::new(None) };
}

fn words() -> &'static (Obj, Obj) {
    WORDS.with(|cell| {
        cell.get().unwrap_or_else(|| {
            let words: &'static _ = Box::leak(Box::new((Obj::text("::tcl::info::coroutine"), Obj::text("::yield"))));
            cell.set(Some(words));
            words
        })
    })
}

/// The word `::yield`, which lives as long as the thread.
pub(super) fn yield_word() -> &'static Obj {
    &words().1
}

/// The coroutine that the interpreter is in, by its command.
pub(super) fn current_coroutine(interp: Interp) -> Option<sys::Tcl_Command> {
    let name = interp.call(std::slice::from_ref(&words().0)).ok()?;
    interp.reset_result();
    if name.is_empty() {
        return None;
    }
    // SAFETY: live interpreter and value.
    let token = unsafe { stub!(tcl_GetCommandFromObj(interp.as_ptr(), name.as_ptr())) };
    (!token.is_null()).then_some(token)
}

/// Waits for `waiter`, then has `finish` make the result.
///
/// Outside a coroutine this runs the event loop; inside one it yields to the main loop. Ends early with an error when the
/// interpreter is deleted, the evaluation cancelled (interp(n), cancel) or over its limit, or the coroutine deleted.
pub fn wait(interp: Interp, waiter: &Rc<Waiter>, pause: &'static Pause, finish: Finish) -> Result<Reply> {
    if waiter.done.get() {
        return finish(interp, Ended::Done).map(Reply::Value);
    }
    match current_coroutine(interp) {
        None => nested(interp, waiter, pause, finish).map(Reply::Value),
        Some(token) => {
            waiter.coroutine.set(token);
            *waiter.home.borrow_mut() = Some(Home::new(interp));
            Ok(Reply::Code(suspend(interp, Box::new(Suspended { waiter: Rc::clone(waiter), pause, finish }))))
        }
    }
}

fn nested(interp: Interp, waiter: &Rc<Waiter>, pause: &Pause, finish: Finish) -> Result<Obj> {
    let since = Instant::now();
    let _kept = interp.keep();
    while !waiter.done.get() {
        if interp.is_deleted() {
            let _ = finish(interp, Ended::Dropped);
            return Err(Trouble::InterpDeleted.into());
        }
        if interp.interrupted() {
            let message = interp.result();
            let _ = finish(interp, Ended::Dropped);
            interp.set_result(&message);
            return Err(Error::Interp);
        }
        if event::serve_queued() {
            continue;
        }
        if let Some(end) = (pause.awake_until)(since) {
            if look_is_due(pause.look) && event::look() {
                continue;
            }
            (pause.stay_awake)(end);
            if event::serve_queued() {
                continue;
            }
        }
        event::do_one_event();
    }
    (pause.over)(since);
    interp.reset_result();
    finish(interp, Ended::Done)
}

fn look_is_due(look: Duration) -> bool {
    let now = Instant::now();
    let due = LOOKED.get().is_none_or(|looked| now.duration_since(looked) >= look);
    if due {
        LOOKED.set(Some(now));
    }
    due
}

fn suspend(interp: Interp, suspended: Box<Suspended>) -> Code {
    let data: *mut c_void = Box::into_raw(suspended).cast();
    let null = std::ptr::null_mut();
    let objv = std::ptr::from_ref(yield_word()).cast();
    // SAFETY: Tcl runs `after_yield` exactly once for this; the word lives for ever.
    unsafe {
        stub!(tcl_NRAddCallback(interp.as_ptr(), Some(after_yield), data, null, null, null));
        stub!(tcl_NREvalObjv(interp.as_ptr(), 1, objv, 0))
    }
}

unsafe extern "C" fn after_yield(data: *mut *mut c_void, interp: *mut sys::Tcl_Interp, code: c_int) -> c_int {
    // SAFETY: made by `suspend`; Tcl hands over its live interpreter.
    let (suspended, interp) = unsafe { (Box::from_raw((*data).cast::<Suspended>()), Interp::from_raw(interp)) };
    trampoline::caught(|| resumed(interp, suspended, code)).unwrap_or_else(|text| interp.raise(&Trouble::Panic(text).into()))
}

fn resumed(interp: Interp, suspended: Box<Suspended>, code: Code) -> Code {
    let waiter = Rc::clone(&suspended.waiter);
    if code == sys::OK {
        if !waiter.done.get() {
            // Resumed by a script: go on waiting.
            return suspend(interp, suspended);
        }
        waiter.coroutine.set(std::ptr::null_mut());
        interp.reset_result();
        return settle(interp, (suspended.finish)(interp, Ended::Done));
    }
    waiter.coroutine.set(std::ptr::null_mut());
    let message = interp.result();
    // A coroutine that still exists could not yield, since the C stack is busy; one that is being deleted is no longer the current
    // one. The error code does not help: in a coroutine that is being deleted it is that of some earlier error.
    if code == sys::ERROR && current_coroutine(interp).is_some() {
        interp.reset_result();
        return settle(interp, nested(interp, &waiter, suspended.pause, suspended.finish));
    }
    // The coroutine is being deleted.
    let home = Home::new(interp);
    event::later(Box::new(move || {
        if let Some(kept) = home.live() {
            kept.interp().background_error(&Trouble::CoroutineDeleted.into());
        }
    }));
    let _ = (suspended.finish)(interp, Ended::Dropped);
    interp.set_result(&message);
    code
}

fn settle(interp: Interp, outcome: Result<Obj>) -> Code {
    match outcome {
        Ok(value) => {
            interp.set_result(&value);
            sys::OK
        }
        Err(error) => interp.raise(&error),
    }
}
