//! `nats::ordered_consumer`: every message of a stream once, in order, whatever happens to the consumer in the server (ADR-17).

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::bridge::birth;
use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::{Result, shown};
use crate::bridge::json::to_obj;
use crate::bridge::messages::dict_in;
use crate::bridge::method::{ANY, Invocation, Method, constructor, row};
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::jet_stream::api::{JetStream, open_or_error, stream_name};
use crate::client::follower::{Follower, News, Request};
use crate::client::{Argument, Fault, Turns};
use crate::engine::Level;
use crate::rules::jetstream_consumers::{ORDERED_OPTIONS, ordered_config};
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::jetstream_convert_body::body;
use crate::rules::option::{self, Name, named};
use crate::tcl::trace::Guard;
use crate::tcl::{Class, Handle, Instance, Obj, Reply};

/// The class.
pub(super) static CLASS: Class<Method<Ordered>> = Class {
    name: "::nats::ordered_consumer",
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
    ]],
};

/// State of a `nats::ordered_consumer` object.
pub(super) struct Ordered {
    connection: Rc<Connection>,
    follower: OnceCell<Rc<Follower>>,
    guard: Rc<Guard>,
    /// Full name of the variable `last_error`.
    variable: RefCell<String>,
    /// Name with which it was made.
    command: RefCell<String>,
    /// Work to be done when it ends.
    at_end: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Instance for Ordered {
    fn close(&self) {
        self.guard.retire();
        if let Some(follower) = self.follower.get() {
            follower.end();
        }
        let at_end = self.at_end.take();
        if let Some(at_end) = at_end {
            at_end();
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

/// Makes the object and its first consumer. `news` gets what it delivers and must not run scripts; `at_end` runs when the object
/// is destroyed. [`Ordered::follow`] starts it.
///
/// # Errors
/// Those of the request that makes the consumer; then there is no object.
pub(super) async fn make(
    js: &Rc<JetStream>,
    request: Request,
    news: Box<dyn Fn(News)>,
    at_end: Box<dyn FnOnce()>,
) -> Result<(Handle, Rc<Ordered>)> {
    let connection = Rc::clone(&js.connection);
    let ordered = Rc::new(Ordered {
        connection,
        follower: OnceCell::new(),
        guard: Guard::new(),
        variable: RefCell::default(),
        command: RefCell::default(),
        at_end: RefCell::new(Some(at_end)),
    });
    let target = Rc::downgrade(&ordered);
    let sort = move |one| match one {
        News::Message { .. } | News::Made(_) | News::Quiet => news(one),
        other => {
            if let Some(ordered) = target.upgrade() {
                ordered.report(&other);
            }
        }
    };
    let follower = Follower::new(&js.api, request, Box::new(sort));
    follower.make(None).await?;
    let kept = ordered.connection.home.live().ok_or(Fault::Closed)?;
    let born = birth::make(kept.interp(), CLASS.name, Rc::clone(&ordered) as Rc<dyn Instance>)?;
    let variable = format!("{}::last_error", born.namespace);
    ordered.guard.set(kept.interp(), &variable, None, &Obj::empty())?;
    ordered.guard.protect(kept.interp(), &variable);
    ordered.variable.replace(variable);
    ordered.command.replace(born.handle.name(kept.interp()).to_text());
    // Nobody else sets it.
    let _ = ordered.follower.set(follower);
    Ok((born.handle, ordered))
}

impl Ordered {
    /// Starts to deliver.
    pub(super) fn follow(&self) {
        if let Some(follower) = self.follower.get() {
            follower.follow();
        }
    }

    /// Writes `last_error` and the log.
    fn report(&self, news: &News) {
        let home = &self.connection.home;
        let (dict, text) = match news {
            News::Reset(fault) => shown(home, fault, str::to_string),
            News::Failed(fault) => shown(home, fault, |text| format!("failed to reset: {text}")),
            News::Stopped(Some(fault)) => shown(home, fault, |text| format!("stopped due to {text}")),
            News::Stopped(None) => shown(home, &Fault::Closed, |_| "stopped".to_string()),
            News::Message { .. } | News::Made(_) | News::Quiet => return,
        };
        let Some(kept) = home.live() else { return };
        let (command, variable) = (self.command.borrow().clone(), self.variable.borrow().clone());
        if let Err(error) = self.guard.set(kept.interp(), &variable, None, &dict) {
            // An error of a script's own trace.
            kept.interp().background_error(&error);
        }
        self.connection.log(Level::Warn, || format!("Ordered consumer {command}: {text}"));
    }
}

fn info(ordered: &Rc<Ordered>, _call: &Invocation) -> Result<Reply> {
    let info = ordered.follower.get().map(|follower| follower.info()).unwrap_or_default();
    Ok(to_obj(&convert_reply(info, false)).into())
}

fn name(ordered: &Rc<Ordered>, _call: &Invocation) -> Result<Reply> {
    Ok(Obj::text(&ordered.follower.get().map(|follower| follower.name()).unwrap_or_default()).into())
}

const CALLBACK: Name = named(ORDERED_OPTIONS, "callback");

/// `ordered_consumer stream -callback prefix ?-option value ...?`
pub(super) fn ordered_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let callback = call.options.required(CALLBACK)?;
    let callback = prefix(&callback.obj)?;
    let mut given = call.options.values();
    given.retain(|(index, _)| ORDERED_OPTIONS[*index].name != CALLBACK.as_str());
    let config = body(ORDERED_OPTIONS, &given, true).map_err(Argument::Value)?;
    let heartbeat = call.options.int(const { option::int(ORDERED_OPTIONS, "idle_heartbeat") });
    let request = Request { stream, config: ordered_config(config, heartbeat), heartbeat, behind_arrivals };
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let connection = Rc::clone(&js.connection);
        let run = move |message| connection.run_callback(&callback, [message]);
        let turns = Turns::new(NESTED_CALLBACKS, Rc::new(run));
        let (connection, to) = (Rc::clone(&js.connection), Rc::clone(&turns));
        let news = move |news| {
            if let News::Message { message, .. } = news {
                to.push(dict_in(connection.coding(), &message, 0));
            }
        };
        let ending = Rc::clone(&turns);
        let (handle, ordered) = make(&js, request, Box::new(news), Box::new(move || ending.end())).await?;
        let kept = js.connection.home.live().ok_or(Fault::Closed)?;
        let name = handle.name(kept.interp());
        if !js.family.adopt(&js.connection.home, handle) {
            return Err(Fault::Closed.into());
        }
        ordered.follow();
        turns.release();
        Ok(name)
    })
}
