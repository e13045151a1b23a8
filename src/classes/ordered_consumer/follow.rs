//! Ordered consumers of dialect 3 as version 3.2.1 has them.

use std::rc::Rc;

use super::reader::{ordered_consumer, wish};
use super::state::{CLASS_NAME, Ordered};
use crate::bridge::birth;
use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::{Result, shown};
use crate::bridge::messages::dict_in;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::jet_stream::api::{JetStream, open_or_error, stream_name};
use crate::client::follower::{Follower, News, Request};
use crate::client::{Argument, Fault, Turns};
use crate::engine::Level;
use crate::rules::option::{Name, int, named};
use crate::rules::ordered_options::{ORDERED_OPTIONS, ordered_config};
use crate::tcl::{Handle, Instance, Obj, Reply};

/// Makes the object and its first consumer. `news` gets what it delivers and must not run scripts; `at_end` runs when the object
/// is destroyed. [`Ordered::follow`] starts it.
///
/// # Errors
/// Those of the request that makes the consumer; then there is no object.
pub(crate) async fn make(
    js: &Rc<JetStream>,
    request: Request,
    news: Box<dyn Fn(News)>,
    at_end: Box<dyn FnOnce()>,
) -> Result<(Handle, Rc<Ordered>)> {
    let ordered = Rc::new(Ordered::new(&js.connection, Some(at_end)));
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
    follower.make().await?;
    let kept = ordered.connection.home.live().ok_or(Fault::Closed)?;
    let born = birth::make(kept.interp(), CLASS_NAME, Rc::clone(&ordered) as Rc<dyn Instance>)?;
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
    pub(crate) fn follow(&self) {
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

const CALLBACK: Name = named(ORDERED_OPTIONS, "callback");
const MODE: Name = named(ORDERED_OPTIONS, "mode");

/// Options that 3.2.1 does not have, and its ordered consumers neither.
const NEW: [Name; 6] = [
    int(ORDERED_OPTIONS, "max_msgs").name,
    named(ORDERED_OPTIONS, "max_bytes"),
    named(ORDERED_OPTIONS, "stop_after"),
    named(ORDERED_OPTIONS, "batch"),
    named(ORDERED_OPTIONS, "batch_wait"),
    named(ORDERED_OPTIONS, "events"),
];

/// `ordered_consumer stream -callback prefix ?-option value ...?`
pub(crate) fn ordered_consumer_3(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    if call.options.given(MODE).is_some() {
        return ordered_consumer(js, call);
    }
    for name in NEW {
        if call.options.given(name).is_some() {
            return Err(Argument::Needs(name, MODE).into());
        }
    }
    let stream = stream_name(&call.args[0])?;
    let callback = call.options.required(CALLBACK)?;
    let callback = prefix(&callback.obj)?;
    js.api.knows(ORDERED_OPTIONS, &call.options.values(), false)?;
    let config = wish(&call.options)?;
    let heartbeat = call.options.int(const { int(ORDERED_OPTIONS, "idle_heartbeat") });
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
