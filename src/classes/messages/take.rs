//! Messages one by one: `next` and `each`.

use std::rc::Rc;

use super::state::{Messages, Waiter, Wake};
use crate::bridge::errors::Result;
use crate::bridge::messages::dict_in;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::messages::Source;
use crate::client::{Argument, Fault, Slot};
use crate::engine::Message;
use crate::rules::messages::NEXT_OPTIONS;
use crate::rules::option::named;
use crate::tcl::event::Timer;
use crate::tcl::{Obj, Reply};

/// A place in the queue, given up when the call ends, however that happens.
struct Place {
    messages: Rc<Messages>,
    waiter: Rc<Waiter>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.messages.waiters.borrow_mut().retain(|other| !Rc::ptr_eq(other, &self.waiter));
    }
}

impl Messages {
    /// Lets waiting calls have what is there, in their order.
    pub(super) fn wake(&self) {
        loop {
            let first = self.waiters.borrow().front().cloned();
            let (Some(first), Some(source)) = (first, self.source.get()) else { return };
            if !is_ready(source) {
                return;
            }
            first.slot.push(Wake::Look);
            let stays = self.waiters.borrow().front().is_some_and(|now| Rc::ptr_eq(now, &first));
            if stays {
                return;
            }
        }
    }

    /// Tells all waiting calls of the end.
    pub(super) fn wake_all(&self) {
        let all: Vec<Rc<Waiter>> = self.waiters.borrow().iter().cloned().collect();
        for waiter in all {
            waiter.slot.push(Wake::Look);
        }
    }

    /// The next message, waiting so many ms for it.
    ///
    /// # Errors
    /// [`Fault::Timeout`], and that of the end.
    async fn message(self: Rc<Self>, ms: Option<i64>) -> std::result::Result<Message, Fault> {
        let source = Rc::clone(self.source.get().ok_or(Fault::Closed)?);
        let take = || match source.take_ready() {
            Some(message) => Some(Ok(message)),
            None if source.look(|machine| machine.is_over()) => Some(Err(source.ended())),
            None => None,
        };
        let queue_is_empty = self.waiters.borrow().is_empty();
        if let Some(outcome) = queue_is_empty.then(take).flatten() {
            return outcome;
        }
        let waiter = Rc::new(Waiter { slot: Slot::new() });
        self.waiters.borrow_mut().push_back(Rc::clone(&waiter));
        let place = Place { messages: Rc::clone(&self), waiter };
        let slot = Rc::clone(&place.waiter.slot);
        let late = move || slot.push(Wake::Late);
        let _timer = ms.filter(|ms| *ms > 0).map(|ms| Timer::after(ms as u64, Box::new(late)));
        loop {
            match place.waiter.slot.next().await {
                Wake::Late => return Err(source.silence()),
                Wake::Look => {
                    if let Some(outcome) = take() {
                        return outcome;
                    }
                }
            }
        }
    }
}

/// Whether a waiting call may have a message.
fn is_ready(source: &Source) -> bool {
    source.buffered().0 > 0 && source.look(|machine| !machine.is_paused() || machine.is_closing())
}

impl Source {
    /// The next message, unless it is paused.
    fn take_ready(self: &Rc<Self>) -> Option<Message> {
        if is_ready(self) { self.take() } else { None }
    }
}

fn without_callback(messages: &Messages) -> Result<()> {
    if messages.settings.callback.is_some() { Err(Argument::HasCallback.into()) } else { Ok(()) }
}

/// `next ?-timeout ms?`
pub(crate) fn next(messages: &Rc<Messages>, call: &Invocation) -> Result<Reply> {
    without_callback(messages)?;
    let ms = call.options.given_int(const { named(NEXT_OPTIONS, "timeout") });
    let messages = Rc::clone(messages);
    block(call.interp, async move {
        let message = Rc::clone(&messages).message(ms).await?;
        messages.source()?.done([&message]);
        Ok(dict_in(messages.connection.coding(), &message, 0))
    })
}

/// `each varName body`, which is a procedure.
pub(crate) fn each(messages: &Rc<Messages>, call: &Invocation) -> Result<Reply> {
    without_callback(messages)?;
    let words =
        [Obj::text("::nats::internal::each"), Obj::text(&messages.my.borrow()), call.args[0].clone(), call.args[1].clone()];
    Ok(Reply::Code(call.interp.in_place(&words)))
}

/// `Take id`: a message and its number, or nothing at an end that was wanted.
pub(crate) fn take(messages: &Rc<Messages>, call: &Invocation) -> Result<Reply> {
    without_callback(messages)?;
    let again = call.args[0].as_int().and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
    let messages = Rc::clone(messages);
    block(call.interp, async move {
        match Rc::clone(&messages).message(None).await {
            Ok(message) => {
                let value = dict_in(messages.connection.coding(), &message, 0);
                let taken = messages.begin(vec![message]);
                Ok(Obj::list(&[Obj::int(messages.keep(taken, again) as i64), value]))
            }
            Err(Fault::ConsumeEnded(reason)) if matches!(reason.as_str(), "drained" | "stopped" | "stop_after") => {
                Ok(Obj::empty())
            }
            Err(fault) => Err(fault.into()),
        }
    })
}
