//! `watch` and `unwatch`: an ordered consumer whose entries go to a callback.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::entry::Entry;
use super::read::Reading;
use super::{KeyValue, bucket_name, key_that};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::ordered::{Consumer, Item, Request, created};
use crate::client::{Argument, Fault};
use crate::rules::kv::{Operation, Start, WATCH_OPTIONS, stream_name};
use crate::rules::names::is_key_pattern;
use crate::rules::option::{Preset, flag, int, named};
use crate::tcl::event::{after_others, later};
use crate::tcl::script::note_script;
use crate::tcl::{Obj, Reply};

/// A running watch.
pub struct Watch {
    connection: Rc<Connection>,
    callback: RefCell<Vec<Obj>>,
    ignore_deletes: bool,
    consumer: RefCell<Option<Consumer>>,
    /// Status and entry of callbacks still to be run.
    queue: RefCell<VecDeque<(&'static str, Obj)>>,
    /// The callback was told of trouble, and not yet of its end.
    troubled: Cell<bool>,
    /// The call that began the watch has returned.
    released: Cell<bool>,
    /// An event that runs the next callback is queued.
    scheduled: Cell<bool>,
    /// Since when callbacks have followed each other.
    slice: Cell<Option<Instant>>,
    ended: Cell<bool>,
    /// Callbacks that are on the stack.
    depth: Cell<u32>,
}

/// How long callbacks may follow each other before timers and files are looked at.
const SLICE: Duration = Duration::from_millis(1);

const INCLUDE_HISTORY: Preset<bool> = flag(WATCH_OPTIONS, "include_history");
const UPDATES_ONLY: Preset<bool> = flag(WATCH_OPTIONS, "updates_only");

/// `watch bucket ?key? -callback prefix ?options?`
pub fn watch(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let key = match call.args.get(1) {
        Some(word) => key_that(word, is_key_pattern)?,
        None => ">".to_string(),
    };
    let options = &call.options;
    let callback = options.required(const { named(WATCH_OPTIONS, "callback") })?;
    let callback = prefix(&callback.obj)?;
    let history = options.flag(INCLUDE_HISTORY);
    let updates = options.flag(UPDATES_ONLY);
    if history && updates {
        return Err(Argument::Exclusive(INCLUDE_HISTORY.name, UPDATES_ONLY.name).into());
    }
    kv.open()?;
    let mut start = if history { Start::First } else { Start::LastPerKey };
    let headers_only = options.flag(const { flag(WATCH_OPTIONS, "headers_only") });
    let heartbeat = options.int(const { int(WATCH_OPTIONS, "idle_heartbeat") });
    let watch = Watch::new(&kv.js.connection, callback, options.flag(const { flag(WATCH_OPTIONS, "ignore_deletes") }));
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    block(call.interp, async move {
        let access = kv.access(&bucket);
        let mut info = None;
        if (check || updates) && !access.is_blind() {
            info = access.looked(kv.look(&bucket, kv.js.timeout).await)?;
        }
        let known = info.as_ref().map(created);
        if updates {
            start = known.as_ref().map_or(Start::New, |(_, last_seq)| Start::Revision(last_seq + 1));
        }
        if let Some(info) = &info {
            kv.remember(&bucket, info);
        }
        let begin = |forms| {
            let target = Rc::downgrade(&watch);
            let sink = move |item| {
                if let Some(watch) = target.upgrade() {
                    watch.take(item);
                }
            };
            let (stream, access) = (stream_name(&bucket), Rc::clone(&access));
            let request = Request { stream, forms, access, start, headers_only, heartbeat };
            let consumer = Consumer::new(&kv.js, request, Box::new(sink));
            if let Some((created, last_seq)) = &known {
                consumer.knows(created, *last_seq);
            }
            consumer
        };
        let reading = Reading { bucket: &bucket, key: &key, check, looked: info.is_some(), ms: kv.js.timeout };
        let consumer = kv.read(&reading, &begin).await?;
        if kv.destroyed.get() {
            return Err(Fault::Closed.into());
        }
        if known.is_none() {
            consumer.learn();
        }
        consumer.follow();
        watch.consumer.replace(Some(consumer));
        watch.release();
        let id = kv.last_watch.get() + 1;
        kv.last_watch.set(id);
        kv.watches.borrow_mut().insert(id, watch);
        Ok(Obj::int(id))
    })
}

/// `unwatch watchID`
pub fn unwatch(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let word = &call.args[0];
    let watch = word.as_int().and_then(|id| kv.watches.borrow_mut().remove(&id));
    match watch {
        Some(watch) => {
            watch.end();
            Ok(Reply::Empty)
        }
        None => Err(Argument::WatchId(word.to_text()).into()),
    }
}

impl Watch {
    fn new(connection: &Rc<Connection>, callback: Vec<Obj>, ignore_deletes: bool) -> Rc<Watch> {
        Rc::new(Watch {
            connection: Rc::clone(connection),
            callback: RefCell::new(callback),
            ignore_deletes,
            consumer: RefCell::default(),
            queue: RefCell::default(),
            troubled: Cell::new(false),
            released: Cell::new(false),
            scheduled: Cell::new(false),
            slice: Cell::new(None),
            ended: Cell::new(false),
            depth: Cell::new(0),
        })
    }

