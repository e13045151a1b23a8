//! Coroutines whose body is a command given in words, and whose end is told.

use std::cell::{Cell, RefCell};
use std::os::raw::{c_int, c_void};
use std::rc::Rc;

use super::class::{self, Call, Reply, Row};
use super::error::{Error, Result, Trouble};
use super::interp::Interp;
use super::obj::Obj;
use super::slots::stub;
use super::sys::{self, Code, Size};
use super::trampoline::caught;
use super::wait::{current_coroutine, yield_word};

/// A coroutine that exists, by its command. Another one may get the same number when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Coroutine(usize);

/// How the command of a coroutine ended.
pub enum Outcome {
    /// With this result.
    Done(Obj),
    /// With an error: its message and the dict of return options.
    Failed(Obj, Obj),
    /// With another code than that of an error, such as that of `break`.
    Left(Code),
    /// The coroutine was deleted while it was suspended.
    Deleted,
}

/// Code of `return -code break`.
pub const BREAK: Code = sys::BREAK;

/// Told at the start, with the coroutine.
pub type Begun = Box<dyn FnOnce(Coroutine)>;

/// Told at the end, inside the coroutine: it must not run scripts that yield.
pub type Over = Box<dyn FnOnce(Interp, Outcome)>;

struct Job {
    words: Vec<Obj>,
    begun: Begun,
    over: Over,
    pool: Rc<Pool>,
    /// Coroutine that is to take it; `None`: one that is being made.
    worker: Option<Rc<Worker>>,
    start: u64,
}

/// A coroutine of ours.
struct Worker {
    token: sys::Tcl_Command,
    /// Whether it is suspended between two commands.
    idle: Cell<bool>,
}

struct Running {
    /// They live as long as the command that they are the words of.
    _words: Vec<Obj>,
    over: Over,
    pool: Rc<Pool>,
    worker: Rc<Worker>,
    start: u64,
}

struct Idle {
    pool: Rc<Pool>,
    worker: Rc<Worker>,
}

/// Coroutines whose command ended without a pause, kept for the next command: to make one costs more than most commands. Nobody can know
/// them by name who has not forgotten that their command has ended.
#[derive(Default)]
pub struct Pool {
    idle: RefCell<Vec<Rc<Worker>>>,
    ended: Cell<bool>,
}

/// Number of coroutines that a pool keeps. More than one is of use only where commands run event loops.
const KEPT: usize = 4;

impl Pool {
    /// Ends those that are idle; no more are kept.
    pub fn end(&self, interp: Interp) {
        self.ended.set(true);
        loop {
            let worker = self.idle.borrow_mut().pop();
            let Some(worker) = worker else { return };
            if worker.idle.get() {
                // SAFETY: the command of a suspended coroutine exists, since its end runs `resumed`.
                unsafe { stub!(tcl_DeleteCommandFromToken(interp.as_ptr(), worker.token)) };
            }
        }
    }

    fn has_room(&self) -> bool {
        !self.ended.get() && self.idle.borrow().len() < KEPT
    }
}

thread_local! {
    /// The job of the coroutine that is about to take it; empty before and afterwards.
    static NEXT: RefCell<Option<Job>> = const { RefCell::new(None) };
    /// The start that is at work, 0 for none: a command that ends in it has not paused.
    static NOW: Cell<u64> = const { Cell::new(0) };
    /// Number of the latest start.
    static LATEST: Cell<u64> = const { Cell::new(0) };
}

struct Body;

static BODY: Body = Body;

/// Namespace and name of the command that runs in the coroutines.
const NAMESPACE: &str = "::nats::internal";
const NAME: &str = "handle";

impl Row for Body {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&'static self, call: &Call) -> Result<Reply> {
        let fits = |job: &Job| job.worker.is_none() && call.args().is_empty();
        let job = NEXT.with(|next| next.borrow_mut().take_if(|job| fits(job)));
        let token = current_coroutine(call.interp);
        let (Some(job), Some(token)) = (job, token) else { return Err(call.wrong_args("")) };
        Ok(Reply::Code(enter(call.interp, job, Rc::new(Worker { token, idle: Cell::new(false) }))))
    }
}

/// Makes the command that the coroutines run.
pub fn register(interp: Interp) {
    class::command(interp, NAMESPACE, &BODY);
}

/// The coroutine that the interpreter is in.
pub fn current(interp: Interp) -> Option<Coroutine> {
    current_coroutine(interp).map(|token| Coroutine(token.addr()))
}

/// Runs a command in a coroutine of the pool, or in a new one of this name, until it ends or yields. If there can be none, that is its
/// end.
pub fn start(interp: Interp, pool: &Rc<Pool>, name: impl FnOnce() -> String, words: Vec<Obj>, begun: Begun, over: Over) {
    let worker = pool.idle.borrow_mut().pop();
    let start = LATEST.get() + 1;
    LATEST.set(start);
    let call = match &worker {
        Some(worker) => {
            let name = Obj::empty();
            // SAFETY: as in `Pool::end`.
            unsafe { stub!(tcl_GetCommandFullName(interp.as_ptr(), worker.token, name.as_ptr())) };
            vec![name]
        }
        None => vec![Obj::text("::coroutine"), Obj::text(&name()), Obj::text(&format!("{NAMESPACE}::{NAME}"))],
    };
    let job = Job { words, begun, over, pool: Rc::clone(pool), worker: worker.clone(), start };
    let (outer, before) = (NEXT.replace(Some(job)), NOW.replace(start));
    let made = interp.call(&call);
    NOW.set(before);
    let left = NEXT.replace(outer);
    if let Some(job) = left {
        let message = interp.result();
        let options = made.err().map_or_else(Obj::dict, |_| options(interp, sys::ERROR));
        if let Some(worker) = worker.filter(|worker| worker.idle.get()) {
            pool.idle.borrow_mut().push(worker);
        }
        (job.over)(interp, Outcome::Failed(message, options));
    }
    interp.reset_result();
}

