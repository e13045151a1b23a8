//! `nats::msg`, `nats::header` and the time commands: plain commands on values, from tables.

pub mod header;
pub mod msg;
pub mod time;

use crate::bridge::errors::{Error, Result, to_tcl};
use crate::client::Argument;
use crate::tcl::{self, Call, Interp, Obj, Reply, Row, class};

/// One command.
pub struct Command {
    /// Name; for a subcommand of an ensemble without the ensemble's.
    pub name: &'static str,
    /// The arguments as in the arity message.
    pub usage: &'static str,
    /// Least and greatest number of arguments.
    pub words: (usize, usize),
    /// What it does, with types, result and errors: a line for the reference page.
    pub help: &'static str,
    /// What runs.
    pub run: fn(&Call) -> Result<Obj>,
}

impl Row for Command {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&'static self, call: &Call) -> tcl::Result<Reply> {
        let (least, most) = self.words;
        let count = call.args().len();
        if count < least || count > most {
            return Err(call.wrong_args(self.usage));
        }
        (self.run)(call).map(Reply::from).map_err(|error| to_tcl(call.interp, error))
    }
}

/// Makes the ensembles in an interpreter.
///
/// # Errors
/// What Tcl says when an ensemble cannot be made.
pub fn register(interp: Interp) -> tcl::Result<()> {
    for (namespace, rows) in [("::nats::msg", msg::COMMANDS), ("::nats::header", header::COMMANDS)] {
        for row in rows {
            class::command(interp, namespace, row);
        }
        interp.eval(&format!("::namespace eval {namespace} {{::namespace export *; ::namespace ensemble create}}"))?;
    }
    interp.reset_result();
    Ok(())
}

/// Keys of a message dict and of its status line.
struct Keys {
    header: Obj,
    data: Obj,
    subject: Obj,
    reply: Obj,
    seq: Obj,
    time: Obj,
    status: Obj,
    description: Obj,
}

/// The keys, made once a thread, so that a look-up makes no new value. They are never freed: a thread's storage goes
/// after Tcl has given up that thread's values.
fn keys() -> &'static Keys {
    thread_local! {
        static KEYS: &'static Keys = Box::leak(Box::new(Keys {
            header: Obj::text("header"),
            data: Obj::text("data"),
            subject: Obj::text("subject"),
            reply: Obj::text("reply"),
            seq: Obj::text("seq"),
            time: Obj::text("time"),
            status: Obj::text("Status"),
            description: Obj::text("Description"),
        }));
    }
    KEYS.with(|keys| *keys)
}

/// A part of a message.
///
/// # Errors
/// `ErrInvalidArg` if the value is no message or has no such part.
fn part(message: &Obj, key: &Obj) -> Result<Obj> {
    message.get(key).ok_or_else(|| match message.is_dict() {
        true => Argument::MessageWithout(key.to_text()).into(),
        false => not_a_message(),
    })
}

fn not_a_message() -> Error {
    Argument::MessageNotDict.into()
}

/// Changes the message in a variable of the caller. If `change` fails the variable stays as it was.
fn update(interp: Interp, variable: &Obj, change: impl FnOnce(&Obj) -> Result<()>) -> Result<Obj> {
    let message = interp.get_var(variable)?;
    if !message.is_dict() {
        return Err(not_a_message());
    }
    // The variable holds a reference, so this is always a copy.
    let message = message.unshared();
    change(&message)?;
    interp.set_var(variable, &message)?;
    Ok(Obj::empty())
}
