//! `nats::fast_publisher`: a fast batch, which streams with `-allow_batched` store as it comes.

use std::rc::Rc;

use crate::bridge::birth;
use crate::bridge::describe::dict;
use crate::bridge::dialect;
use crate::bridge::errors::{Result, code_and_text};
use crate::bridge::messages::{outgoing, publication};
use crate::bridge::method::{ANY, Invocation, Method, constructor, raw, row};
use crate::bridge::options::{Options, bad_value};
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::jet_stream::api::{JetStream, open_or_error};
use crate::classes::jet_stream::publish::{ack_dict, headers};
use crate::client::fast::Fast;
use crate::client::{Fault, Turns, timeout};
use crate::engine::{Headers, Outgoing};
use crate::rules::fast::{News, Setting};
use crate::rules::fast_answer::LEVEL;
use crate::rules::option::{Kind, Preset, int, named, text};
use crate::rules::publishing::{BATCHED_OPTIONS, FAST_OPTIONS};
use crate::tcl::{Class, Instance, Obj, Reply};

/// What needs the level.
const METHOD: &str = "The method fast_publisher";

/// The class.
pub(super) static CLASS: Class<Method<FastPublisher>> = Class {
    name: "::nats::fast_publisher",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the JetStream object's method fast_publisher. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[&[
        row(
            "publish",
            "subject message ?-option value ...?",
            (2, 2),
            BATCHED_OPTIONS,
            "Publishes; the number of the message, from 1. The first one waits until the stream has taken the batch on, others wait while the window is full. Errors: ErrInvalidArg, ErrNotSupported, ErrNoResponders, ErrJSResponse, ErrConnectionClosed, ErrTimeout and those of the connection's publish.",
            publish,
        ),
        row(
            "acked",
            "",
            (0, 0),
            &[],
            "Number of the last message of which the server has said that it and all before it are settled.",
            acked,
        ),
        raw(
            "commit",
            "?subject message ?-option value ...??",
            (0, ANY),
            BATCHED_OPTIONS,
            "Ends the batch, with a last message or without. The pubAck dict `stream seq batch count` of the last one that is stored, with `complete 0` if the batch ended before its last message. Errors as of `publish`.",
            commit,
        ),
        row("close", "", (0, 0), &[], "As `commit` without a message.", close),
    ]],
};

/// State of a `nats::fast_publisher` object.
pub(super) struct FastPublisher {
    js: Rc<JetStream>,
    /// Time in ms after which silence ends the batch, 0 for none.
    ms: i64,
    fast: Rc<Fast>,
    turns: Option<Rc<Turns<News>>>,
}

impl Instance for FastPublisher {
    fn close(&self) {
        self.fast.abandon();
        if let Some(turns) = &self.turns {
            turns.end();
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

/// `fast_publisher ?-option value ...?`
pub(super) fn fast_publisher(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let options = &call.options;
    let positive = |option: Preset<i64>| match options.int(option) {
        0 => Err(bad_value(option.name.as_str(), Kind::Count, &Obj::int(0))),
        number => Ok(number as u64),
    };
    let ms = options.given_int(const { named(FAST_OPTIONS, "timeout") }).unwrap_or(js.api.timeout);
    let setting = Setting {
        flow: positive(const { int(FAST_OPTIONS, "flow") })?,
        outstanding: positive(const { int(FAST_OPTIONS, "outstanding") })?,
        tolerant: options.text(const { text(FAST_OPTIONS, "gap") }) == "ok",
        timeout: timeout(ms),
    };
    let events = options.given(const { named(FAST_OPTIONS, "events") });
    let events = events.map(|given| prefix(&given.obj)).transpose()?;
    open_or_error(js)?;
    let connection = Rc::clone(&js.connection);
    let turns = events.map(|events| {
        let run = move |news: News| connection.run_callback(&events, event(&connection, news));
        Turns::released(NESTED_CALLBACKS, Rc::new(run))
    });
    let tell = turns.clone().map(|turns| Box::new(move |news| turns.push(news)) as Box<dyn Fn(News)>);
    let fast = Fast::new(&js.api, setting, tell);
    let state = Rc::new(FastPublisher { js: Rc::clone(js), ms, fast, turns });
    let born = birth::make(call.interp, CLASS.name, state as Rc<dyn Instance>)?;
    let name = born.handle.name(call.interp);
    if dialect::of(call.interp).children_die && !js.family.adopt(&js.connection.home, born.handle) {
        return Err(Fault::Closed.into());
    }
    Ok(name.into())
}

/// The words of an event.
fn event(connection: &Rc<Connection>, news: News) -> [Obj; 3] {
    match news {
        News::Gap(first, next) => [Obj::text("gap"), Obj::uint(first), Obj::uint(next)],
        News::Refused(number, refusal) => {
            let (code, text) = code_and_text(&connection.home, &Fault::from(refusal));
            [Obj::text("error"), Obj::uint(number), dict([("code", code), ("message", text)])]
        }
    }
}

fn publish(state: &Rc<FastPublisher>, call: &Invocation) -> Result<Reply> {
    let js = &state.js;
    js.connection.open_or_error()?;
    let headers = if call.options.all().is_empty() { None } else { headers(&call.options, Headers::new())?.0 };
    let (latest, coding) = (&js.connection.latest, js.connection.coding());
    if !state.fast.is_new() {
        // The usual case copies nothing.
        let borrowed = headers.clone();
        let sent = publication(latest, coding, &call.args[0], &call.args[1], "", borrowed, |p| state.fast.try_publish(p))??;
        if let Some(number) = sent {
            return Ok(Obj::uint(number).into());
        }
    }
    let message = outgoing(latest, coding, &call.args[0], &call.args[1], "", headers)?;
    let state = Rc::clone(state);
    block(call.interp, async move {
        state.supported().await?;
        Ok(Obj::uint(state.fast.publish(&message).await?))
    })
}

impl FastPublisher {
    /// Checks, before the first message, that the server has fast batches.
    async fn supported(&self) -> Result<()> {
        if self.fast.is_new() {
            self.js.api.with_timeout(self.ms).needs_level(METHOD, LEVEL).await?;
        }
        Ok(())
    }
}

fn acked(state: &Rc<FastPublisher>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::uint(state.fast.acked()).into())
}

fn commit(state: &Rc<FastPublisher>, call: &Invocation) -> Result<Reply> {
    let js = &state.js;
    let last = match call.args {
        [] => None,
        [_] => return Err(call.call.wrong_args("?subject message ?-option value ...??").into()),
        [subject, data, words @ ..] => {
            let options = Options::parse(call.interp, BATCHED_OPTIONS, words)?;
            let (headers, _) = headers(&options, Headers::new())?;
            Some(outgoing(&js.connection.latest, js.connection.coding(), subject, data, "", headers)?)
        }
    };
    end(state, call, last)
}

fn close(state: &Rc<FastPublisher>, call: &Invocation) -> Result<Reply> {
    end(state, call, None)
}

fn end(state: &Rc<FastPublisher>, call: &Invocation, last: Option<Outgoing>) -> Result<Reply> {
    let state = Rc::clone(state);
    block(call.interp, async move {
        if last.is_some() {
            state.supported().await?;
        }
        let acked = state.fast.commit(last.as_ref()).await?;
        let mut ack = ack_dict(&acked.ack)?;
        if !acked.complete {
            ack.put_text("complete", &Obj::int(0));
        }
        Ok(ack)
    })
}
