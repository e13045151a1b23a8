//! `history` and `keys`: an ordered consumer read to the end of what is there.

use std::rc::Rc;

use super::entry::Entry;
use super::state::{KeyValue, bucket_name, key_that};
use crate::bridge::errors::Result;
use crate::bridge::messages::Coding;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::kv::Reading;
use crate::client::ordered::{Consumer, Delivered, Request};
use crate::client::{Fault, Slot, Waiting};
use crate::rules::kv::{HISTORY_OPTIONS, Operation, Start, stream_name};
use crate::rules::kv_keys::Keys;
use crate::rules::names::is_key;
use crate::rules::option::named;
use crate::tcl::event::Timer;
use crate::tcl::{Obj, Reply};

/// Time between heartbeats in ms. It decides how soon a loss at the very end is noticed, and that entries still to come have been
/// removed.
const HEARTBEAT: i64 = 500;

/// One step of a reading.
enum Read {
    Entry(Obj),
    /// A key, and whether it has a value from here on.
    Key(String, bool),
    End,
    Failed(Fault),
    OutOfTime,
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Entries,
    Keys,
}

/// `history bucket ?key? ?-timeout ms? ?-check_bucket b?`
pub(super) fn history(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let key = match call.args.get(1) {
        Some(word) => key_that(word, |key| key == ">" || is_key(key))?,
        None => ">".to_string(),
    };
    collect(kv, call, bucket, key, Wanted::Entries)
}

/// `keys bucket ?-timeout ms?`
pub(super) fn keys(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    collect(kv, call, bucket, ">".to_string(), Wanted::Keys)
}

fn collect(kv: &Rc<KeyValue>, call: &Invocation, bucket: String, key: String, wanted: Wanted) -> Result<Reply> {
    kv.open()?;
    let ms = call.options.given_int(const { named(HISTORY_OPTIONS, "timeout") }).unwrap_or(kv.timeout);
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    let start = if wanted == Wanted::Keys { Start::LastPerKey } else { Start::First };
    block(call.interp, async move {
        let steps: Rc<Slot<Read>> = Slot::new();
        let late = Rc::clone(&steps);
        let _timer = (ms > 0).then(|| Timer::after(ms as u64, Box::new(move || late.push(Read::OutOfTime))));
        let begin = |forms| {
            let (to, connection) = (Rc::clone(&steps), Rc::clone(&kv.js.connection));
            let sink = move |item| {
                if let Some(read) = step(connection.coding(), item, wanted) {
                    to.push(read);
                }
            };
            let request = Request {
                stream: stream_name(&bucket),
                forms,
                access: kv.buckets.access(&bucket),
                start,
                headers_only: wanted == Wanted::Keys,
                heartbeat: HEARTBEAT,
            };
            Consumer::new(&kv.js.api, request, Box::new(sink))
        };
        let reading = Reading { bucket: &bucket, key: &key, check, looked: false, ms };
        let consumer = kv.buckets.read(&reading, &begin).await?;
        consumer.follow();
        let mut entries = Vec::new();
        let mut keys = Keys::default();
        loop {
            match steps.next().await {
                Read::Entry(entry) => entries.push(entry),
                Read::Key(key, has_value) => keys.entry(&key, has_value),
                Read::End if wanted == Wanted::Keys => return Ok(Obj::text_list(&keys.list())),
                Read::End => return Ok(Obj::list(&entries)),
                Read::Failed(fault) => return Err(fault.of_bucket(&bucket).into()),
                Read::OutOfTime => return Err(Fault::Timeout(Waiting::Bucket(bucket)).into()),
            }
        }
    })
}

fn step(coding: Coding, item: Delivered, wanted: Wanted) -> Option<Read> {
    match item {
        Delivered::Message { message, revision, timestamp, pending } => {
            let entry = Entry::of(&message, revision, timestamp, pending)?;
            Some(match wanted {
                Wanted::Keys => Read::Key(entry.key.to_string(), entry.operation == Operation::Put),
                Wanted::Entries => Read::Entry(entry.dict(coding, message.payload())),
            })
        }
        Delivered::CaughtUp => Some(Read::End),
        // What the server has refused once it will refuse again; anything else may pass while there is time.
        Delivered::Failed(fault) if fault.is_refusal() || matches!(fault, Fault::Api(_)) => Some(Read::Failed(fault)),
        Delivered::Ended(end) => Some(Read::Failed(Fault::of_end(&end, Waiting::Request(String::new())))),
        Delivered::Failed(_) | Delivered::Trouble(_) | Delivered::Quiet => None,
    }
}
