//! Coroutines whose body is a command given in words, and whose end is told.

use std::cell::RefCell;
use std::os::raw::{c_int, c_void};

use super::class::{self, Call, Reply, Row};
use super::error::{Error, Result, Trouble};
use super::interp::Interp;
use super::obj::Obj;
use super::slots::stub;
use super::sys::{self, Code, Size};
use super::trampoline::caught;
use super::wait::current_coroutine;

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
pub const BREAK: Code = sys::TCL_BREAK as Code;

/// Told at the start, with the coroutine.
pub type Begun = Box<dyn FnOnce(Coroutine)>;

/// Told at the end, inside the coroutine: it must not run scripts that yield.
pub type Over = Box<dyn FnOnce(Interp, Outcome)>;

struct Job {
    words: Vec<Obj>,
    begun: Begun,
    over: Over,
}

struct Running {
    /// They live as long as the command that they are the words of.
    _words: Vec<Obj>,
    over: Over,
}

thread_local! {
    /// The job of the coroutine that is being made; empty before and afterwards.
    static NEXT: RefCell<Option<Job>> = const { RefCell::new(None) };
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
        let job = NEXT.with(RefCell::take).filter(|_| call.args().is_empty());
        let coroutine = current(call.interp);
        let (Some(job), Some(coroutine)) = (job, coroutine) else { return Err(call.wrong_args("")) };
        (job.begun)(coroutine);
        Ok(Reply::Code(enter(call.interp, job.words, job.over)))
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

/// Runs a command in a new coroutine of this name, until it ends or yields. If no coroutine can be made, that is its end.
pub fn start(interp: Interp, name: &str, words: Vec<Obj>, begun: Begun, over: Over) {
    let outer = NEXT.replace(Some(Job { words, begun, over }));
    let body = Obj::text(&format!("{NAMESPACE}::{NAME}"));
    let made = interp.call(&[Obj::text("::coroutine"), Obj::text(name), body]);
    let left = NEXT.replace(outer);
    if let Some(job) = left {
        let options = made.err().map_or_else(Obj::dict, |_| options(interp, sys::ERROR));
        (job.over)(interp, Outcome::Failed(interp.result(), options));
    }
    interp.reset_result();
}

fn enter(interp: Interp, words: Vec<Obj>, over: Over) -> Code {
    let (count, objv) = (words.len() as Size, words.as_ptr().cast());
    let data: *mut c_void = Box::into_raw(Box::new(Running { _words: words, over })).cast();
    let null = std::ptr::null_mut();
    let flags = sys::TCL_EVAL_GLOBAL as i32;
    // SAFETY: Tcl runs `left` exactly once for this, and the words live until then.
    unsafe {
        stub!(tcl_NRAddCallback(interp.as_ptr(), Some(left), data, null, null, null));
        stub!(tcl_NREvalObjv(interp.as_ptr(), count, objv, flags))
    }
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
    (running.over)(interp, outcome);
    if deleted {
        interp.set_result(&result);
        return code;
    }
    interp.reset_result();
    sys::OK
}

/// Code of `return -code return`.
const RETURN: Code = sys::TCL_RETURN as Code;
