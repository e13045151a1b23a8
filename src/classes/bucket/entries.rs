//! Reading and writing keys.

use std::rc::Rc;

use bytes::Bytes;

use crate::bridge::errors::Result;
use crate::bridge::messages::{payload_in, payload_out};
use crate::bridge::method::Invocation;
use crate::bridge::options::{clamp, read};
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, key_name};
use crate::client::kv::{deletion, expecting, living, purge as purging};
use crate::client::{Argument, Fault, Stored};
use crate::engine::Headers;
use crate::rules::kv::Operation;
use crate::rules::kv3_options::{GET_OPTIONS, PURGE_OPTIONS, STORE_OPTIONS};
use crate::rules::option::{Kind, Opt, named, row};
use crate::rules::time::isotime_to_msec;
use crate::tcl::{Obj, Reply};

/// The plain argument `revision`.
const REVISION: Opt = row("revision", Kind::Count, "sequence in the bucket's stream");

fn revision_of(call: &Invocation, word: &Obj) -> Result<u64> {
    Ok(clamp(&read(call.interp, &REVISION, word)?.0) as u64)
}

/// `get key ?-revision n?`
pub(super) fn get(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    found(bucket, call, |bucket, key, stored| {
        let created = isotime_to_msec(&stored.time).map_err(|_| Fault::ReplyIncomplete)?;
        Ok(bucket.entry(key, &stored.data, (stored.seq, created), None, Operation::Put, None))
    })
}

/// `get_value key ?-revision n?`
pub(super) fn get_value(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    found(bucket, call, |bucket, _, stored| Ok(payload_in(bucket.js.connection.coding(), &stored.data)))
}

fn found(bucket: &Rc<Bucket>, call: &Invocation, show: fn(&Bucket, &str, &Stored) -> Result<Obj>) -> Result<Reply> {
    let key = key_name(&call.args[0])?;
    bucket.open()?;
    let revision = call.options.given_int(const { named(GET_OPTIONS, "revision") }).map(|revision| revision as u64);
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let stored = bucket.entries.value(&key, revision).await?;
        show(&bucket, &key, &stored)
    })
}

/// `put key value ?-ttl ms?`
pub(super) fn put(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    store(bucket, call, Headers::new())
}

/// `update key value revision ?-ttl ms?`
pub(super) fn update(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    key_name(&call.args[0])?;
    store(bucket, call, vec![expecting(revision_of(call, &call.args[2])?)])
}

/// The header line of `-ttl`.
fn life(call: &Invocation) -> Option<(String, String)> {
    call.options.given_text(const { named(STORE_OPTIONS, "ttl") }).map(living)
}

fn store(bucket: &Rc<Bucket>, call: &Invocation, mut headers: Headers) -> Result<Reply> {
    let key = key_name(&call.args[0])?;
    bucket.open()?;
    bucket.js.api.knows(STORE_OPTIONS, &call.options.values(), false)?;
    if let Some(life) = life(call) {
        // When such an entry ends, the one before it would count again.
        if !bucket.entries.keeps_one() {
            return Err(Argument::LifeWithHistory.into());
        }
        headers.push(life);
    }
    let value = payload_out(bucket.js.connection.coding(), &call.args[1])?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move { Ok(Obj::uint(bucket.entries.write(&key, headers, value).await?)) })
}

/// `create key value ?-ttl ms?`
pub(super) fn create(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = key_name(&call.args[0])?;
    bucket.open()?;
    let value = payload_out(bucket.js.connection.coding(), &call.args[1])?;
    bucket.js.api.knows(STORE_OPTIONS, &call.options.values(), false)?;
    let (bucket, life) = (Rc::clone(bucket), life(call));
    block(call.interp, async move { Ok(Obj::uint(bucket.entries.create(&key, life, value).await?)) })
}

/// `delete key ?revision?`
pub(super) fn delete(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    key_name(&call.args[0])?;
    let mut headers = deletion();
    if let Some(word) = call.args.get(1) {
        let revision = revision_of(call, word)?;
        headers.extend((revision > 0).then(|| expecting(revision)));
    }
    mark(bucket, call, headers)
}

/// `purge key ?-revision n? ?-ttl ms?`
pub(super) fn purge(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    bucket.js.api.knows(PURGE_OPTIONS, &call.options.values(), false)?;
    let revision = call.options.given_int(const { named(PURGE_OPTIONS, "revision") });
    let conditions = revision.map(|revision| expecting(revision as u64)).into_iter().chain(life(call));
    mark(bucket, call, purging().into_iter().chain(conditions).collect())
}

fn mark(bucket: &Rc<Bucket>, call: &Invocation, headers: Headers) -> Result<Reply> {
    let key = key_name(&call.args[0])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        bucket.entries.write(&key, headers, Bytes::new()).await?;
        Ok(Obj::empty())
    })
}

/// `revert key revision`
pub(super) fn revert(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = key_name(&call.args[0])?;
    let old = revision_of(call, &call.args[1])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let stored = bucket.entries.value(&key, Some(old)).await?;
        Ok(Obj::uint(bucket.entries.write(&key, Headers::new(), stored.data.into()).await?))
    })
}
