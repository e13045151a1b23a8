//! What a dialect's table of words contains.

use super::codes::{Word, of_engine, word};
use crate::client::{Argument, Fault};
use crate::rules::jetstream_convert::ApiError;
use crate::tcl::Obj;

/// The words of a dialect.
pub(super) struct Words {
    /// JetStream's error codes that have a name of their own: `{NATS <name>}` in place of `{NATS ErrJSResponse <code>
    /// <err_code>}`.
    pub named: &'static [(i64, Word)],
    /// Code and text of a fault, unless the engine or JetStream supplied them.
    pub fault: fn(&Fault) -> (Word, String),
    /// Code and text of a wrong argument.
    pub argument: fn(&Argument) -> (Word, String),
}

impl Words {
    /// The words of the error code, and the text.
    pub(super) fn of(&self, fault: &Fault) -> (Vec<String>, String) {
        let (code, text) = match fault {
            Fault::Engine(problem) => {
                return (of_engine(problem.code).with(problem.details.iter().cloned()), problem.text.clone());
            }
            Fault::Api(error) => return (self.api(error), error.description.clone()),
            Fault::NeitherCreatedNorUpdated(create, update) => {
                let text = &create.description;
                // If the server gives the same reason for both, it is told once.
                let text = if text == update { text.clone() } else { format!("{text}: {update}") };
                return (self.api(create), text);
            }
            Fault::Service { code, description, .. } => {
                return (const { word("ErrService") }.with([code.clone()]), description.clone());
            }
            Fault::Partial(failed) => {
                let mut reasons = Obj::dict();
                for (key, fault) in failed {
                    let (code, text) = self.of(fault);
                    let mut reason = Obj::dict();
                    reason.put_text("code", &Obj::text_list(&code));
                    reason.put_text("errorMessage", &Obj::text(&text));
                    reasons.put_text(key, &reason);
                }
                let text = format!("{} of the keys could not be written", failed.len());
                return (const { word("KvPartial") }.with([reasons.to_text()]), text);
            }
            Fault::Argument(argument) => (self.argument)(argument),
            Fault::ObjectCorrupt { expected, computed, .. } => {
                let (code, text) = (self.fault)(fault);
                return (code.with([expected.clone(), computed.clone()]), text);
            }
            other => (self.fault)(other),
        };
        (code.alone(), text)
    }

    fn api(&self, error: &ApiError) -> Vec<String> {
        match self.named.iter().find(|(code, _)| *code == error.err_code) {
            Some((_, name)) => name.alone(),
            None => const { word("ErrJSResponse") }.with([error.code.to_string(), error.err_code.to_string()]),
        }
    }
}
