//! `watch` and `unwatch`.

use std::rc::Rc;

use super::reading::selection;
use super::state::{KeyValue, bucket_name};
use super::watch::{Shown, Watch};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::kv_codec::{all, stored_of};
use crate::client::kv::Reading;
use crate::client::ordered::created;
use crate::client::watch::{Consumer, Request};
use crate::client::{Argument, Fault};
use crate::rules::kv::{Start, WATCH_OPTIONS, stream_name};
use crate::rules::option::{Name, Preset, flag, int, named};
use crate::tcl::{Obj, Reply};

const INCLUDE_HISTORY: Preset<bool> = flag(WATCH_OPTIONS, "include_history");
const UPDATES_ONLY: Preset<bool> = flag(WATCH_OPTIONS, "updates_only");
const RESUME_FROM: Name = named(WATCH_OPTIONS, "resume_from");

/// `watch bucket ?keys? -callback prefix ?options?`
pub(super) fn watch(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let keys = call.args.get(1).map_or_else(|| Ok(vec![all()]), |words| kv.codecs.watched(call.interp, words))?;
    let options = &call.options;
    let callback = options.required(const { named(WATCH_OPTIONS, "callback") })?;
    let callback = prefix(&callback.obj)?;
    let history = options.flag(INCLUDE_HISTORY);
    let updates = options.flag(UPDATES_ONLY);
    if history && updates {
        return Err(Argument::Exclusive(INCLUDE_HISTORY.name, UPDATES_ONLY.name).into());
    }
    let resume = options.given_int(RESUME_FROM);
    for (other, given) in [(INCLUDE_HISTORY.name, history), (UPDATES_ONLY.name, updates)] {
        if given && resume.is_some() {
            return Err(Argument::Exclusive(RESUME_FROM, other).into());
        }
    }
    kv.open()?;
    let mut start = match resume {
        Some(revision) => Start::Resume((revision as u64).max(1)),
        None if history => Start::First,
        None => Start::LastPerKey,
    };
    let headers_only = options.flag(const { flag(WATCH_OPTIONS, "headers_only") });
    let heartbeat = options.int(const { int(WATCH_OPTIONS, "idle_heartbeat") });
    let selection = selection(kv, &stored_of(&keys));
    let ignore_deletes = options.flag(const { flag(WATCH_OPTIONS, "ignore_deletes") });
    let shown = Shown { selection: Rc::clone(&selection), ignore_deletes, headers_only };
    let watch = Watch::new(&kv.js.connection, &kv.codecs, callback, shown);
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    block(call.interp, async move {
        let access = kv.buckets.access(&bucket);
        let mut info = None;
        if (check || updates) && !access.is_blind() {
            info = access.looked(kv.buckets.look(&bucket, kv.js.api.timeout).await)?;
        }
        let known = info.as_ref().map(created);
        if updates {
            start = known.as_ref().map_or(Start::New, |(_, last_seq)| Start::Revision(last_seq + 1));
        }
        if let Some(info) = &info {
            kv.buckets.remember(&bucket, info)?;
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
            let consumer = Consumer::new(&kv.js.api, request, Box::new(sink));
            if let Some((created, last_seq)) = &known {
                consumer.knows(created, *last_seq);
            }
            consumer
        };
        let reading = Reading { bucket: &bucket, keys: &selection.filters, check, looked: info.is_some(), ms: kv.js.api.timeout };
        let consumer = kv.buckets.read(&reading, &begin).await?;
        if kv.destroyed.get() {
            return Err(Fault::Closed.into());
        }
        if known.is_none() {
            consumer.learn();
        }
        watch.follow(consumer);
        let id = kv.last_watch.get() + 1;
        kv.last_watch.set(id);
        kv.watches.borrow_mut().insert(id, watch);
        Ok(Obj::int(id))
    })
}

/// `unwatch watchID`
pub(super) fn unwatch(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
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
