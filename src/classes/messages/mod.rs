//! `nats::messages`: a consumer whose messages are asked for as the script takes them (ADR-37).

pub(super) mod options;
mod rows;
mod run;
mod settle;
mod state;
mod take;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

use crate::bridge::birth::{self, Born};
use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::Result;
use crate::bridge::method::{ANY, Invocation, Method, constructor, row};
use crate::bridge::task::block;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::jet_stream::api::{JetStream, consumer_name, open_or_error, stream_name};
use crate::client::messages::{Origin, Remaking, Source, Told};
use crate::client::{Fault, Turns};
use crate::rules::messages::{DRAIN_OPTIONS, STOP_OPTIONS};
use crate::rules::option::{flag, named};
use crate::tcl::event::later;
use crate::tcl::trace::Guard;
use crate::tcl::{Class, Instance, Interp, Obj, Reply};
use options::Settings;
pub(super) use rows::{Takes, Taking};
pub(super) use settle::settle_orphan;
use state::Event;
pub(super) use state::Messages;

/// The class.
pub(super) static CLASS: Class<Method<Messages>> = Class {
    name: "::nats::messages",
    constructor: constructor(
        "",
        (0, ANY),
        &[],
        "Made by the JetStream object's method messages. Errors: ErrInvalidArg.",
        birth::construct,
    ),
    methods: &[
        Taking::ROWS,
        &[
            row(
                "drain",
                "?-timeout ms?",
                (0, 0),
                DRAIN_OPTIONS,
                "Asks for no more messages and waits for what is on its way. What is buffered is still delivered; then it ends with the reason `drained`. Empty result. Errors: `ErrTimeout`.",
                drain,
            ),
            row(
                "stop",
                "?-nak bool?",
                (0, 0),
                STOP_OPTIONS,
                "Ends it at once with the reason `stopped`; what is buffered is dropped. Empty result.",
                stop,
            ),
        ],
    ],
};

impl Takes for Messages {
    fn taker(self: &Rc<Self>) -> Result<&Rc<Messages>> {
        Ok(self)
    }
}

/// `messages stream consumer ?-option value ...?`
pub(super) fn messages(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let consumer = consumer_name(&call.args[1].as_text())?;
    let (settings, plan) = options::read(js, &call.options)?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let (mut settings, mut plan, mut remaking) = (settings, plan, None);
        if settings.check {
            let info = js.api.json(&format!("CONSUMER.INFO.{stream}.{consumer}"), String::new()).await?;
            info.get("config").and_then(serde_json::Value::as_object).ok_or(Fault::ReplyIncomplete)?;
            options::check(&info, &consumer, &mut settings, &mut plan)?;
            remaking = plan.recreates.then(|| Remaking::new(&info, settings.acknowledges()));
        }
        let kept = js.connection.home.live().ok_or(Fault::Closed)?;
        let origin = Origin { api: Rc::clone(&js.api), stream, behind_arrivals };
        let state = reader(&js, settings, |tell| Source::of_consumer(origin, &consumer, plan, remaking, tell));
        let born = birth::make(kept.interp(), CLASS.name, Rc::clone(&state) as Rc<dyn Instance>)?;
        state.born(kept.interp(), &born)?;
        Ok(born.handle.name(kept.interp()))
    })
}

/// What takes messages for an object; `source` makes where they come from.
pub(super) fn reader(js: &JetStream, settings: Settings, source: impl FnOnce(Box<dyn Fn(Told)>) -> Rc<Source>) -> Rc<Messages> {
    let state = Rc::new_cyclic(|state: &Weak<Messages>| new(js, settings, state));
    let target = Rc::downgrade(&state);
    let tell = move |told| {
        if let Some(messages) = target.upgrade() {
            messages.told(told);
        }
    };
    // Nobody else sets it.
    let _ = state.source.set(source(Box::new(tell)));
    state
}

