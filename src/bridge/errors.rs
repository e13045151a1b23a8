//! Faults as errors of Tcl: `-errorcode {NATS <code> ?details...?}`, in the words of the interpreter's dialect.

use super::codes::{Word, word};
use super::vocabulary::Words;
use super::{dialect, words, words3};
use crate::client::watch::Reason;
use crate::client::{Argument, Fault};
use crate::engine::Problem;
use crate::rules::dialect::{DIALECT_2, DIALECT_3, Dialect};
use crate::tcl::{self, Home, Interp, Obj, Trouble};

/// Reason why a method has no result.
#[derive(Clone, Debug)]
pub(crate) enum Error {
    /// A fault, which has no words yet.
    Fault(Fault),
    /// Tcl's own error.
    Tcl(tcl::Error),
}

/// Result of methods and commands, as their dispatcher takes it.
pub(crate) type Result<T> = std::result::Result<T, Error>;

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

/// The words of each dialect.
static WORDS: &[(&Dialect, &Words)] = &[(&DIALECT_2, &words::DIALECT_2), (&DIALECT_3, &words3::DIALECT_3)];

/// The words of an interpreter's dialect.
fn words(interp: Interp) -> &'static Words {
    let dialect = dialect::of(interp);
    WORDS.iter().find(|(of, _)| *of == dialect).map_or(&words::DIALECT_2, |(_, words)| words)
}

/// The error as Tcl has it.
pub(crate) fn to_tcl(interp: Interp, error: impl Into<Error>) -> tcl::Error {
    match error.into() {
        Error::Tcl(error) => error,
        Error::Fault(fault) => {
            let (code, message) = words(interp).of(&fault);
            if let Fault::Service { data, text, .. } = &fault {
                let data = if *text { Obj::utf8(data) } else { Obj::bytes(data) };
                return interp.raise_with(&message, &code, &[("-data", data)]);
            }
            tcl::Error::Raised { message, code }
        }
    }
}

const INVALID_ARG: Word = word("ErrInvalidArg");

/// Text and error code of what goes wrong between Tcl and the library; the same in all dialects.
pub(crate) fn trouble(trouble: &Trouble) -> (String, Vec<String>) {
    let (code, text) = match trouble {
        Trouble::Panic(text) => (const { word("PANIC") }, format!("internal error: {text}")),
        Trouble::InterpDeleted => (const { word("ErrConnectionClosed") }, "interpreter deleted".to_string()),
        Trouble::CoroutineDeleted => (const { word("ErrInvalidCoroutine") }, "coroutine deleted while it waited".to_string()),
        Trouble::ClassGone(class) => (INVALID_ARG, format!("class {class} is gone")),
        Trouble::NoCopies => (INVALID_ARG, "objects of this class cannot be copied".to_string()),
    };
    (text, code.alone())
}

/// Error code and text of a fault.
pub(crate) fn words_of(home: &Home, fault: &Fault) -> (Vec<String>, String) {
    home.live().map_or_else(Default::default, |kept| words(kept.interp()).of(fault))
}

/// A fault as the dict of a variable `last_error`, and its text; `tell` makes the text of it that is shown.
pub(crate) fn shown(home: &Home, fault: &Fault, tell: impl FnOnce(&str) -> String) -> (Obj, String) {
    let (code, text) = home.live().map_or_else(Default::default, |kept| words(kept.interp()).of(fault));
    let text = tell(&text);
    let mut dict = Obj::dict();
    dict.put_text("code", &Obj::text_list(&code));
    dict.put_text("errorMessage", &Obj::text(&text));
    (dict, text)
}

/// The words of an error's code, unless the interpreter has them, and its text.
fn parts(interp: Interp, error: Error) -> (Vec<String>, String) {
    match to_tcl(interp, error) {
        tcl::Error::Raised { message, code } => (code, message),
        tcl::Error::Trouble(trouble) => {
            let (message, code) = trouble.words();
            (code, message)
        }
        tcl::Error::Interp => (Vec::new(), interp.result().to_text()),
    }
}

/// The text of an error that is told in another one.
pub(crate) fn text_of(interp: Interp, error: Error) -> String {
    parts(interp, error).1
}

/// An error as callbacks get it: `code {NATS ErrX} message text`.
pub(crate) fn told(interp: Interp, error: Error) -> Obj {
    let (code, message) = parts(interp, error);
    let mut dict = Obj::dict();
    dict.put_text("code", &Obj::text_list(&code));
    dict.put_text("message", &Obj::text(&message));
    dict
}

/// Error code and text of a fault, as values.
pub(crate) fn code_and_text(home: &Home, fault: &Fault) -> (Obj, Obj) {
    let (code, text) = home.live().map_or_else(Default::default, |kept| words(kept.interp()).of(fault));
    (Obj::text_list(&code), Obj::text(&text))
}

/// Text of an ordered consumer's trouble, for a callback.
pub(crate) fn reason_text(home: &Home, reason: &Reason) -> String {
    let why = match reason {
        Reason::Disconnected => return "Server disconnected".to_string(),
        Reason::Mute => "no heartbeats arrive".to_string(),
        Reason::Unanswered => "Request timed out".to_string(),
        Reason::NotMade(fault) | Reason::Refused { fault, .. } => {
            home.live().map_or_else(String::new, |kept| words(kept.interp()).of(fault).1)
        }
    };
    format!("Error resetting consumer: {why}")
}

/// The dict kept in `last_error`: `code {NATS ErrX} errorMessage text`.
pub(crate) fn as_dict(interp: Interp, problem: &Problem) -> Obj {
    let (code, text) = words(interp).of(&Fault::Engine(problem.clone()));
    let mut dict = Obj::dict();
    dict.put_text("code", &Obj::text_list(&code));
    dict.put_text("errorMessage", &Obj::text(&text));
    dict
}
