//! Consumers one after the other: the first one, and others in the place of those that are lost.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::source::{Source, Told};
use crate::client::conn::State;
use crate::client::fault::Fault;
use crate::client::ordered::patience;
use crate::client::task::{Task, pause};
use crate::engine::Problem;
use crate::rules::consumption::Loss;

impl Source {
    /// Makes the first consumer.
    ///
    /// # Errors
    /// As [`crate::client::Api::ask`].
    pub(crate) async fn begin(self: &Rc<Self>) -> Result<(), Fault> {
        self.create(self.origin.api.timeout).await?;
        // Another stream of this name can be told later, if this one is known; nobody has to wait for that.
        let source = Rc::clone(self);
        let work = async move {
            let _ = source.look_at_stream().await;
        };
        Task::spawn(work, Box::new(|()| ()));
        Ok(())
    }

    /// What the server said when it made the present consumer.
    pub(crate) fn info(&self) -> Json {
        self.keeper.as_ref().map_or(Json::Null, |keeper| keeper.consumers.info())
    }

    /// Name of the present consumer; empty while there is none.
    pub(crate) fn name(&self) -> String {
        if self.machine.borrow().is_over() { String::new() } else { self.place.borrow().consumer.clone() }
    }

    /// Whether the server delivers without being asked.
    pub(super) fn is_pushed(&self) -> bool {
        self.machine.borrow().is_pushed()
    }

    /// The consumer is lost: another one is made, while there is a connection.
    pub(super) fn lost(self: &Rc<Self>, loss: Loss) {
        let Some(keeper) = &self.keeper else { return self.begin_remaking() };
        self.leave_off();
        self.inbox.take();
        keeper.early.take();
        self.turn_to("");
        if let Some(fault) = keeper.lost(loss) {
            (self.tell)(Told::Trouble(fault));
        }
        // A trace of the script may have ended it.
        if self.machine.borrow().is_over() || self.origin.api.client.state() != State::Connected {
            return;
        }
        let task = Task::spawn(renew(Rc::clone(self)), Box::new(|()| ()));
        keeper.task.replace(Some(task));
    }

    /// Ends the attempt to make another consumer, which the return of the connection begins anew.
    pub(super) fn leave_off(&self) {
        if let Some(remaking) = &self.remaking {
            remaking.leave_off();
        }
        let task = self.keeper.as_ref().and_then(|keeper| keeper.task.take());
        if let Some(task) = task {
            task.cancel();
        }
    }

    /// The end of all consumers; why, if not for the reason of the end.
    pub(super) fn give_up(&self) -> Option<Fault> {
        self.leave_off();
        let keeper = self.keeper.as_ref()?;
        keeper.consumers.remove();
        keeper.cause.take()
    }

    /// Nothing comes to the present inbox: whoever makes a consumer for it hears of that, otherwise it is the end.
    pub(super) fn refused(self: &Rc<Self>, problem: Problem) {
        match &self.keeper {
            Some(keeper) if self.is_pushed() || keeper.consumers.is_unanswered() => keeper.consumers.refuse_inbox(problem),
            _ => {
                self.machine.borrow_mut().end(&problem.text);
                self.refusal.replace(Some(problem));
                self.act();
            }
        }
    }

    /// Looks whether the stream is the one that was read so far; a user who may not look does without.
    async fn look_at_stream(self: &Rc<Self>) -> Result<(), Fault> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        if keeper.consumers.look_at_stream().await? {
            self.event("stream_changed", String::new(), None);
        }
        Ok(())
    }

    /// The consumer that was made is in use.
    fn go_on(self: &Rc<Self>) {
        self.machine.borrow_mut().renewed(Instant::now());
        self.take_early();
        self.act();
    }

    /// Makes a consumer; `ms` is the timeout, 0 waits for ever.
    async fn create(self: &Rc<Self>, ms: i64) -> Result<(), Fault> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        self.take_inbox()?;
        let inbox = self.inbox.borrow().as_ref().filter(|_| self.is_pushed()).map(|inbox| inbox.subject.as_str().to_string());
        let made = keeper.make(inbox.as_deref(), ms).await.inspect_err(|_| drop(self.inbox.take()))?;
        self.turn_to(&made.name);
        Ok(())
    }
}

/// Makes a consumer, trying until there is one or no point in trying.
async fn renew(source: Rc<Source>) {
    let Some(keeper) = &source.keeper else { return };
    loop {
        if let Some(wait) = keeper.consumers.rest() {
            pause(wait).await;
        }
        let made = match source.look_at_stream().await {
            Ok(()) if source.machine.borrow().is_over() => return,
            Ok(()) => source.create(patience(&source.origin.api)).await,
            Err(fault) => Err(fault),
        };
        let Err(fault) = made else { break };
        if keeper.consumers.failed(&fault, Duration::ZERO) {
            let reason = match &fault {
                Fault::Api(error) => error.description.clone(),
                _ => String::new(),
            };
            keeper.cause.replace(Some(Fault::StreamNotFound(reason.clone())));
            source.machine.borrow_mut().end(&reason);
            return source.act();
        }
        (source.tell)(Told::Trouble(fault));
        if source.machine.borrow().is_over() {
            return;
        }
    }
    let name = source.name();
    if !source.is_pushed() {
        source.event("recreated", name, None);
        return source.go_on();
    }
    let (number, target) = (source.number.get(), Rc::downgrade(&source));
    let go_on = move || {
        if let Some(source) = target.upgrade().filter(|source| source.number.get() == number && source.inbox.borrow().is_some()) {
            source.go_on();
        }
    };
    (source.tell)(Told::Recreated(name, Box::new(go_on)));
}
