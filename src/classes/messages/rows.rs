//! The methods by which a script takes messages: the same of every class that has them.

use std::marker::PhantomData;
use std::rc::Rc;

use super::state::Messages;
use super::{pause, settle, status, take};
use crate::bridge::errors::Result;
use crate::bridge::method::{Method, row};
use crate::rules::messages::NEXT_OPTIONS;
use crate::tcl::Instance;

/// An object from which a script takes messages.
pub(crate) trait Takes: Instance {
    /// What takes them for it.
    ///
    /// # Errors
    /// `ErrInvalidArg` if it gives its messages in another way.
    fn taker(self: &Rc<Self>) -> Result<&Rc<Messages>>;
}

/// The rows of a class whose objects take messages.
pub(crate) struct Taking<S>(PhantomData<S>);

impl<S: Takes> Taking<S> {
    /// The rows.
    pub(crate) const ROWS: &'static [Method<S>] = &[
        row(
            "next",
            "?-timeout ms?",
            (0, 0),
            NEXT_OPTIONS,
            "The next message as a dict. Errors: `ErrTimeout`; `ErrConsumeEnded` with the reason after the end, or `ErrConnectionClosed`; `ErrInvalidArg` if there is a callback.",
            |s, call| take::next(s.taker()?, call),
        ),
        row(
            "each",
            "varName body",
            (2, 2),
            &[],
            "Runs the body for each message; `break`, `continue`, `return` and errors act as in `foreach`. Empty result. Errors: as `next`, but for an end by `drain`, `stop` or `-stop_after`.",
            |s, call| take::each(s.taker()?, call),
        ),
        row("pause", "", (0, 0), &[], "Stops asking for messages, and holds those that still arrive. Empty result.", |s, _| {
            pause(s.taker()?, true)
        }),
        row("resume", "", (0, 0), &[], "Continues after `pause`. Empty result.", |s, _| pause(s.taker()?, false)),
        row(
            "status",
            "",
            (0, 0),
            &[],
            "Dict `state` (`running`, `paused`, `draining`, `ended`) `reason outstanding buffered buffered_bytes delivered pulls redelivered pinned`.",
            |s, call| status(s.taker()?, call),
        ),
        row("Take", "id", (1, 1), &[], "For `each`.", |s, call| take::take(s.taker()?, call)),
        row("Settle", "id failed", (2, 2), &[], "For `each` and callbacks in coroutines.", |s, call| {
            settle::settle(s.taker()?, call)
        }),
    ];
}
