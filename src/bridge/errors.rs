//! Errors of the engine as errors of Tcl: `-errorcode {NATS <Code> ?details...?}`.

use crate::engine::{Code, Problem};
use crate::tcl::{Error, Obj};

/// An error with a code of the contract.
pub fn error(code: Code, text: impl Into<String>) -> Error {
    Error::new(text, &["NATS", code.as_str()])
}

/// `ErrInvalidArg` with this message.
pub fn invalid(text: impl Into<String>) -> Error {
    error(Code::InvalidArg, text)
}

/// `ErrConnectionClosed` with the contract's text.
pub fn closed() -> Error {
    error(Code::ConnectionClosed, "No connection to NATS server")
}

/// An error of the key-value class or of JetStream, whose code has no place in the engine.
pub fn coded(code: &[&str], text: impl Into<String>) -> Error {
    let mut words = vec!["NATS"];
    words.extend(code);
    Error::new(text, &words)
}

/// The words of a problem's error code.
fn words(problem: &Problem) -> Vec<&str> {
    let mut words = vec!["NATS", problem.code.as_str()];
    words.extend(problem.details.iter().map(String::as_str));
    words
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::new(problem.text.clone(), &words(&problem))
    }
}

/// The dict kept in `last_error`: `code {NATS ErrX} errorMessage text`.
pub fn as_dict(problem: &Problem) -> Obj {
    let dict = Obj::dict();
    dict.put_text("code", &Obj::text_list(&words(problem)));
    dict.put_text("errorMessage", &Obj::text(&problem.text));
    dict
}
