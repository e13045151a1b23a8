//! Acknowledgements of what the script has dealt with, also for objects that are gone by then.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::options::{Ack, Answers};
use super::state::{Messages, Taken};
use crate::bridge::errors::{Result, to_tcl};
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::messages::{ACK, Source};
use crate::client::{Fault, Task};
use crate::tcl::{Call, Home, Obj, Reply};

/// Messages whose object was destroyed while the script dealt with them.
struct Orphan {
    home: Rc<Home>,
    source: Rc<Source>,
    answers: Rc<Answers>,
    taken: Taken,
}

thread_local! {
    /// By number. Made once and never freed: Tcl may be gone when the thread's storage is freed.
    static ORPHANS: &'static RefCell<FxHashMap<u64, Orphan>> = Box::leak(Box::default());
}

impl Answers {
    /// Acknowledges messages without waiting for the server's word.
    fn give(&self, source: &Rc<Source>, taken: &Taken, failed: bool) {
        for message in &taken.messages {
            match (self.ack, failed) {
                (Ack::None, _) => {}
                (_, true) => source.answer(message, &self.nak),
                (_, false) => source.answer(message, ACK),
            }
        }
        source.done(&taken.messages);
    }

    /// Acknowledges messages as the options say.
    ///
    /// # Errors
    /// Those of a request, with `-ack sync`.
    async fn settle(&self, source: &Rc<Source>, taken: Taken, failed: bool) -> std::result::Result<(), Fault> {
        if self.ack != Ack::Sync || failed {
            self.give(source, &taken, failed);
            return Ok(());
        }
        let mut outcome = Ok(());
        for message in &taken.messages {
            outcome = outcome.and(source.answer_sync(message).await);
        }
        source.done(&taken.messages);
        outcome
    }
}

/// Tells the background error handler of a fault.
fn report(home: &Home, outcome: std::result::Result<(), Fault>) {
    if let (Some(kept), Err(fault)) = (home.live(), outcome) {
        kept.interp().background_error(&to_tcl(kept.interp(), fault));
    }
}

impl Messages {
    /// Acknowledges the messages of a callback; where the server's word is wanted, it comes later.
    pub(super) fn settle_apart(self: &Rc<Self>, taken: Taken, failed: bool) {
        let Some(source) = self.source.get() else { return };
        let answers = &self.settings.answers;
        if answers.ack == Ack::Sync && !failed && self.settings.concurrency == 1 {
            let (messages, source, answers) = (Rc::clone(self), Rc::clone(source), Rc::clone(answers));
            let work = async move {
                let outcome = answers.settle(&source, taken, failed).await;
                messages.ran();
                (messages, outcome)
            };
            Task::spawn(work, Box::new(|(messages, outcome)| report(&messages.connection.home, outcome)));
            return;
        }
        answers.give(source, &taken, failed);
        self.running.set(self.running.get().saturating_sub(1));
    }

    /// Leaves what the script still deals with to [`settle_orphan`], unless the interpreter goes as well.
    pub(super) fn part(&self, source: &Rc<Source>) {
        let left = self.taken.take();
        ORPHANS.with(|orphans| {
            // Those of interpreters that went without a word.
            let gone: Vec<Orphan> =
                orphans.borrow_mut().extract_if(|_, orphan| orphan.home.live().is_none()).map(|(_, o)| o).collect();
            drop(gone);
            if self.connection.home.live().is_some() {
                orphans.borrow_mut().extend(left.into_iter().map(|(id, taken)| {
                    let (home, answers) = (Rc::clone(&self.connection.home), Rc::clone(&self.settings.answers));
                    (id, Orphan { home, source: Rc::clone(source), answers, taken })
                }));
            }
        });
    }
}

/// `Settle id failed`: the script has dealt with what has this number.
pub(crate) fn settle(messages: &Rc<Messages>, call: &Invocation) -> Result<Reply> {
    let id = call.args[0].as_int().and_then(|id| u64::try_from(id).ok()).unwrap_or_default();
    let taken = messages.taken.borrow_mut().remove(&id);
    let Some(taken) = taken else { return Ok(Reply::Empty) };
    let source = Rc::clone(messages.source()?);
    let (messages, failed) = (Rc::clone(messages), call.args[1].as_bool().unwrap_or(true));
    block(call.interp, async move {
        let outcome = messages.settings.answers.settle(&source, taken, failed).await;
        if messages.settings.callback.is_some() {
            messages.ran();
        }
        Ok(outcome.map(|()| Obj::empty())?)
    })
}

/// `settle_orphan id failed`: the same where the object is gone. The server's word is not awaited; its absence is a background error.
pub(crate) fn settle_orphan(call: &Call) -> Result<Obj> {
    let (id, failed) = (call.args()[0].as_int(), call.args()[1].as_bool().unwrap_or(true));
    let orphan = ORPHANS.with(|orphans| orphans.borrow_mut().remove(&u64::try_from(id.unwrap_or_default()).unwrap_or_default()));
    if let Some(Orphan { home, source, answers, taken }) = orphan {
        let work = async move { answers.settle(&source, taken, failed).await };
        Task::spawn(work, Box::new(move |outcome| report(&home, outcome)));
    }
    Ok(Obj::empty())
}
