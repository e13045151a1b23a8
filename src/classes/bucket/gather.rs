//! `history` and `keys`: a stream followed to the end of what is there.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::bridge::errors::{Error, Result};
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, key_pattern};
use crate::classes::ordered_consumer::follow::{Follower, News, Request};
use crate::client::{Fault, Slot, Waiting};
use crate::engine::Message;
use crate::rules::jetstream_consumers::ordered_config;
use crate::rules::kv::{Operation, operation};
use crate::rules::kv3::Gathering;
use crate::tcl::event::Timer;
use crate::tcl::{Obj, Reply};

/// Time between heartbeats in ms: how soon a loss at the very end is noticed.
const HEARTBEAT: i64 = 1000;

/// One step of a reading.
enum Step {
    News(News),
    OutOfTime,
}

/// An entry that was read.
struct Found {
    message: Message,
    revision: u64,
    created: i64,
    operation: Operation,
}

/// `history key`
pub fn history(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = key_pattern(&call.args[0])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let entries = gather(&bucket, &key, "history", false).await?;
        if entries.is_empty() {
            return Err(Fault::KeyNotFound { bucket: bucket.name.clone(), key }.into());
        }
        let shown = entries.iter().enumerate().map(|(place, found)| {
            let key = bucket.key_of(found.message.subject()).unwrap_or_default();
            let delta = (entries.len() - 1 - place) as u64;
            bucket.entry(key, found.message.payload(), (found.revision, found.created), Some(delta), found.operation)
        });
        Ok(Obj::list(&shown.collect::<Vec<_>>()))
    })
}

/// `keys`
pub fn keys(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let (mut latest, mut present) = (HashMap::new(), BTreeMap::new());
        for found in gather(&bucket, ">", "keys", true).await? {
            let Some(key) = bucket.key_of(found.message.subject()).map(str::to_string) else { continue };
            // While others write, a key may come again: its last entry counts.
            if let Some(earlier) = latest.insert(key.clone(), found.revision) {
                present.remove(&earlier);
            }
            if found.operation == Operation::Put {
                present.insert(found.revision, key);
            }
        }
        if present.is_empty() {
            return Err(Fault::NoKeys(bucket.name.clone()).into());
        }
        Ok(Obj::text_list(&present.into_values().collect::<Vec<_>>()))
    })
}

/// Reads all that is there: the latest entry of each key, or all of them.
async fn gather(bucket: &Bucket, key: &str, what: &'static str, latest: bool) -> Result<Vec<Found>> {
    let out_of_time = || Error::Fault(Fault::Timeout(Waiting::Gathering { what, bucket: bucket.name.clone() }));
    let steps: Rc<Slot<Step>> = Slot::new();
    let (late, ms) = (Rc::clone(&steps), bucket.js.timeout);
    let _timer = (ms > 0).then(|| Timer::after(ms as u64, Box::new(move || late.push(Step::OutOfTime))));
    let to = Rc::clone(&steps);
    let follower =
        Following(Follower::new(&bucket.js, request(bucket, key, latest), Box::new(move |news| to.push(Step::News(news)))));
    match follower.0.make(None).await {
        Err(Error::Fault(Fault::Timeout(_))) => return Err(out_of_time()),
        Err(error) => return Err(bucket.gone(error)),
        Ok(()) => follower.0.follow(),
    }
    let (mut reading, mut entries) = (Gathering::default(), Vec::new());
    loop {
        let seems_over = match steps.next().await {
            Step::OutOfTime => return Err(out_of_time()),
            Step::News(News::Made(pending)) => reading.made(pending),
            Step::News(News::Quiet) => return Ok(entries),
            Step::News(News::Message { message, revision, timestamp, pending }) => {
                let headers: Vec<_> = message.headers().collect();
                let operation = operation(headers.iter().map(|(name, value)| (&**name, &**value)));
                drop(headers);
                entries.push(Found { message, revision, created: timestamp, operation });
                reading.read(revision, pending)
            }
            Step::News(News::Reset(_)) => false,
            // What the server refuses once it will refuse again; anything else may pass while there is time.
            Step::News(News::Failed(error @ Error::Fault(Fault::Api(_)))) => return Err(error),
            Step::News(News::Failed(_)) => false,
            Step::News(News::Stopped(Some(error))) => return Err(bucket.gone(error)),
            Step::News(News::Stopped(None)) => {
                let waiting = Waiting::Gathering { what, bucket: bucket.name.clone() };
                let lost = bucket.js.connection.variables.has_error();
                return Err(if lost { Fault::Lost(waiting) } else { Fault::ClosedWaiting }.into());
            }
        };
        if seems_over && reading.ends(bucket.last(key).await) {
            return Ok(entries);
        }
    }
}

fn request(bucket: &Bucket, key: &str, latest: bool) -> Request {
    let fields = [
        ("headers_only", latest.into()),
        ("deliver_policy", if latest { "last_per_subject" } else { "all" }.into()),
        ("filter_subject", bucket.read_subject(key).into()),
    ];
    let config = fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    Request { stream: bucket.stream.clone(), config: ordered_config(config, HEARTBEAT), heartbeat: HEARTBEAT }
}

/// Ends with the call, however that ends.
struct Following(Rc<Follower>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.end();
    }
}
