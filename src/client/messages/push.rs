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
            Control::Heartbeat { last, .. } if !keeper.order.borrow().heartbeat(last) => {
                self.machine.borrow_mut().lose(Loss::Gap);
                self.act();
            }
            Control::Heartbeat { stalled: Some(subject), .. } => {
                // A consumer that still waits so long after its answer was not reached by it.
                let told = keeper.flow_told.get().map(|told| told.elapsed());
                if told.is_some_and(|since| since >= keeper.pace() / 2) {
                    return self.without_flow_control();
                }
                keeper.flow.replace(Some(subject));
                self.answer_flow();
            }
            Control::Flow => {
                if keeper.flow_asked.replace(true) {
                    // The server asks again only after an answer.
                    keeper.access.prove_flow();
                }
                keeper.flow.replace(message.reply().map(str::to_string));
                self.answer_flow();
            }
            Control::Heartbeat { .. } | Control::Data | Control::Other => {}
        }
    }

    /// Lets the consumer go on when the script has taken what is here: a busy or paused one is not flooded.
    pub(super) fn answer_flow(self: &Rc<Self>) {
        let Some(keeper) = self.keeper.as_ref().filter(|_| self.buffer.borrow().is_empty()) else { return };
        let Some(subject) = keeper.flow.take() else { return };
        keeper.flow_told.set(keeper.flow_told.get().or_else(|| Some(Instant::now())));
        let (target, name) = (Rc::downgrade(self), keeper.name.borrow().clone());
        let refused = move || {
            let Some(source) = target.upgrade() else { return };
            let present = source.keeper.as_ref().is_some_and(|keeper| *keeper.name.borrow() == name);
            if present {
                source.without_flow_control();
            }
        };
        keeper.access.answer_flow(&self.origin.api.client, &subject, refused);
    }

    /// Takes another consumer, which asks for no answers.
    fn without_flow_control(self: &Rc<Self>) {
        let Some(keeper) = &self.keeper else { return };
        keeper.access.refuse_flow();
        self.machine.borrow_mut().lose(Loss::Flow);
        self.act();
    }
}
