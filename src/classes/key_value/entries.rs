//! Reading and writing keys.

use std::rc::Rc;

use bytes::Bytes;

use super::buckets;
use super::entry::Entry;
use super::state::{KeyValue, bucket_name};
use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::method::{Invocation, ends_without_value};
use crate::bridge::options::Options;
use crate::bridge::task::{block, block_then};
use crate::classes::kv_codec::Key;
use crate::classes::kv_words::revision_of;
use crate::client::kv::{Writer, deletion, expecting, living, purge as purging, revision};
use crate::client::{Argument, Fault};
use crate::engine::Headers;
use crate::rules::jetstream_convert::convert_reply;
use crate::rules::kv::{DEL_OPTIONS, GET_OPTIONS, Operation, PURGE_OPTIONS, STORE_OPTIONS, split_subject};
use crate::rules::option::{Opt, named};
use crate::rules::time::isotime_to_msec;
use crate::tcl::{Obj, Reply};

/// Bucket and key of a call that changes something, checked in the order of docs/kv.md, "Errors".
fn target(kv: &KeyValue, call: &Invocation) -> Result<(String, Key)> {
    kv.writable()?;
    Ok((bucket_name(&call.args[0])?, kv.key(call, &call.args[1])?))
}

/// The header lines of the options `-ttl` and `-revision`.
fn conditions(call: &Invocation) -> Headers {
    let revision = call.options.given_sequence(const { named(DEL_OPTIONS, "revision") });
    revision.map(expecting).into_iter().chain(life(call)).collect()
}

/// The header line of `-ttl`.
fn life(call: &Invocation) -> Option<(String, String)> {
    call.options.given_text(const { named(STORE_OPTIONS, "ttl") }).map(living)
}

/// `get bucket key ?-revision n?`
pub(super) fn get(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let (bucket, key) = (bucket_name(&call.args[0])?, kv.key(call, &call.args[1])?);
    kv.open()?;
    let (kv, revision) = (Rc::clone(kv), call.options.given_sequence(const { named(GET_OPTIONS, "revision") }));
    let reader = Rc::clone(&kv);
    let work = async move {
        let stored = reader.buckets.value(&bucket, &key.stored, revision).await;
        stored.map_err(|fault| fault.of_key(&key.shown))
    };
    block_then(call.interp, work, move |interp, outcome| {
        let stored = outcome?;
        let (bucket, key) = split_subject(&stored.subject).ok_or(Fault::ReplyIncomplete)?;
        let created = isotime_to_msec(&stored.time).map_err(|_| Fault::ReplyIncomplete)?;
        let entry = Entry { bucket, key, operation: Operation::Put, revision: stored.seq, created, delta: None, reason: None };
        Ok(entry.dict(interp, &kv.codecs, Some(&stored.data))?)
    })
}

/// `put bucket key value ?-ttl ms? ?-check_bucket b?`
pub(super) fn put(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    store(kv, call, target(kv, call)?, &call.args[2], None)
}

/// `update bucket key revision value ?-ttl ms? ?-check_bucket b?`
pub(super) fn update(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let target = target(kv, call)?;
    let revision = revision_of(call.interp, &call.args[2])?;
    store(kv, call, target, &call.args[3], Some(vec![expecting(revision)]))
}

fn store(
    kv: &Rc<KeyValue>,
    call: &Invocation,
    (bucket, key): (String, Key),
    value: &Obj,
    headers: Option<Headers>,
) -> Result<Reply> {
    kv.open()?;
    let value = kv.value(call, value)?;
    let (kv, check, life) = (Rc::clone(kv), kv.checks(call), life(call));
    kv.js.api.knows(STORE_OPTIONS, &call.options.values(), false)?;
    block(call.interp, async move {
        let mut headers = headers;
        if let Some(life) = life {
            // When such an entry ends, the one before it would count again.
            if !kv.buckets.keeps_one(&bucket).await? {
                return Err(Argument::LifeWithHistory.into());
            }
            headers.get_or_insert_default().push(life);
        }
        let ack = Writer::new(&kv.buckets, &bucket, &key.stored, check).write(headers, value).await?;
        Ok(Obj::uint(revision(&ack)?))
    })
}

/// `create bucket key value ?-ttl ms? ?-check_bucket b?`
pub(super) fn create(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let (bucket, key) = target(kv, call)?;
    kv.open()?;
    let value = kv.value(call, &call.args[2])?;
    let (kv, check, life) = (Rc::clone(kv), kv.checks(call), life(call));
    kv.js.api.knows(STORE_OPTIONS, &call.options.values(), false)?;
    block(call.interp, async move {
        let ack = Writer::new(&kv.buckets, &bucket, &key.stored, check).create(life, value).await?;
        Ok(Obj::uint(revision(&ack)?))
    })
}

/// `del bucket ?key? ?-revision n? ?-check_bucket b?`
pub(super) fn del(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let words = &call.args[1..];
    // A key may look like an option. But where a value was forgotten, no key is meant, least of all the bucket.
    let is = |name: &str| {
        words[0].raw_str() == name.as_bytes() && !words[1..].iter().step_by(2).any(|word| word.raw_str() == words[0].raw_str())
    };
    let keyed = if words.len().is_multiple_of(2) {
        ends_without_value(DEL_OPTIONS, words)
    } else {
        !is("-check_bucket") && (words.len() == 1 || !is("-revision"))
    };
    let plain = if keyed { 2 } else { 1 };
    let options = Options::parse(call.interp, DEL_OPTIONS, &call.args[plain..])?;
    let call = &Invocation { interp: call.interp, args: &call.args[..plain], options, call: call.call };
    if keyed {
        return mark(kv, call, deletion(), DEL_OPTIONS, false);
    }
    kv.writable()?;
    if call.options.given(const { named(DEL_OPTIONS, "revision") }).is_some() {
        return Err(Argument::UnknownOption("revision".to_string()).into());
    }
    buckets::delete(kv, call, bucket_name(&call.args[0])?)
}

/// `purge bucket key ?-revision n? ?-ttl ms? ?-check_bucket b?`
pub(super) fn purge(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    mark(kv, call, purging(), PURGE_OPTIONS, true)
}

/// Writes a marker; the acknowledgement is the result if it is `wanted`.
fn mark(kv: &Rc<KeyValue>, call: &Invocation, mut headers: Headers, table: &[Opt], wanted: bool) -> Result<Reply> {
    let (bucket, key) = target(kv, call)?;
    kv.open()?;
    kv.js.api.knows(table, &call.options.values(), false)?;
    headers.extend(conditions(call));
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    block(call.interp, async move {
        let ack = Writer::new(&kv.buckets, &bucket, &key.stored, check).write(Some(headers), Bytes::new()).await?;
        Ok(if wanted { to_obj(&convert_reply(ack, false)) } else { Obj::empty() })
    })
}

/// `revert bucket key revision ?-check_bucket b?`
pub(super) fn revert(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let (bucket, key) = target(kv, call)?;
    let old = revision_of(call.interp, &call.args[2])?;
    kv.open()?;
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    block(call.interp, async move {
        let stored = kv.buckets.value(&bucket, &key.stored, Some(old)).await.map_err(|fault| fault.of_key(&key.shown))?;
        let ack = Writer::new(&kv.buckets, &bucket, &key.stored, check).write(None, stored.data.into()).await?;
        Ok(Obj::uint(revision(&ack)?))
    })
}
