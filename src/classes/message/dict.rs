//! The dict of a message: its keys, and changes of one in a variable.

use crate::bridge::errors::{Error, Result};
use crate::client::Argument;
use crate::tcl::{Interp, Obj};

/// Keys of a message dict and of its status line.
pub(super) struct Keys {
    pub header: Obj,
    pub data: Obj,
    pub subject: Obj,
    pub reply: Obj,
    pub seq: Obj,
    pub time: Obj,
    pub status: Obj,
    pub description: Obj,
}

/// The keys, made once per thread, so that a look-up makes no new value. They are never freed: a thread's storage is freed
/// after Tcl has freed that thread's values.
pub(super) fn keys() -> &'static Keys {
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
pub(super) fn part(message: &Obj, key: &Obj) -> Result<Obj> {
    message.get(key).ok_or_else(|| match message.is_dict() {
        true => Argument::MessageWithout(key.to_text()).into(),
        false => not_a_message(),
    })
}

pub(super) fn not_a_message() -> Error {
    Argument::MessageNotDict.into()
}

/// Changes the message in a variable of the caller. If `change` fails the variable stays as it was.
pub(super) fn update(interp: Interp, variable: &Obj, change: impl FnOnce(&mut Obj) -> Result<()>) -> Result<Obj> {
    let mut message = interp.get_var(variable)?;
    if !message.is_dict() {
        return Err(not_a_message());
    }
    // The variable holds a reference, so the change is made to a copy.
    change(&mut message)?;
    interp.set_var(variable, &message)?;
    Ok(Obj::empty())
}
