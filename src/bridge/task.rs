//! How a method waits for what the client awaits.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use super::errors::{Result, to_tcl};
use super::patience::PAUSE;
use crate::client::{Fault, Task};
use crate::tcl::wait::{Ended, Waiter, wait};
use crate::tcl::{Interp, Obj, Reply};

/// Runs `work` and waits for its result: in a nested event loop, or by a yield inside a coroutine.
pub(crate) fn block(interp: Interp, work: impl Future<Output = Result<Obj>> + 'static) -> Result<Reply> {
    let waiter = Waiter::new();
    let outcome: Rc<Cell<Option<Result<Obj>>>> = Rc::new(Cell::new(None));
    let done: Box<dyn FnOnce(Result<Obj>)> = {
        let (waiter, outcome) = (Rc::clone(&waiter), Rc::clone(&outcome));
        Box::new(move |result| {
            outcome.set(Some(result));
            waiter.complete();
        })
    };
    let task = Task::spawn(work, done);
    let finish = move |interp: Interp, ended: Ended| {
        if ended == Ended::Dropped {
            task.cancel();
        }
        outcome.take().unwrap_or_else(|| Err(Fault::Closed.into())).map_err(|error| to_tcl(interp, error))
    };
    Ok(wait(interp, &waiter, &PAUSE, Box::new(finish))?)
}