    /// Ends it: no further callback, no consumer.
    pub fn end(&self) {
        self.ended.set(true);
        // Values are dropped when nothing is borrowed any more: they may run code of their own.
        let gone = (self.consumer.take(), self.queue.take(), self.callback.take());
        drop(gone);
    }

    fn take(self: &Rc<Self>, item: Item) {
        match item {
            Item::Message { message, revision, timestamp, pending } => {
                let Some(entry) = Entry::of(&message, revision, timestamp, pending) else { return };
                if !self.ignore_deletes || entry.operation == Operation::Put {
                    self.troubled.set(false);
                    self.show("", entry.dict(self.connection.coding(), message.payload()));
                } else if pending == 0 {
                    self.recovered();
                }
            }
            Item::CaughtUp => self.show("end_of_initial_data", Obj::empty()),
            Item::Quiet => self.recovered(),
            Item::Trouble(reason) => {
                self.troubled.set(true);
                self.show("error", Obj::text(&reason));
            }
            Item::Failed(_) | Item::Ended(_) => {}
        }
    }

    fn recovered(self: &Rc<Self>) {
        if self.troubled.replace(false) {
            self.show("ok", Obj::empty());
        }
    }

    fn show(self: &Rc<Self>, status: &'static str, value: Obj) {
        self.queue.borrow_mut().push_back((status, value));
        // One callback for each event: entries must not come in faster than callbacks run.
        note_script();
        self.schedule();
    }

    /// Lets callbacks run, though none before the call that began the watch has returned: inside a coroutine that happens in an event
    /// which is queued after this one.
    fn release(self: &Rc<Self>) {
        let watch = Rc::clone(self);
        later(Box::new(move || {
            later(Box::new(move || {
                watch.released.set(true);
                watch.schedule();
            }));
        }));
    }

    fn schedule(self: &Rc<Self>) {
        let idle = self.queue.borrow().is_empty() || !self.released.get() || self.ended.get();
        if idle || self.scheduled.replace(true) {
            return;
        }
        let watch = Rc::clone(self);
        let work = Box::new(move || watch.run_one());
        let since = self.slice.get().unwrap_or_else(Instant::now);
        if since.elapsed() < SLICE {
            self.slice.set(Some(since));
            later(work);
        } else {
            self.slice.set(None);
            after_others(work);
        }
    }

    /// Runs one callback; the event for the next is queued before, so that an event loop in there goes on.
    fn run_one(self: &Rc<Self>) {
        self.scheduled.set(false);
        if self.ended.get() || self.depth.get() >= NESTED_CALLBACKS {
            return;
        }
        let next = self.queue.borrow_mut().pop_front();
        let Some((status, value)) = next else { return };
        if self.queue.borrow().is_empty() {
            self.slice.set(None);
        }
        self.schedule();
        let callback = self.callback.borrow().clone();
        self.depth.set(self.depth.get() + 1);
        self.connection.run_callback(&callback, [Obj::text(status), value]);
        self.depth.set(self.depth.get() - 1);
        // Where the stack was full, nothing was scheduled.
        self.schedule();
    }
}
