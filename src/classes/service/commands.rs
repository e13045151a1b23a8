//! `nats::service::fail`, `respond` and `request`: what handlers call.

use std::rc::Rc;

use super::check::bad;
use super::request::{Request, running};
use crate::bridge::command::Command;
use crate::bridge::errors::Result;
use crate::bridge::messages::headers_out;
use crate::bridge::options::Options;
use crate::client::Argument;
use crate::rules::option::{Kind, Opt, named, row};
use crate::rules::service::{ERROR_WORD, is_code};
use crate::tcl::{self, Call, Error, Interp, Obj, class, coroutine};

/// Namespace of the commands.
pub(crate) const NAMESPACE: &str = "::nats::service";

const RESPOND_OPTIONS: &[Opt] = &[row("header", Kind::Dict, "headers of the reply: name to list of values")];

/// The commands.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "fail",
        usage: "code description ?data?",
        words: (2, 3),
        options: &[],
        help: "ends the handler with an error reply: `throw [list NATSSERVICE code data] description`. The code is a whole number, the description is not empty, else `ErrInvalidArg`",
        run: fail,
    },
    Command {
        name: "respond",
        usage: "data ?-header dict?",
        words: (1, 3),
        options: RESPOND_OPTIONS,
        help: "sends a reply; further ones may follow, and the result of the handler is no longer sent. `ErrInvalidArg` outside of a handler; errors as of `publish`",
        run: respond,
    },
    Command {
        name: "request",
        usage: "",
        words: (0, 0),
        options: &[],
        help: "the [message](core.md#messages-and-headers) that is being handled; `ErrInvalidArg` outside of a handler",
        run: |call| Ok(present(call.interp)?.dict()),
    },
];

/// Makes the commands.
///
/// # Errors
/// What Tcl says if they cannot be made.
pub(crate) fn register(interp: Interp) -> tcl::Result<()> {
    interp.eval(&format!("namespace eval {NAMESPACE} {{}}"))?;
    for row in COMMANDS {
        class::command(interp, NAMESPACE, row);
    }
    coroutine::register(interp);
    interp.reset_result();
    Ok(())
}

fn present(interp: Interp) -> Result<Rc<Request>> {
    Ok(running(interp).ok_or(Argument::NoRequest)?)
}

fn fail(call: &Call) -> Result<Obj> {
    let (code, text) = (call.args()[0].to_text(), call.args()[1].to_text());
    if !is_code(&code) {
        return Err(bad("error code", &code).into());
    }
    if text.trim().is_empty() {
        return Err(bad("description", &text).into());
    }
    let mut words = vec![ERROR_WORD.to_string(), code];
    words.extend(call.args().get(2).map(Obj::to_text));
    Err(Error::Raised { message: text, code: words }.into())
}

fn respond(call: &Call) -> Result<Obj> {
    let request = present(call.interp)?;
    let options = Options::parse(call.interp, RESPOND_OPTIONS, &call.args()[1..])?;
    let headers = match options.given(const { named(RESPOND_OPTIONS, "header") }) {
        Some(given) => headers_out(&given.obj)?,
        None => None,
    };
    request.respond(&call.args()[0], headers.as_deref().unwrap_or_default())?;
    Ok(Obj::empty())
}
