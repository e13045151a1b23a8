//! Atomic batches of a script: `publish_batch`, and objects of the class `nats::batch`.

use std::rc::Rc;

use crate::bridge::birth;
use crate::bridge::dialect;
use crate::bridge::errors::Result;
use crate::bridge::messages::{headers_out, outgoing, parts};
use crate::bridge::method::{ANY, Invocation, Method, constructor, raw, row};
use crate::bridge::options::Options;
use crate::bridge::task::block;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::classes::jet_stream::publish::{Needs, ack_dict, headers};
use crate::client::atomic::Atomic;
use crate::client::{Api, Argument, Deadline, Fault};
use crate::engine::{Headers, Outgoing};
use crate::rules::atomic::{self, LEVEL, MOST};
use crate::rules::option::{int, named};
use crate::rules::publishing::{BATCH_OPTIONS, BATCHED_OPTIONS, PUBLISH_BATCH_OPTIONS};
use crate::tcl::{Class, Instance, Obj, Reply};

/// The class.
pub(super) static CLASS: Class<Method<Batch>> = Class {
    name: "::nats::batch",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the JetStream object's method batch. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        row(
            "add",
            "subject message ?-option value ...?",
            (2, 2),
            BATCHED_OPTIONS,
            "Adds a message; its number in the batch. The first one waits until the stream has accepted the batch. Errors: ErrInvalidArg, ErrNotSupported, ErrNoResponders, ErrJSResponse, ErrConnectionClosed, ErrTimeout.",
            add,
        ),
        raw(
            "commit",
            "?subject message ?-option value ...??",
            (0, ANY),
            BATCHED_OPTIONS,
            "Ends the batch, with a last message or without: the stream stores all its messages. The pubAck dict `stream seq batch count`, with the sequence of the last one. Errors as of `add`.",
            commit,
        ),
        row("discard", "", (0, 0), &[], "Ends the batch without storing anything; empty result.", discard),
        row("size", "", (0, 0), &[], "Number of messages.", size),
    ]],
};

/// State of a `nats::batch` object.
pub(super) struct Batch {
    js: Rc<JetStream>,
    atomic: Rc<Atomic>,
}

impl Instance for Batch {
    fn close(&self) {
        self.atomic.discard();
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

/// A message of a batch, and what it needs.
fn message(js: &JetStream, subject: &Obj, data: &Obj, headers: Option<Headers>) -> Result<Outgoing> {
    if let Some((name, _)) = headers.iter().flatten().find(|(name, _)| atomic::is_own(name)) {
        return Err(Argument::HeaderTwice(name.clone()).into());
    }
    outgoing(&js.connection.latest, js.connection.coding(), subject, data, "", headers)
}

/// Checks that the server has batches, and what the options of a message need.
async fn supported(api: &Api, method: &str, needs: Needs) -> Result<()> {
    api.needs_level(&format!("The method {method}"), LEVEL).await?;
    if let Some((option, level)) = needs {
        api.needs_level(&format!("The option -{option}"), level).await?;
    }
    Ok(())
}

/// `batch ?-ack_every n?`
pub(super) fn batch(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let ack_every = call.options.int(const { int(BATCH_OPTIONS, "ack_every") });
    open_or_error(js)?;
    let state = Rc::new(Batch { js: Rc::clone(js), atomic: Atomic::new(&js.api, ack_every as u64, None) });
    let born = birth::make(call.interp, CLASS.name, state as Rc<dyn Instance>)?;
    let name = born.handle.name(call.interp);
    if dialect::of(call.interp).children_die && !js.family.adopt(&js.connection.home, born.handle) {
        return Err(Fault::Closed.into());
    }
    Ok(name.into())
}

fn add(batch: &Rc<Batch>, call: &Invocation) -> Result<Reply> {
    batch.atomic.check(true)?;
    let (headers, needs) = headers(&call.options, Headers::new())?;
    let message = message(&batch.js, &call.args[0], &call.args[1], headers)?;
    let batch = Rc::clone(batch);
    block(call.interp, async move {
        supported(&batch.js.api, "batch", needs).await?;
        batch.atomic.add(message).await?;
        Ok(Obj::int(batch.atomic.size() as i64))
    })
}

fn commit(batch: &Rc<Batch>, call: &Invocation) -> Result<Reply> {
    let (last, needs) = match call.args {
        [] => (None, None),
        [_] => return Err(call.call.wrong_args("?subject message ?-option value ...??").into()),
        [subject, data, words @ ..] => {
            let options = Options::parse(call.interp, BATCHED_OPTIONS, words)?;
            let (headers, needs) = headers(&options, Headers::new())?;
            batch.atomic.check(true)?;
            (Some(message(&batch.js, subject, data, headers)?), needs)
        }
    };
    batch.atomic.check(last.is_some())?;
    let batch = Rc::clone(batch);
    block(call.interp, async move {
        supported(&batch.js.api, "batch", needs).await?;
        Ok(ack_dict(&batch.atomic.commit(last).await?)?)
    })
}

fn discard(batch: &Rc<Batch>, _call: &Invocation) -> Result<Reply> {
    batch.atomic.discard();
    Ok(Reply::Empty)
}

fn size(batch: &Rc<Batch>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::int(batch.atomic.size() as i64).into())
}

/// Number of words from which an element of `publish_batch` is a message dict.
const DICT_WORDS: usize = 4;

/// An element of `publish_batch`: `subject data ?header?`, or a message dict.
fn element(js: &JetStream, element: &Obj) -> Result<Outgoing> {
    match element.as_list().as_deref() {
        Some([subject, data]) => message(js, subject, data, None),
        Some([subject, data, header]) => message(js, subject, data, headers_out(header)?),
        Some(words) if words.len() >= DICT_WORDS => {
            let parts = parts(element)?;
            message(js, &parts.subject, &parts.data, parts.headers)
        }
        _ => Err(Argument::MessageWithoutSubject.into()),
    }
}

/// `publish_batch messages ?-timeout ms?`
pub(super) fn publish_batch(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    open_or_error(js)?;
    let elements = call.args[0].as_list().ok_or(Argument::MessageNotDict)?;
    if elements.len() as u64 > MOST {
        return Err(Argument::BatchTooLarge.into());
    }
    let mut messages = elements.iter().map(|one| element(js, one)).collect::<Result<Vec<_>>>()?;
    let Some(last) = messages.pop() else { return Err(Argument::BatchEmpty.into()) };
    let ms = call.options.given_int(const { named(PUBLISH_BATCH_OPTIONS, "timeout") }).unwrap_or(js.api.timeout);
    let (api, deadline) = (Rc::clone(&js.api), Deadline::after(ms));
    block(call.interp, async move {
        supported(&api.with_timeout(ms), "publish_batch", None).await?;
        let atomic = Atomic::new(&api, 0, Some(deadline));
        for message in messages {
            atomic.add(message).await?;
        }
        Ok(ack_dict(&atomic.commit(Some(last)).await?)?)
    })
}
