//! Faults as errors of Tcl: `-errorcode {NATS <code> ?details...?}`, in the words of the interpreter's dialect.

use super::{dialect, words};
use crate::client::{Argument, Fault};
use crate::engine::Problem;
use crate::rules::dialect::{DIALECT_2, Dialect};
use crate::rules::jetstream_convert::ApiError;
use crate::tcl::{self, Home, Interp, Obj};

/// Why a method gives no result.
#[derive(Clone, Debug)]
pub enum Error {
    /// What went wrong; it has no words yet.
    Fault(Fault),
    /// Tcl's own error.
    Tcl(tcl::Error),
}

/// What methods and commands give back to their dispatcher.
pub type Result<T> = std::result::Result<T, Error>;

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Fault(fault)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::Fault(problem.into())
    }
}

impl From<Argument> for Error {
    fn from(argument: Argument) -> Error {
        Error::Fault(argument.into())
    }
}

impl From<tcl::Error> for Error {
    fn from(error: tcl::Error) -> Error {
        Error::Tcl(error)
    }
}

/// The words of a dialect.
pub struct Words {
    /// JetStream's error codes that have a name of their own: `{NATS <name>}` in place of `{NATS ErrJSResponse <code> <err_code>}`.
    pub named: &'static [(i64, &'static str)],
    /// Code and text of a fault that the engine or JetStream have not put into words already.
    pub fault: fn(&Fault) -> (&'static str, String),
    /// Code and text of a wrong argument.
    pub argument: fn(&Argument) -> (&'static str, String),
}

/// The words of each dialect.
static WORDS: &[(&Dialect, &Words)] = &[(&DIALECT_2, &words::DIALECT_2)];

/// The words of an interpreter's dialect.
fn words(interp: Interp) -> &'static Words {
    let dialect = dialect::of(interp);
    WORDS.iter().find(|(of, _)| *of == dialect).map_or(&words::DIALECT_2, |(_, words)| words)
}

impl Words {
    /// The words of the error code, and the text.
    fn of(&self, fault: &Fault) -> (Vec<String>, String) {
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

/// The error as Tcl has it.
pub fn to_tcl(interp: Interp, error: impl Into<Error>) -> tcl::Error {
    match error.into() {
        Error::Tcl(error) => error,
        Error::Fault(fault) => {
            let (code, message) = words(interp).of(&fault);
            tcl::Error::Raised { message, code }
        }
    }
}

/// The text of an error, for a log or a callback.
pub fn text(home: &Home, error: &Error) -> String {
    match (error, home.live()) {
        (Error::Fault(fault), Some(interp)) => words(interp).of(fault).1,
        (Error::Tcl(tcl::Error::Raised { message, .. }), _) => message.clone(),
        _ => String::new(),
    }
}

/// The dict kept in `last_error`: `code {NATS ErrX} errorMessage text`.
pub fn as_dict(interp: Interp, problem: &Problem) -> Obj {
    let (code, text) = words(interp).of(&Fault::Engine(problem.clone()));
    let dict = Obj::dict();
    dict.put_text("code", &Obj::text_list(&code));
    dict.put_text("errorMessage", &Obj::text(&text));
    dict
}
