//! Reading and writing keys.

use std::rc::Rc;

use bytes::Bytes;

use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::{block, block_then};
use crate::classes::bucket_state::{Bucket, Entry};
use crate::classes::kv_codec::Key;
use crate::classes::kv_words::revision_of;
use crate::client::kv::{deletion, expecting, living, purge as purging};
use crate::client::{Argument, Fault, Stored};
use crate::engine::Headers;
use crate::rules::kv::Operation;
use crate::rules::kv3_options::{GET_OPTIONS, PURGE_OPTIONS, STORE_OPTIONS};
use crate::rules::option::named;
use crate::rules::time::isotime_to_msec;
use crate::tcl::{Interp, Obj, Reply};

/// `get key ?-revision n?`
pub(super) fn get(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    found(bucket, call, |interp, bucket, key, stored| {
        let created = isotime_to_msec(&stored.time).map_err(|_| Fault::ReplyIncomplete)?;
        let (value, operation) = (Some(stored.data.as_slice()), Operation::Put);
        let entry = Entry { key, value, revision: stored.seq, created, operation, delta: None, reason: None };
        Ok(bucket.entry(interp, &entry)?.dict)
    })
}

/// `get_value key ?-revision n?`
pub(super) fn get_value(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    found(bucket, call, |interp, bucket, key, stored| Ok(bucket.shown_value(interp, key, &stored.data)?))
}

/// Makes the result of what was found under a key.
type Show = fn(Interp, &Bucket, &str, &Stored) -> Result<Obj>;

fn found(bucket: &Rc<Bucket>, call: &Invocation, show: Show) -> Result<Reply> {
    let key = bucket.key(call, &call.args[0])?;
    bucket.open()?;
    let revision = call.options.given_sequence(const { named(GET_OPTIONS, "revision") });
    let (bucket, stored_key) = (Rc::clone(bucket), key.stored.clone());
    let reader = Rc::clone(&bucket);
    let work = async move { reader.entries.value(&key.stored, revision).await.map_err(|fault| fault.of_key(&key.shown)) };
    block_then(call.interp, work, move |interp, outcome| show(interp, &bucket, &stored_key, &outcome?))
}

/// `put key value ?-ttl ms?`
pub(super) fn put(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    store(bucket, call, &bucket.key(call, &call.args[0])?, Headers::new())
}

/// `update key value revision ?-ttl ms?`
pub(super) fn update(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = bucket.key(call, &call.args[0])?;
    store(bucket, call, &key, vec![expecting(revision_of(call.interp, &call.args[2])?)])
}

/// The header line of `-ttl`.
fn life(call: &Invocation) -> Option<(String, String)> {
    call.options.given_text(const { named(STORE_OPTIONS, "ttl") }).map(living)
}

fn store(bucket: &Rc<Bucket>, call: &Invocation, key: &Key, mut headers: Headers) -> Result<Reply> {
    bucket.open()?;
    bucket.js.api.knows(STORE_OPTIONS, &call.options.values(), false)?;
    if let Some(life) = life(call) {
        // When such an entry ends, the one before it would count again.
        if !bucket.entries.keeps_one() {
            return Err(Argument::LifeWithHistory.into());
        }
        headers.push(life);
    }
    let value = bucket.value(call, &call.args[1])?;
    let (bucket, key) = (Rc::clone(bucket), key.stored.clone());
    block(call.interp, async move { Ok(Obj::uint(bucket.entries.write(&key, headers, value).await?)) })
}

/// `create key value ?-ttl ms?`
pub(super) fn create(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = bucket.key(call, &call.args[0])?;
    bucket.open()?;
    let value = bucket.value(call, &call.args[1])?;
    bucket.js.api.knows(STORE_OPTIONS, &call.options.values(), false)?;
    let (bucket, life) = (Rc::clone(bucket), life(call));
    block(call.interp, async move { Ok(Obj::uint(bucket.entries.create(&key.stored, life, value).await?)) })
}

/// `delete key ?revision?`
pub(super) fn delete(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = bucket.key(call, &call.args[0])?;
    let mut headers = deletion();
    if let Some(word) = call.args.get(1) {
        let revision = revision_of(call.interp, word)?;
        headers.extend((revision > 0).then(|| expecting(revision)));
    }
    mark(bucket, call, key, headers)
}

/// `purge key ?-revision n? ?-ttl ms?`
pub(super) fn purge(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    bucket.js.api.knows(PURGE_OPTIONS, &call.options.values(), false)?;
    let revision = call.options.given_sequence(const { named(PURGE_OPTIONS, "revision") });
    let conditions = revision.map(expecting).into_iter().chain(life(call));
    let key = bucket.key(call, &call.args[0])?;
    mark(bucket, call, key, purging().into_iter().chain(conditions).collect())
}

fn mark(bucket: &Rc<Bucket>, call: &Invocation, key: Key, headers: Headers) -> Result<Reply> {
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        bucket.entries.write(&key.stored, headers, Bytes::new()).await?;
        Ok(Obj::empty())
    })
}

/// `revert key revision`
pub(super) fn revert(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = bucket.key(call, &call.args[0])?;
    let old = revision_of(call.interp, &call.args[1])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let stored = bucket.entries.value(&key.stored, Some(old)).await.map_err(|fault| fault.of_key(&key.shown))?;
        Ok(Obj::uint(bucket.entries.write(&key.stored, Headers::new(), stored.data.into()).await?))
    })
}
