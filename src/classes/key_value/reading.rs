//! An ordered consumer read to the end of what is there.

use std::rc::Rc;

use super::state::KeyValue;
use crate::client::kv::Reading;
use crate::client::watch::{Consumer, Delivered, Request};
use crate::client::{Fault, Slot, Waiting};
use crate::engine::Message;
use crate::rules::kv::{Start, split_subject, stream_name};
use crate::rules::kv_filters::Selection;
use crate::rules::version::Version;
use crate::tcl::event::Timer;

/// Time between heartbeats in ms. It decides how soon a loss at the very end is noticed, and that entries still to come have been
/// removed.
const HEARTBEAT: i64 = 500;

/// First server whose consumers take several filters.
const FILTERS_SINCE: Version = Version(2, 10, 0);

/// One step of a reading.
enum Step {
    Entry(Seen),
    End,
    Failed(Fault),
    OutOfTime,
}

/// An entry as it came.
pub(super) struct Seen {
    /// Its message.
    pub message: Message,
    /// Sequence in the stream.
    pub revision: u64,
    /// ms since the epoch.
    pub created: i64,
    /// Number of entries still to come.
    pub delta: u64,
}

/// What is read.
pub(super) struct Wanted<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Keys, wildcards allowed.
    pub patterns: &'a [String],
    /// Where to begin.
    pub start: Start,
    /// Without the values.
    pub headers_only: bool,
    /// Look the bucket up.
    pub check: bool,
    /// Timeout in ms, 0 waits for ever.
    pub ms: i64,
}

/// How several patterns are read on this server.
pub(super) fn selection(kv: &KeyValue, patterns: &[String]) -> Rc<Selection> {
    Rc::new(Selection::new(patterns, kv.js.api.is_at_least(FILTERS_SINCE)))
}

/// Reads all that is there.
///
/// # Errors
/// [`Fault::Timeout`], [`Fault::BucketNotFound`] and those of a request to the API.
pub(super) async fn read(kv: &Rc<KeyValue>, wanted: &Wanted<'_>, each: &mut dyn FnMut(Seen)) -> Result<(), Fault> {
    let &Wanted { bucket, patterns, start, headers_only, check, ms } = wanted;
    let steps: Rc<Slot<Step>> = Slot::new();
    let late = Rc::clone(&steps);
    let _timer = (ms > 0).then(|| Timer::after(ms as u64, Box::new(move || late.push(Step::OutOfTime))));
    let selection = selection(kv, patterns);
    let begin = |forms| {
        let (to, selection) = (Rc::clone(&steps), Rc::clone(&selection));
        let sink = move |item| {
            if let Some(step) = step(item, &selection) {
                to.push(step);
            }
        };
        let access = kv.buckets.access(bucket);
        let request = Request { stream: stream_name(bucket), forms, access, start, headers_only, heartbeat: HEARTBEAT };
        Consumer::new(&kv.js.api, request, Box::new(sink))
    };
    let reading = Reading { bucket, keys: &selection.filters, check, looked: false, ms };
    let consumer = kv.buckets.read(&reading, &begin).await?;
    consumer.follow();
    loop {
        match steps.next().await {
            Step::Entry(seen) => each(seen),
            Step::End => return Ok(()),
            Step::Failed(fault) => return Err(fault.of_bucket(bucket)),
            Step::OutOfTime => return Err(Fault::Timeout(Waiting::Bucket(bucket.to_string()))),
        }
    }
}

fn step(item: Delivered, selection: &Selection) -> Option<Step> {
    match item {
        Delivered::Message { message, revision, timestamp, pending } => {
            let wanted = split_subject(message.subject()).is_some_and(|(_, key)| selection.takes(key));
            wanted.then_some(Step::Entry(Seen { message, revision, created: timestamp, delta: pending }))
        }
        Delivered::CaughtUp => Some(Step::End),
        // What the server has refused once it will refuse again; anything else may pass while there is time.
        Delivered::Failed(fault) if fault.is_refusal() || matches!(fault, Fault::Api(_)) => Some(Step::Failed(fault)),
        Delivered::Ended(end) => Some(Step::Failed(Fault::of_end(&end, Waiting::Request(String::new())))),
        Delivered::Failed(_) | Delivered::Trouble(_) | Delivered::Quiet => None,
    }
}
