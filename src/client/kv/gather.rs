//! Reading a stream to the end of what it holds.

use std::rc::Rc;

use super::bucket::Bucket;
use crate::client::fault::{Fault, Waiting};
use crate::client::follower::{Follower, News, Request};
use crate::client::task::Slot;
use crate::engine::Message;
use crate::rules::kv::{Operation, operation};
use crate::rules::kv3::Gathering;
use crate::rules::ordered_options::ordered_config;
use crate::tcl::event::Timer;

/// Time between heartbeats in ms: how soon a loss at the very end is noticed.
const HEARTBEAT: i64 = 1000;

/// One step of a reading.
enum Step {
    News(News),
    OutOfTime,
}

/// An entry that was read.
pub(crate) struct Found {
    /// As it came.
    pub message: Message,
    /// Sequence in the stream.
    pub revision: u64,
    /// Time of storage, ms since the epoch.
    pub created: i64,
    /// What was done.
    pub operation: Operation,
}

/// What is read, and how.
pub(crate) struct Gather<'a> {
    /// Keys, wildcards allowed.
    pub keys: &'a [String],
    /// `keys` or `history`, as faults name it.
    pub what: &'static str,
    /// The latest entry of each key alone.
    pub latest: bool,
    /// Without the values.
    pub headers_only: bool,
    /// Runs work when everything that has arrived by then has been handled.
    pub behind_arrivals: fn(Box<dyn FnOnce()>),
    /// Whether the connection, which has ended, was lost.
    pub lost: &'a dyn Fn() -> bool,
}

/// Reads all that is there: the latest entry of each key, or all of them.
///
/// # Errors
/// [`Fault::Timeout`], [`Fault::BucketGone`] and those of a request to the API.
pub(crate) async fn gather(bucket: &Bucket, wanted: &Gather<'_>) -> Result<Vec<Found>, Fault> {
    let waiting = || Waiting::Gathering { what: wanted.what, bucket: bucket.name.clone() };
    let out_of_time = || Fault::Timeout(waiting());
    let steps: Rc<Slot<Step>> = Slot::new();
    let (late, ms) = (Rc::clone(&steps), bucket.api.timeout);
    let _timer = (ms > 0).then(|| Timer::after(ms as u64, Box::new(move || late.push(Step::OutOfTime))));
    let to = Rc::clone(&steps);
    let follower =
        Following(Follower::new(&bucket.api, request(bucket, wanted), Box::new(move |news| to.push(Step::News(news)))));
    match follower.0.make().await {
        Err(Fault::Timeout(_)) => return Err(out_of_time()),
        Err(fault) => return Err(bucket.gone(fault)),
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
            // What the server has refused once it will refuse again; anything else may pass while there is time.
            Step::News(News::Failed(fault @ Fault::Api(_))) => return Err(fault),
            Step::News(News::Failed(_)) => false,
            Step::News(News::Stopped(Some(fault))) => return Err(bucket.gone(fault)),
            Step::News(News::Stopped(None)) => {
                return Err(if (wanted.lost)() { Fault::Lost(waiting()) } else { Fault::ClosedWaiting });
            }
        };
        if seems_over && reading.ends(bucket.last(wanted.keys).await) {
            return Ok(entries);
        }
    }
}

fn request(bucket: &Bucket, wanted: &Gather) -> Request {
    let fields = [
        ("headers_only", wanted.headers_only.into()),
        ("deliver_policy", if wanted.latest { "last_per_subject" } else { "all" }.into()),
        bucket.filter(wanted.keys),
    ];
    let config = fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let config = ordered_config(config, HEARTBEAT);
    Request { stream: bucket.stream.clone(), config, heartbeat: HEARTBEAT, behind_arrivals: wanted.behind_arrivals }
}

/// Ends the follower when the call ends, however that happens.
struct Following(Rc<Follower>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.end();
    }
}