fn enter(interp: Interp, job: Job, worker: Rc<Worker>) -> Code {
    worker.idle.set(false);
    (job.begun)(Coroutine(worker.token.addr()));
    let (count, objv) = (job.words.len() as Size, job.words.as_ptr().cast());
    let Job { words, over, pool, start, .. } = job;
    let data: *mut c_void = Box::into_raw(Box::new(Running { _words: words, over, pool, worker, start })).cast();
    let null = std::ptr::null_mut();
    let flags = sys::TCL_EVAL_GLOBAL as i32;
    // SAFETY: Tcl runs `left` exactly once for this, and the words live until then.
    unsafe {
        stub!(tcl_NRAddCallback(interp.as_ptr(), Some(left), data, null, null, null));
        stub!(tcl_NREvalObjv(interp.as_ptr(), count, objv, flags))
    }
}

/// Suspends the coroutine until it gets another command.
fn pause(interp: Interp, idle: Box<Idle>) -> Code {
    let data: *mut c_void = Box::into_raw(idle).cast();
    let null = std::ptr::null_mut();
    let yield_word = std::ptr::from_ref(yield_word()).cast();
    // SAFETY: Tcl runs `resumed` exactly once for this; the word lives for ever.
    unsafe {
        stub!(tcl_NRAddCallback(interp.as_ptr(), Some(resumed), data, null, null, null));
        stub!(tcl_NREvalObjv(interp.as_ptr(), 1, yield_word, 0))
    }
}

unsafe extern "C" fn resumed(data: *mut *mut c_void, interp: *mut sys::Tcl_Interp, code: c_int) -> c_int {
    // SAFETY: made by `pause`; Tcl hands over its live interpreter.
    let (idle, interp) = unsafe { (Box::from_raw((*data).cast::<Idle>()), Interp::from_raw(interp)) };
    caught(|| next(interp, idle, code)).unwrap_or_else(|text| interp.raise(&Error::Trouble(Trouble::Panic(text))))
}

fn next(interp: Interp, idle: Box<Idle>, code: Code) -> Code {
    if code == sys::OK {
        let ours = |job: &Job| job.worker.as_ref().is_some_and(|worker| Rc::ptr_eq(worker, &idle.worker));
        let job = NEXT.with(|next| next.borrow_mut().take_if(|job| ours(job)));
        interp.reset_result();
        return match job {
            Some(job) => enter(interp, job, idle.worker),
            // Resumed by a script.
            None => pause(interp, idle),
        };
    }
    // It is being deleted.
    idle.worker.idle.set(false);
    idle.pool.idle.borrow_mut().retain(|worker| !Rc::ptr_eq(worker, &idle.worker));
    code
}

/// Return options of the latest command (Tcl_GetReturnOptions).
fn options(interp: Interp, code: Code) -> Obj {
    // SAFETY: live interpreter; the value is new.
    unsafe { Obj::from_raw(stub!(tcl_GetReturnOptions(interp.as_ptr(), code))) }
}

unsafe extern "C" fn left(data: *mut *mut c_void, interp: *mut sys::Tcl_Interp, code: c_int) -> c_int {
    // SAFETY: made by `enter`; Tcl hands over its live interpreter.
    let (running, interp) = unsafe { (Box::from_raw((*data).cast::<Running>()), Interp::from_raw(interp)) };
    caught(|| ended(interp, *running, code)).unwrap_or_else(|text| interp.raise(&Error::Trouble(Trouble::Panic(text))))
}

fn ended(interp: Interp, running: Running, code: Code) -> Code {
    let result = interp.result();
    let outcome = match code {
        sys::OK | RETURN => Outcome::Done(result.clone()),
        sys::ERROR => {
            let options = options(interp, code);
            // One that is being deleted is no longer the current one.
            if current(interp).is_none() { Outcome::Deleted } else { Outcome::Failed(result.clone(), options) }
        }
        other => Outcome::Left(other),
    };
    let deleted = matches!(outcome, Outcome::Deleted);
    let Running { over, pool, worker, start, .. } = running;
    over(interp, outcome);
    if deleted {
        interp.set_result(&result);
        return code;
    }
    interp.reset_result();
    if NOW.get() != start || !pool.has_room() || interp.is_deleted() {
        return sys::OK;
    }
    worker.idle.set(true);
    pool.idle.borrow_mut().push(Rc::clone(&worker));
    pause(interp, Box::new(Idle { pool, worker }))
}

/// Code of `return -code return`.
const RETURN: Code = sys::TCL_RETURN as Code;
