//! The metas of a bucket: its list, and what is told when they change.

use std::collections::HashMap;
use std::rc::Rc;

use super::store::{Entry, Store};
use crate::client::fault::{Fault, Waiting};
use crate::client::ordered::Form;
use crate::client::task::Slot;
use crate::client::watch::{Consumer, Delivered, Request};
use crate::engine::Message;
use crate::rules::kv::Start;
use crate::rules::object::meta_subjects;
use crate::rules::object_meta::Meta;
use crate::tcl::event::Timer;

/// Time between heartbeats in ms: how soon a loss at the very end is noticed.
const HEARTBEAT: i64 = 500;

/// One step of a list.
enum Read {
    Entry(Entry),
    End,
    Failed(Fault),
    OutOfTime,
}

impl Store {
    /// The meta in a message of the bucket's stream; `None`, with a warning, if it cannot be read.
    pub(crate) fn meta_of(&self, message: &Message, revision: u64, mtime: i64) -> Option<Entry> {
        match Meta::parse(message.payload()) {
            Some(meta) => Some(Entry { meta, revision, mtime }),
            None => {
                self.warn(format!("The meta {} in bucket {} cannot be read", message.subject(), self.bucket));
                None
            }
        }
    }

    /// An ordered consumer of the bucket's metas.
    pub(crate) fn follow(&self, start: Start, heartbeat: i64, sink: Box<dyn Fn(Delivered)>) -> Consumer {
        let filter = meta_subjects(&self.holds.names);
        let forms = [true, false].map(|named| Form { filters: vec![filter.clone()], named }).to_vec();
        let access = Rc::clone(&self.access);
        let request = Request { stream: self.stream.clone(), forms, access, start, headers_only: false, heartbeat };
        Consumer::new(&self.api, request, sink)
    }

    /// The metas of all objects, those of deleted ones included, in the order of their revisions.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`], [`Fault::Timeout`] and those of a request.
    pub(crate) async fn metas(self: &Rc<Self>) -> Result<Vec<Entry>, Fault> {
        let steps: Rc<Slot<Read>> = Slot::new();
        let (late, ms) = (Rc::clone(&steps), self.api.timeout);
        let _timer = (ms > 0).then(|| Timer::after(ms as u64, Box::new(move || late.push(Read::OutOfTime))));
        let (to, store) = (Rc::clone(&steps), Rc::downgrade(self));
        let sink = move |item| {
            let step = match item {
                Delivered::Message { message, revision, timestamp, .. } => {
                    store.upgrade().and_then(|store| store.meta_of(&message, revision, timestamp)).map(Read::Entry)
                }
                Delivered::CaughtUp => Some(Read::End),
                // What the server has refused once it will refuse again; anything else may pass while there is time.
                Delivered::Failed(fault) if fault.is_refusal() || matches!(fault, Fault::Api(_)) => Some(Read::Failed(fault)),
                Delivered::Ended(end) => Some(Read::Failed(Fault::of_end(&end, Waiting::Request(String::new())))),
                Delivered::Failed(_) | Delivered::Trouble(_) | Delivered::Quiet => None,
            };
            if let Some(step) = step {
                to.push(step);
            }
        };
        let consumer = self.follow(Start::LastPerKey, HEARTBEAT, Box::new(sink));
        if let Err(fault) = consumer.start(ms).await {
            return Err(self.missing(fault).await);
        }
        consumer.follow();
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            match steps.next().await {
                Read::Entry(entry) => entries.push(entry),
                Read::End => return Ok(last_of_each(entries)),
                Read::Failed(fault) => return Err(fault.of_bucket(&self.bucket)),
                Read::OutOfTime => return Err(Fault::Timeout(Waiting::Bucket(self.bucket.clone()))),
            }
        }
    }
}

/// A name may come again: while others write, or because it has two places. Its last meta counts.
pub(crate) fn last_of_each(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut last = HashMap::new();
    for entry in &entries {
        last.insert(entry.meta.name().to_string(), entry.revision);
    }
    entries.retain(|entry| last.get(entry.meta.name()) == Some(&entry.revision));
    entries
}