impl Messages {
    /// Its object was made: messages may come.
    ///
    /// # Errors
    /// `ErrConnectionClosed`; then the object is gone.
    pub(super) fn born(&self, interp: Interp, born: &Born) -> Result<()> {
        let variable = format!("{}::last_error", born.namespace);
        self.guard.set(interp, &variable, None, &Obj::empty())?;
        self.guard.protect(interp, &variable);
        self.variable.replace(variable);
        self.my.replace(format!("{}::my", born.namespace));
        if let Err(fault) = self.source()?.start() {
            born.handle.destroy(interp);
            return Err(fault.into());
        }
        self.turns.release();
        self.events.release();
        Ok(())
    }
}

fn new(js: &JetStream, settings: Settings, state: &Weak<Messages>) -> Messages {
    let most = u32::try_from(settings.concurrency).unwrap_or(u32::MAX).min(NESTED_CALLBACKS);
    let target = Weak::clone(state);
    let turn = move |()| {
        if let Some(messages) = target.upgrade() {
            messages.turn();
        }
    };
    let (connection, prefix) = (Rc::clone(&js.connection), settings.events.clone().unwrap_or_default());
    let event = move |event: Event| {
        if let Some(then) = event.then {
            later(then);
        }
        connection.run_callback(&prefix, [Obj::text(event.name), Obj::text(&event.text)]);
    };
    Messages {
        connection: Rc::clone(&js.connection),
        api: Rc::clone(&js.api),
        settings,
        source: OnceCell::new(),
        guard: Guard::new(),
        variable: RefCell::default(),
        my: RefCell::default(),
        title: RefCell::default(),
        turns: Turns::new(most, Rc::new(turn)),
        turn_waits: Cell::new(false),
        events: Turns::new(1, Rc::new(event)),
        waiters: RefCell::default(),
        taken: RefCell::default(),
        running: Cell::new(0),
        batch_timer: RefCell::default(),
        batch_due: Cell::new(false),
    }
}

pub(super) fn pause(messages: &Rc<Messages>, paused: bool) -> Result<Reply> {
    messages.source()?.set_paused(paused);
    if !paused {
        messages.kick();
        messages.wake();
    }
    Ok(Reply::Empty)
}

fn drain(messages: &Rc<Messages>, call: &Invocation) -> Result<Reply> {
    let source = Rc::clone(messages.source()?);
    let ms = call.options.given_int(const { named(DRAIN_OPTIONS, "timeout") }).unwrap_or(messages.api.timeout);
    let messages = Rc::clone(messages);
    block(call.interp, async move {
        let drained = source.drain(ms).await;
        // A batch that waited to be full goes as it is.
        messages.kick();
        // So do calls that wait during a pause.
        messages.wake();
        Ok(drained.map(|()| Obj::empty())?)
    })
}

fn stop(messages: &Rc<Messages>, call: &Invocation) -> Result<Reply> {
    messages.source()?.stop(call.options.flag(const { flag(STOP_OPTIONS, "nak") }));
    Ok(Reply::Empty)
}

pub(super) fn status(messages: &Rc<Messages>, _call: &Invocation) -> Result<Reply> {
    let source = messages.source()?;
    let (buffered, bytes) = source.buffered();
    let mut dict = Obj::dict();
    source.look(|machine| {
        let state = match machine {
            m if m.is_over() => "ended",
            m if m.is_closing() => "draining",
            m if m.is_paused() => "paused",
            _ => "running",
        };
        let outstanding = if machine.is_over() { 0 } else { machine.outstanding() };
        dict.put_text("state", &Obj::text(state));
        dict.put_text("reason", &Obj::text(&source.reason()));
        dict.put_text("outstanding", &Obj::uint(outstanding));
        dict.put_text("buffered", &Obj::uint(buffered as u64));
        dict.put_text("buffered_bytes", &Obj::uint(bytes));
        dict.put_text("delivered", &Obj::uint(machine.delivered()));
        dict.put_text("pulls", &Obj::uint(machine.pulls()));
        dict.put_text("redelivered", &Obj::uint(source.redelivered()));
        dict.put_text("pinned", &Obj::text(machine.pin().unwrap_or_default()));
    });
    Ok(dict.into())
}
