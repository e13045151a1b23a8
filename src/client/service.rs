//! The side of a service that answers PING, INFO and STATS.

use std::rc::Rc;

use super::calling::Listening;
use super::calls::Answer;
use super::conn::Client;
use super::fault::Fault;
use crate::engine::{Code, Message, Publication, Subject};
use crate::rules::service::{CODE_HEADER, ERROR_HEADER, INTERNAL, Identity, TOO_LARGE, Verb};

/// Makes the answer to a question; may run scripts.
type Answers = Rc<dyn Fn(Verb) -> String>;

/// Hears of an answer that the server does not accept.
type TooLarge = Rc<dyn Fn(Verb)>;

/// Subscriptions to the questions to a service; dropped, they end.
pub(crate) struct Control {
    _listening: Vec<Listening>,
}

impl Control {
    /// Answers what all services, those of this name, and this one are asked.
    ///
    /// # Errors
    /// [`Fault::Closed`]
    pub(crate) fn new(
        client: &Rc<Client>,
        prefix: &str,
        identity: &Identity,
        answers: &Answers,
        too_large: &TooLarge,
    ) -> Result<Control, Fault> {
        let mut listening = Vec::new();
        for verb in Verb::ALL {
            for (name, id) in [("", ""), (&*identity.name, ""), (&*identity.name, &*identity.id)] {
                let (to, answers, too_large) = (Rc::downgrade(client), Rc::clone(answers), Rc::clone(too_large));
                let run = move |answer| {
                    if let (Answer::Reply(message), Some(client)) = (answer, to.upgrade())
                        && !reply(&client, &message, || answers(verb))
                    {
                        too_large(verb);
                    }
                };
                listening.push(client.listen(&verb.subject(prefix, name, id), Rc::new(run))?);
            }
        }
        Ok(Control { _listening: listening })
    }
}

/// False if the answer is too large, which the one who asked is told.
fn reply(client: &Client, message: &Message, answer: impl FnOnce() -> String) -> bool {
    let Some(to) = message.reply() else { return true };
    match client.engine().answer(to, answer().as_bytes()) {
        Err(problem) if problem.code == Code::MaxPayload => {}
        // The one who asked has its own time limit.
        _ => return true,
    }
    let headers = [(ERROR_HEADER, TOO_LARGE), (CODE_HEADER, INTERNAL)].map(|(name, value)| (name.to_string(), value.to_string()));
    let subject = Subject::from(to);
    let _ = client.engine().publish(&Publication { subject: &subject, reply: None, headers: &headers, payload: &[] });
    false
}
