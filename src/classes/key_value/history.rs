//! `history` and `keys`: an ordered consumer read to the end of what is there.

use std::rc::Rc;

use super::entry::{Entry, of_bucket};
use super::{KeyValue, bucket_name, key_that};
use crate::bridge::errors::{Error, Result};
use crate::bridge::messages::Coding;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::requests::end_error;
use crate::classes::ordered::{Consumer, Item, Request};
use crate::client::Slot;
use crate::client::{Fault, Waiting};
use crate::engine::Message;
use crate::rules::kv::{Operation, Start, stream_name};
use crate::rules::names::is_key;
use crate::tcl::event::Timer;
use crate::tcl::{Obj, Reply};

/// Time between heartbeats in ms: how soon a loss at the very end is noticed.
const HEARTBEAT: i64 = 1000;

/// One step of a reading.
enum Read {
    Item(Obj),
    End,
    Failed(Error),
    OutOfTime,
}

/// What of an entry is wanted.
type Pick = fn(Coding, &Message, &Entry) -> Option<Obj>;

/// `history bucket ?key? ?-timeout ms? ?-check_bucket b?`
///
/// A missing bucket shows when the consumer is made, so that there is mostly nothing to look up before.
pub fn history(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let key = match call.args.get(1) {
        Some(word) => key_that(word, |key| key == ">" || is_key(key))?,
        None => ">".to_string(),
    };
    let pick: Pick = |coding, message, entry| Some(entry.dict(coding, message.payload()));
    collect(kv, call, bucket, key, Start::First, false, pick)
}

/// `keys bucket ?-timeout ms?`
pub fn keys(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let pick: Pick = |_, _, entry| (entry.operation == Operation::Put).then(|| Obj::text(entry.key));
    collect(kv, call, bucket, ">".to_string(), Start::LastPerKey, true, pick)
}

fn collect(
    kv: &Rc<KeyValue>,
    call: &Invocation,
    bucket: String,
    key: String,
    start: Start,
    headers_only: bool,
    pick: Pick,
) -> Result<Reply> {
    kv.open()?;
    let ms = call.options.int("timeout").unwrap_or(kv.timeout);
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    block(call.interp, async move {
        let steps: Rc<Slot<Read>> = Slot::new();
        let late = Rc::clone(&steps);
        let _timer = (ms > 0).then(|| Timer::after(ms as u64, Box::new(move || late.push(Read::OutOfTime))));
        let begin = |filter| {
            let (to, connection) = (Rc::clone(&steps), Rc::clone(&kv.js.connection));
            let sink = move |item| {
                if let Some(read) = step(connection.coding(), item, pick) {
                    to.push(read);
                }
            };
            let request = Request { stream: stream_name(&bucket), filter, start, headers_only, heartbeat: HEARTBEAT };
            Consumer::new(&kv.js, request, Box::new(sink))
        };
        let consumer = kv.read(&bucket, &key, check, ms, &begin).await?;
        consumer.follow();
        let mut items = Vec::new();
        loop {
            match steps.next().await {
                Read::Item(item) => items.push(item),
                Read::End => return Ok(Obj::list(&items)),
                Read::Failed(error) => return Err(of_bucket(error, &bucket)),
                Read::OutOfTime => return Err(Fault::Timeout(Waiting::Bucket(bucket)).into()),
            }
        }
    })
}

fn step(coding: Coding, item: Item, pick: Pick) -> Option<Read> {
    match item {
        Item::Message { message, revision, timestamp, pending } => {
            let entry = Entry::of(&message, revision, timestamp, pending)?;
            pick(coding, &message, &entry).map(Read::Item)
        }
        Item::CaughtUp => Some(Read::End),
        // What the server refuses once it will refuse again; anything else may pass while there is time.
        Item::Failed(error @ Error::Fault(Fault::Api(_))) => Some(Read::Failed(error)),
        Item::Ended(end) => Some(Read::Failed(end_error(&end, ""))),
        Item::Failed(_) | Item::Trouble(_) | Item::Quiet => None,
    }
}
