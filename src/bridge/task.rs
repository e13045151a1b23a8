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
    block_then(interp, work, |_, result| result)
}

/// The same where `then` makes the result of the method, in the frame of its caller.
pub(crate) fn block_then<T: 'static>(
    interp: Interp,
    work: impl Future<Output = T> + 'static,
    then: impl FnOnce(Interp, T) -> Result<Obj> + 'static,
) -> Result<Reply> {
    let waiter = Waiter::new();
    let outcome: Rc<Cell<Option<T>>> = Rc::new(Cell::new(None));
    let done: Box<dyn FnOnce(T)> = {
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
        let result = outcome.take().map_or_else(|| Err(Fault::Closed.into()), |outcome| then(interp, outcome));
        result.map_err(|error| to_tcl(interp, error))
    };
    Ok(wait(interp, &waiter, &PAUSE, Box::new(finish))?)
}
