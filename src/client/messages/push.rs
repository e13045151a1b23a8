//! Consumers that push: heartbeats and flow control.

use std::rc::Rc;
use std::time::Instant;

use super::source::Source;
use crate::engine::Message;
use crate::rules::consumption::Loss;
use crate::rules::push::{Control, control};

impl Source {
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
