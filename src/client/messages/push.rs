//! Consumers that push: heartbeats and flow control.

use std::time::Instant;

use bytes::Bytes;

use std::rc::Rc;

use super::source::Source;
use crate::engine::{Message, Outgoing, Subject};
use crate::rules::consumption::Loss;
use crate::rules::ordered::{Control, control};

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
                keeper.flow.replace(Some(subject));
                self.answer_flow();
            }
            Control::Flow => {
                keeper.flow.replace(message.reply().map(str::to_string));
                self.answer_flow();
            }
            Control::Heartbeat { .. } | Control::Data | Control::Other => {}
        }
    }

    /// Lets the consumer go on when the script has taken what is here: a busy or paused one is not flooded.
    pub(super) fn answer_flow(&self) {
        let Some(keeper) = self.keeper.as_ref().filter(|_| self.buffer.borrow().is_empty()) else { return };
        let Some(subject) = keeper.flow.take() else { return };
        let message = Outgoing { subject: Subject::from(subject), reply: None, headers: None, payload: Bytes::new() };
        // Without a connection another consumer is on its way.
        let _ = self.origin.api.client.engine().publish(&message.as_publication());
    }
}
