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
use crate::classes::messages::{Messages, Takes, Taking};
use crate::rules::jetstream_convert::convert_reply;
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
    methods: &[
        Taking::ROWS,
        &[
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
                "stop",
                "",
                (0, 0),
                &[],
                "Ends it at once with the reason `stopped`; what is buffered is dropped. Empty result.",
                stop,
            ),
        ],
    ],
};

impl Takes for Ordered {
    fn taker(self: &Rc<Self>) -> Result<&Rc<Messages>> {
        self.reader()
    }
}

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
