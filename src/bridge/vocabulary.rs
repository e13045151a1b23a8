//! What a dialect's table of words has to say.

use crate::client::{Argument, Fault};
use crate::rules::jetstream_convert::ApiError;

/// The words of a dialect.
pub struct Words {
    /// JetStream's error codes that have a name of their own: `{NATS <name>}` in place of `{NATS ErrJSResponse <code> <err_code>}`.
    pub named: &'static [(i64, &'static str)],
    /// Code and text of a fault that the engine or JetStream have not put into words already.
    pub fault: fn(&Fault) -> (&'static str, String),
    /// Code and text of a wrong argument.
    pub argument: fn(&Argument) -> (&'static str, String),
}

impl Words {
    /// The words of the error code, and the text.
    pub fn of(&self, fault: &Fault) -> (Vec<String>, String) {
        let (code, text) = match fault {
            Fault::Engine(problem) => {
                let mut words = vec!["NATS".to_string(), problem.code.as_str().to_string()];
                words.extend(problem.details.iter().cloned());
                return (words, problem.text.clone());
            }
            Fault::Api(error) => return (self.api(error), error.description.clone()),
            Fault::NeitherCreatedNorUpdated(create, update) => {
                let text = &create.description;
                // What the server says to both is told once.
                let text = if text == update { text.clone() } else { format!("{text}: {update}") };
                return (self.api(create), text);
            }
            Fault::Argument(argument) => (self.argument)(argument),
            other => (self.fault)(other),
        };
        (vec!["NATS".to_string(), code.to_string()], text)
    }

    fn api(&self, error: &ApiError) -> Vec<String> {
        match self.named.iter().find(|(code, _)| *code == error.err_code) {
            Some((_, name)) => vec!["NATS".to_string(), name.to_string()],
            None => vec!["NATS".to_string(), "ErrJSResponse".to_string(), error.code.to_string(), error.err_code.to_string()],
        }
    }
}
