//! Consumers that push: what comes before one is known, heartbeats, flow control.

use std::rc::Rc;
use std::time::Instant;

use super::source::Source;
use crate::engine::Message;
use crate::rules::consumption::Loss;
use crate::rules::push::{Control, control};

impl Source {
    /// What a consumer has pushed. It may be here before the answer to its creation: the script hears of the consumer first.
    pub(super) fn pushed(self: &Rc<Self>, number: u64, message: Message) {
        match &self.keeper {
            Some(keeper) if self.machine.borrow().is_away() => keeper.early.borrow_mut().push((number, message)),
            _ if message.status().is_some() => self.control(&message),
            _ if message.has_reply() => self.message(number, message),
            _ => {}
        }
    }

    /// The consumer is known: takes what it has pushed until now.
    pub(super) fn take_early(self: &Rc<Self>) {
        let early = self.keeper.as_ref().map(|keeper| keeper.early.take()).unwrap_or_default();
        for (number, message) in early.into_iter().filter(|(number, _)| *number == self.number.get()) {
            self.pushed(number, message);
        }
    }

    /// A status of a consumer that pushes.
    pub(super) fn control(self: &Rc<Self>, message: &Message) {
        let Some(keeper) = &self.keeper else { return };
        keeper.alive.set(Instant::now());
        let status = message.status().map(|status| status.as_u16());
        match control(status, &message.description().unwrap_or_default(), message.headers()) {
            Control::Heartbeat { last, .. } if !keeper.consumers.order.borrow().heartbeat(last) => {
                self.machine.borrow_mut().lose(Loss::Gap);
                self.act();
            }
            Control::Heartbeat { stalled: Some(subject), .. } => {
                if keeper.flow.stalled(subject, keeper.pace()) {
                    self.answer_flow();
                } else {
                    self.without_flow_control();
                }
            }
            Control::Flow => {
                keeper.flow.request(message.reply());
                self.answer_flow();
            }
            Control::Heartbeat { .. } | Control::Data | Control::Other => {}
        }
    }

    /// Lets the consumer go on when the script has taken what is here: a busy or paused one is not flooded.
    pub(super) fn answer_flow(self: &Rc<Self>) {
        let Some(keeper) = self.keeper.as_ref().filter(|keeper| keeper.flow.is_awaited()) else { return };
        if !self.buffer.borrow().is_empty() {
            return;
        }
        let (target, number) = (Rc::downgrade(self), self.number.get());
        let refused = move || {
            if let Some(source) = target.upgrade().filter(|source| source.number.get() == number) {
                source.without_flow_control();
            }
        };
        keeper.flow.answer(&self.origin.api.client, refused);
    }

    /// Takes another consumer, which asks for no answers.
    fn without_flow_control(self: &Rc<Self>) {
        let Some(keeper) = &self.keeper else { return };
        keeper.consumers.access.refuse_flow();
        self.machine.borrow_mut().lose(Loss::Flow);
        self.act();
    }
}
