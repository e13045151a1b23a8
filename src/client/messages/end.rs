//! The end of continuous consumption.

use std::rc::Rc;

use super::source::{CLOSED, Source, Told};
use crate::client::calling::timeout;
use crate::client::calls::Answer;
use crate::client::conn::State;
use crate::client::fault::{Fault, Waiting};
use crate::engine::End;

impl Source {
    /// Ends it for this reason.
    pub(super) fn finish(&self, reason: String) {
        self.reason.replace(reason.clone());
        self.inbox.take();
        self.observer.take();
        self.timer.take();
        self.buffer.take();
        self.buffered_bytes.set(0);
        let fault = match (reason.as_str(), self.give_up()) {
            ("drained" | "stopped" | "stop_after", _) => None,
            // What the connection is told of a refusal says it all.
            _ if self.refusal.borrow().is_some() => None,
            (_, cause) => Some(cause.unwrap_or_else(|| self.ended())),
        };
        self.event("ended", reason, fault);
        (self.tell)(Told::Ended);
    }

    /// The fault of a call after the end.
    pub(crate) fn ended(&self) -> Fault {
        if let Some(problem) = &*self.refusal.borrow() {
            return problem.clone().into();
        }
        let reason = self.reason.borrow().clone();
        if reason == CLOSED { Fault::ClosedWaiting } else { Fault::ConsumeEnded(reason) }
    }

    /// The fault of a server that does not answer.
    pub(crate) fn silence(&self) -> Fault {
        let place = self.place.borrow();
        let (stream, consumer) = (self.origin.stream.clone(), place.consumer.clone());
        Fault::Timeout(Waiting::Pull { stream, consumer, subject: place.subject.as_str().to_string() })
    }

    /// Reason of the end; empty before it.
    pub(crate) fn reason(&self) -> String {
        self.reason.borrow().clone()
    }

    /// No more pulls: what is on its way is awaited.
    ///
    /// # Errors
    /// [`Fault::Timeout`]
    pub(crate) async fn drain(self: Rc<Self>, ms: i64) -> Result<(), Fault> {
        self.machine.borrow_mut().close();
        let former = self.inbox.take();
        let client = &self.origin.api.client;
        let mut outcome = Ok(());
        if let Some(former) = former.filter(|_| client.state() == State::Connected) {
            former.listening.leave();
            if let Answer::End(End::Timeout) = client.round_trip(timeout(ms)).next().await {
                outcome = Err(Fault::Timeout(Waiting::Ping));
            }
        }
        self.machine.borrow_mut().drained();
        self.act();
        outcome
    }

    /// The end. With `nak` the messages in the buffer are given back.
    pub(crate) fn stop(self: &Rc<Self>, nak: bool) {
        if nak {
            // Unsubscribed first: they must not come back to the pulls that are left.
            self.inbox.take();
            for message in self.buffer.take() {
                self.answer(&message, "-NAK");
            }
        }
        self.machine.borrow_mut().end("stopped");
        self.act();
    }
}
