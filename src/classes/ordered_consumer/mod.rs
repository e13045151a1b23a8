//! `nats::ordered_consumer`: every message of a stream once, in order, whatever happens to the consumer in the server (ADR-17).

mod follow;
mod reader;
mod state;

use std::rc::Rc;

pub(super) use follow::{make, ordered_consumer_3};
pub(super) use reader::ordered_consumer;
pub(super) use state::Ordered;

use crate::bridge::birth;
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::method::{ANY, Invocation, Method, constructor, row};
use crate::classes::messages::{self, settle, take};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::messages::NEXT_OPTIONS;
use crate::tcl::{Class, Obj, Reply};

/// The class.
pub(super) static CLASS: Class<Method<Ordered>> = Class {
    name: state::CLASS_NAME,
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the JetStream object's method ordered_consumer. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        row("info", "", (0, 0), &[], "Dict: what the server said when it made the present consumer.", info),
        row(
            "name",
            "",
            (0, 0),
            &[],
            "Name of the present consumer; empty while a new one is being made and after the end.",
            name,
        ),
        row(
            "next",
            "?-timeout ms?",
            (0, 0),
            NEXT_OPTIONS,
            "The next message as a dict. Errors: `ErrTimeout`; `ErrConsumeEnded` with the reason after the end, or `ErrConnectionClosed`; `ErrInvalidArg` if there is a callback.",
            |o, call| take::next(o.reader()?, call),
        ),
        row(
            "each",
            "varName body",
            (2, 2),
            &[],
            "Runs the body for each message; `break`, `continue`, `return` and errors act as in `foreach`. Empty result. Errors: as `next`, but for an end by `stop` or `-stop_after`.",
            |o, call| take::each(o.reader()?, call),
        ),
        row("pause", "", (0, 0), &[], "Stops asking for messages, and holds those that still arrive. Empty result.", |o, _| {
            messages::pause(o.reader()?, true)
        }),
        row("resume", "", (0, 0), &[], "Continues after `pause`. Empty result.", |o, _| messages::pause(o.reader()?, false)),
        row(
            "stop",
            "",
            (0, 0),
            &[],
            "Ends it at once with the reason `stopped`; what is buffered is dropped. Empty result.",
            stop,
        ),
        row(
            "status",
            "",
            (0, 0),
            &[],
            "Dict `state` (`running`, `paused`, `ended`) `reason outstanding buffered buffered_bytes delivered pulls redelivered pinned`.",
            |o, call| messages::status(o.reader()?, call),
        ),
        row("Take", "id", (1, 1), &[], "For `each`.", |o, call| take::take(o.reader()?, call)),
        row("Settle", "id failed", (2, 2), &[], "For `each`.", |o, call| settle::settle(o.reader()?, call)),
    ]],
};

fn info(ordered: &Rc<Ordered>, _call: &Invocation) -> Result<Reply> {
    Ok(to_obj(&convert_reply(ordered.info(), false)).into())
}

fn name(ordered: &Rc<Ordered>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(&ordered.name()).into())
}

fn stop(ordered: &Rc<Ordered>, _call: &Invocation) -> Result<Reply> {
    ordered.reader()?.source()?.stop(false);
    Ok(Reply::Empty)
}
