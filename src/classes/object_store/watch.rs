//! `watch` and `unwatch`: an ordered consumer of metas whose infos go to a callback.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::Value as Json;

use super::info::info_dict;
use super::state::ObjectStore;
use crate::bridge::errors::{Result, reason_text};
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::client::object::Store;
use crate::client::ordered::{Consumer, Delivered, created};
use crate::client::{Argument, Turns};
use crate::rules::kv::Start;
use crate::rules::object_options::WATCH_OPTIONS;
use crate::rules::option::{Preset, flag, int, named};
use crate::tcl::{Obj, Reply};

const INCLUDE_HISTORY: Preset<bool> = flag(WATCH_OPTIONS, "include_history");
const UPDATES_ONLY: Preset<bool> = flag(WATCH_OPTIONS, "updates_only");

/// A running watch.
pub(super) struct Watch {
    connection: Rc<Connection>,
    store: Rc<Store>,
    ignore_deletes: bool,
    pattern: Option<Obj>,
    consumer: RefCell<Option<Consumer>>,
    /// Status and info of callbacks still to be run.
    turns: Rc<Turns<(&'static str, Obj)>>,
    /// Whether the callback was told of trouble, and not yet of its end.
    troubled: Cell<bool>,
}

impl Watch {
    /// Ends it: no further callback, no consumer.
    pub(super) fn end(&self) {
        let consumer = self.consumer.take();
        self.turns.end();
        drop(consumer);
    }

    /// Takes what the consumer delivers.
    fn take(&self, item: Delivered) {
        match item {
            Delivered::Message { message, revision, timestamp, .. } => {
                self.troubled.set(false);
                let Some(entry) = self.store.meta_of(&message, revision, timestamp) else { return };
                let fits = self.pattern.as_ref().is_none_or(|glob| Obj::text(entry.meta.name()).matches(glob));
                if fits && !(self.ignore_deletes && entry.meta.is_deleted()) {
                    self.show("", info_dict(&self.store.bucket, &entry));
                }
            }
            Delivered::CaughtUp => self.show("end_of_initial_data", Obj::empty()),
            Delivered::Quiet => {
                if self.troubled.replace(false) {
                    self.show("ok", Obj::empty());
                }
            }
            Delivered::Trouble(reason) => {
                self.troubled.set(true);
                self.show("error", Obj::text(&reason_text(&self.connection.home, &reason)));
            }
            Delivered::Failed(_) | Delivered::Ended(_) => {}
        }
    }

    fn show(&self, status: &'static str, value: Obj) {
        self.turns.push((status, value));
    }
}

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
