//! `watch` and `unwatch`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::Value as Json;

use super::state::ObjectStore;
use super::watch::Watch;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::client::ordered::created;
use crate::client::{Argument, Turns};
use crate::rules::kv::Start;
use crate::rules::object_options::WATCH_OPTIONS;
use crate::rules::option::{Preset, flag, int, named};
use crate::tcl::{Obj, Reply};

const INCLUDE_HISTORY: Preset<bool> = flag(WATCH_OPTIONS, "include_history");
const UPDATES_ONLY: Preset<bool> = flag(WATCH_OPTIONS, "updates_only");

/// `watch -callback prefix ?-option value ...?`
pub(super) fn watch(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let options = &call.options;
    let callback = prefix(&options.required(const { named(WATCH_OPTIONS, "callback") })?.obj)?;
    let (history, updates) = (options.flag(INCLUDE_HISTORY), options.flag(UPDATES_ONLY));
    if history && updates {
        return Err(Argument::Exclusive(INCLUDE_HISTORY.name, UPDATES_ONLY.name).into());
    }
    state.open()?;
    let connection = Rc::clone(&state.js.connection);
    let of_callback = Rc::clone(&connection);
    let run = move |(status, value)| of_callback.run_callback(&callback, [Obj::text(status), value]);
    let watch = Rc::new(Watch {
        connection,
        store: Rc::clone(&state.store),
        ignore_deletes: options.flag(const { flag(WATCH_OPTIONS, "ignore_deletes") }),
        pattern: options.given(const { named(WATCH_OPTIONS, "pattern") }).map(|given| given.obj.clone()),
        consumer: RefCell::default(),
        turns: Turns::new(NESTED_CALLBACKS, Rc::new(run)),
        troubled: Cell::new(false),
        held: RefCell::new((!history).then(Vec::new)),
    });
    let heartbeat = options.int(const { int(WATCH_OPTIONS, "idle_heartbeat") });
    let state = Rc::clone(state);
    block(call.interp, async move {
        let store = &state.store;
        let info = store.api.json(&format!("STREAM.INFO.{}", store.stream), String::new()).await;
        let info: Option<Json> = match info {
            Err(fault) if fault.is_refusal() => None,
            outcome => Some(outcome.map_err(|fault| fault.of_bucket(&store.bucket))?),
        };
        let known = info.as_ref().map(created);
        let start = match (history, updates, &known) {
            (true, _, _) => Start::First,
            (_, true, Some((_, last_seq))) => Start::Revision(last_seq + 1),
            (_, true, None) => Start::New,
            _ => Start::LastPerKey,
        };
        let target = Rc::downgrade(&watch);
        let sink = move |item| {
            if let Some(watch) = target.upgrade() {
                watch.take(item);
            }
        };
        let consumer = store.follow(start, heartbeat, Box::new(sink));
        match &known {
            Some((created, last_seq)) => consumer.knows(created, *last_seq),
            None => consumer.learn(),
        }
        if let Err(fault) = consumer.start(store.api.timeout).await {
            return Err(store.missing(fault).await.into());
        }
        store.present()?;
        consumer.follow();
        watch.consumer.replace(Some(consumer));
        watch.turns.release();
        Ok(Obj::int(state.watched(watch)))
    })
}

/// `unwatch watchID`
pub(super) fn unwatch(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let word = &call.args[0];
    match word.as_int().and_then(|id| state.forget_watch(id)) {
        Some(watch) => {
            watch.end();
            Ok(Reply::Empty)
        }
        None => Err(Argument::WatchId(word.to_text()).into()),
    }
}
