//! `nats::kv_watcher`: an ordered consumer whose entries go to a callback and an array.

mod array;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use crate::bridge::birth;
use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::Result;
use crate::bridge::method::{ANY, Invocation, Method, constructor, row};
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, Entry, selection};
use crate::classes::connection::receive::prefix;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::kv_codec::stored_of;
use crate::classes::ordered_consumer::make;
use crate::client::follower::{News, Request};
use crate::client::{Answer, Argument, Fault, Turns, timeout};
use crate::engine::{CallId, Message, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::kv::{Operation, marker_reason, operation};
use crate::rules::kv_filters::Selection;
use crate::rules::kv3::Initial;
use crate::rules::kv3_options::WATCH_OPTIONS;
use crate::rules::option::{Name, Preset, flag, int, named};
use crate::rules::ordered_options::ordered_config;
use crate::tcl::{Class, Handle, Instance, Obj, Reply};
use array::Values;

/// The class.
pub(super) static CLASS: Class<Method<Watcher>> = Class {
    name: "::nats::kv_watcher",
    constructor: constructor("", (0, ANY), &[], "Made by the bucket's method watch. Errors: ErrInvalidArg.", birth::construct),
    methods: &[&[row(
        "consumer",
        "",
        (0, 0),
        &[],
        "Its nats::ordered_consumer, whose last_error says what went wrong.",
        consumer,
    )]],
};

/// An item that waits for its turn.
enum Turn {
    /// An entry.
    Entry { message: Message, revision: u64, created: i64, delta: u64 },
    /// The end of the initial entries.
    End,
}

/// State of a `nats::kv_watcher` object.
pub(super) struct Watcher {
    bucket: Rc<Bucket>,
    consumer: OnceCell<Handle>,
    turns: OnceCell<Rc<Turns<Turn>>>,
    callback: Option<Vec<Obj>>,
    values: OnceCell<Values>,
    /// The keys that are shown.
    selection: Selection,
    ignore_deletes: bool,
    meta_only: bool,
    initial: RefCell<Initial>,
}

impl Instance for Watcher {
    fn close(&self) {
        if let Some(turns) = self.turns.get() {
            turns.end();
        }
        // When the interpreter is deleted, the consumer is deleted with it.
        if let (Some(consumer), Some(kept)) = (self.consumer.get(), self.bucket.js.connection.home.live()) {
            consumer.destroy(kept.interp());
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

fn consumer(watcher: &Rc<Watcher>, call: &Invocation) -> Result<Reply> {
    Ok(watcher.consumer.get().map_or_else(Obj::empty, |consumer| consumer.name(call.interp)).into())
}

/// An object that is destroyed unless it is kept.
struct Unkept {
    watcher: Rc<Watcher>,
    handle: Option<Handle>,
}

impl Unkept {
    fn keep(mut self) -> Option<Handle> {
        self.handle.take()
    }
}

impl Drop for Unkept {
    fn drop(&mut self) {
        if let (Some(handle), Some(kept)) = (self.handle.take(), self.watcher.bucket.js.connection.home.live()) {
            handle.destroy(kept.interp());
        }
    }
}

const INCLUDE_HISTORY: Preset<bool> = flag(WATCH_OPTIONS, "include_history");
const UPDATES_ONLY: Preset<bool> = flag(WATCH_OPTIONS, "updates_only");
const RESUME_FROM: Name = named(WATCH_OPTIONS, "resume_from");

/// `watch keys ?-callback prefix? ?-values_array variable? ?-option value ...?`, a method of the bucket
pub(super) fn watch(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let patterns = stored_of(&bucket.codecs.watched(call.interp, &call.args[0])?);
    let options = &call.options;
    let history = options.flag(INCLUDE_HISTORY);
    let updates = options.flag(UPDATES_ONLY);
    if history && updates {
        return Err(Argument::Conflict(INCLUDE_HISTORY.name, UPDATES_ONLY.name).into());
    }
    let resume = options.given_sequence(RESUME_FROM).map(|revision| revision.max(1));
    for (other, given) in [(INCLUDE_HISTORY.name, history), (UPDATES_ONLY.name, updates)] {
        if given && resume.is_some() {
            return Err(Argument::Conflict(RESUME_FROM, other).into());
        }
    }
    bucket.open()?;
    let selection = selection(bucket, &patterns);
    let meta_only = options.flag(const { flag(WATCH_OPTIONS, "meta_only") });
    let callback = options.given(const { named(WATCH_OPTIONS, "callback") }).map(|given| prefix(&given.obj)).transpose()?;
    let watcher = Rc::new(Watcher {
        bucket: Rc::clone(bucket),
        consumer: OnceCell::new(),
        turns: OnceCell::new(),
        callback,
        values: OnceCell::new(),
        selection: selection.clone(),
        ignore_deletes: options.flag(const { flag(WATCH_OPTIONS, "ignore_deletes") }),
        meta_only,
        initial: RefCell::new(Initial::new()),
    });
    let born = birth::make(call.interp, CLASS.name, Rc::clone(&watcher) as Rc<dyn Instance>)?;
    let unkept = Unkept { watcher: Rc::clone(&watcher), handle: Some(born.handle) };
    if let Some(variable) = options.given(const { named(WATCH_OPTIONS, "values_array") }) {
        let values = Values::of_caller(call.interp, &born.namespace, &variable.obj)?;
        // Nobody else sets it.
        let _ = watcher.values.set(values);
    }
    let policy = if history { "all" } else { "last_per_subject" };
    let policy = if updates { "new" } else { policy };
    let policy = if resume.is_some() { "by_start_sequence" } else { policy };
    let heartbeat = options.int(const { int(WATCH_OPTIONS, "idle_heartbeat") });
    let request = request(bucket, &selection.filters, (policy, resume), meta_only, heartbeat);
    block(call.interp, async move {
        let turns = watcher.begin(request, updates).await?;
        let bucket = &watcher.bucket;
        let home = &bucket.js.connection.home;
        let kept = home.live().ok_or(Fault::Closed)?;
        let handle = unkept.keep().ok_or(Fault::Closed)?;
        let name = handle.name(kept.interp());
        if !handle.is_present() || !bucket.js.family.adopt(home, handle) {
            return Err(Fault::Closed.into());
        }
        turns.release();
        Ok(name)
    })
}

fn request(bucket: &Bucket, keys: &[String], (policy, start): (&str, Option<u64>), meta_only: bool, heartbeat: i64) -> Request {
    let fields: [(&str, Json); 4] = [
        ("description", "KV watcher".into()),
        ("headers_only", meta_only.into()),
        ("deliver_policy", policy.into()),
        bucket.entries.filter(keys),
    ];
    let start = start.map(|start| ("opt_start_seq", Json::from(start)));
    let config: Map<_, _> = fields.into_iter().chain(start).map(|(name, value)| (name.to_string(), value)).collect();
    Request { stream: bucket.entries.stream.clone(), config: ordered_config(config, heartbeat), heartbeat, behind_arrivals }
}

/// A request for the stream's information whose answer no task awaits; dropped, it is cancelled.
struct Look {
    watcher: Rc<Watcher>,
    id: CallId,
}

impl Drop for Look {
    fn drop(&mut self) {
        self.watcher.bucket.js.connection.cancel(self.id);
    }
}

impl Watcher {
    /// Makes the consumer, and the turns that its entries wait for.
    async fn begin(self: &Rc<Self>, request: Request, updates: bool) -> Result<Rc<Turns<Turn>>> {
        let (js, target) = (&self.bucket.js, Rc::downgrade(self));
        let turns = Turns::new(
            NESTED_CALLBACKS,
            Rc::new(move |turn| {
                if let Some(watcher) = target.upgrade() {
                    watcher.run(turn);
                }
            }),
        );
        // Nobody else sets it.
        let _ = self.turns.set(Rc::clone(&turns));
        let target = Rc::downgrade(self);
        let news = move |news| {
            if let Some(watcher) = target.upgrade() {
                watcher.take(news, updates);
            }
        };
        let look = if updates { None } else { Some(self.look()?) };
        let made = make(js, request, Box::new(news), Box::new(|| ())).await;
        // The answer has most likely come by now; if not, the number of entries tells where they end.
        drop(look);
        let (consumer, ordered) = made.map_err(|error| self.bucket.gone(error))?;
        // Nobody else sets it.
        let _ = self.consumer.set(consumer);
        ordered.follow();
        Ok(turns)
    }

    /// Asks for the last revision, with which the initial entries end.
    fn look(self: &Rc<Self>) -> Result<Look> {
        let js = &self.bucket.js;
        let subject = js.api.subject(&format!("STREAM.INFO.{}", self.bucket.entries.stream));
        let msg = Outgoing { subject: Subject::from(subject.as_str()), reply: None, headers: None, payload: Bytes::new() };
        let target = Rc::downgrade(self);
        let run = move |_: &Rc<_>, answer| {
            let (Some(watcher), Answer::Reply(message)) = (target.upgrade(), answer) else { return };
            let info: Json = serde_json::from_slice(message.payload()).unwrap_or_default();
            if let Some(last) = info.pointer("/state/last_seq").and_then(Json::as_u64) {
                watcher.initial.borrow_mut().ends_at(last);
            }
        };
        let spec = RequestSpec { msg, timeout: timeout(js.api.timeout), mode: Mode::Shared };
        let id = js.connection.call_back(spec, run)?;
        Ok(Look { watcher: Rc::clone(self), id })
    }

    fn take(&self, news: News, updates: bool) {
        let Some(turns) = self.turns.get() else { return };
        let mut initial = self.initial.borrow_mut();
        match news {
            News::Made(pending) if initial.made(if updates { 0 } else { pending }) => turns.push(Turn::End),
            News::Quiet if initial.quiet() => turns.push(Turn::End),
            News::Message { message, revision, timestamp, pending } => {
                if initial.before(revision) {
                    turns.push(Turn::End);
                }
                turns.push(Turn::Entry { message, revision, created: timestamp, delta: pending });
                if initial.after(revision, pending) {
                    turns.push(Turn::End);
                }
            }
            _ => {}
        }
    }

    fn run(&self, turn: Turn) {
        let shown = match turn {
            Turn::End => Obj::empty(),
            Turn::Entry { message, revision, created, delta } => {
                let headers: Vec<_> = message.headers().collect();
                let operation = operation(headers.iter().map(|(name, value)| (&**name, &**value)));
                let Some(name) = self.bucket.entries.key_of(message.subject()) else { return };
                if !self.selection.takes(name) || (self.ignore_deletes && operation != Operation::Put) {
                    return;
                }
                let reason = if operation == Operation::Put { None } else { marker_reason(message.headers()) };
                let value = (!self.meta_only).then_some(message.payload());
                let entry = Entry { key: name, value, revision, created, operation, delta: Some(delta), reason };
                let (Some(kept), Some(turns)) = (self.bucket.js.connection.home.live(), self.turns.get()) else { return };
                let shown = turns.hold(|| self.bucket.entry(kept.interp(), &entry));
                let Some(shown) = self.bucket.codecs.unless_undecodable(shown).filter(|_| !turns.has_ended()) else { return };
                self.keep(&shown.key, (operation == Operation::Put).then_some(&shown.value));
                shown.dict
            }
        };
        // A trace on the array, or a codec, may have ended the watcher.
        let alive = self.turns.get().is_some_and(|turns| !turns.has_ended());
        if let Some(callback) = self.callback.as_ref().filter(|_| alive) {
            self.bucket.js.connection.run_callback(callback, [shown]);
        }
    }

    /// Keeps the array equal to the bucket.
    fn keep(&self, name: &str, value: Option<&Obj>) {
        let (Some(values), Some(kept)) = (self.values.get(), self.bucket.js.connection.home.live()) else { return };
        if let Err(error) = values.write(kept.interp(), name, value) {
            // An error of a script's own trace, or of a variable that is no array any more.
            kept.interp().background_error(&error);
        }
    }
}
