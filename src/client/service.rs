//! The side of a service that answers PING, INFO and STATS.

use std::rc::Rc;

use super::calling::Listening;
use super::calls::Answer;
use super::conn::Client;
use super::fault::Fault;
use crate::engine::Message;
use crate::rules::service::{Identity, Verb};

/// Makes the answer to a question; may run scripts.
type Answers = Rc<dyn Fn(Verb) -> String>;

/// Subscriptions to the questions to a service; dropped, they end.
pub(crate) struct Control {
    _listening: Vec<Listening>,
}

impl Control {
    /// Answers what all services, those of this name, and this one are asked.
    ///
    /// # Errors
    /// [`Fault::Closed`]
    pub(crate) fn new(client: &Rc<Client>, prefix: &str, identity: &Identity, answers: &Answers) -> Result<Control, Fault> {
        let mut listening = Vec::new();
        for verb in Verb::ALL {
            for (name, id) in [("", ""), (&*identity.name, ""), (&*identity.name, &*identity.id)] {
                let (to, answers) = (Rc::downgrade(client), Rc::clone(answers));
                let run = move |answer| {
                    if let (Answer::Reply(message), Some(client)) = (answer, to.upgrade()) {
                        reply(&client, &message, || answers(verb));
                    }
                };
                listening.push(client.listen(&verb.subject(prefix, name, id), Rc::new(run))?);
            }
        }
        Ok(Control { _listening: listening })
    }
}

fn reply(client: &Client, message: &Message, answer: impl FnOnce() -> String) {
    let Some(to) = message.reply() else { return };
    // The one who asked has its own time limit.
    let _ = client.engine().answer(to, answer().as_bytes());
}
