//! `history`, `keys`, `count` and `purge_deletes`: what a bucket holds.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::entry::Entry;
use super::reading::{Seen, Wanted, read};
use super::state::{KeyValue, bucket_name, key_that, patterns};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::kv::Marker;
use crate::rules::kv::{
    COUNT_OPTIONS, HISTORY_OPTIONS, KEYS_OPTIONS, Operation, PURGE_DELETES_OPTIONS, Start, operation, split_subject, stream_name,
};
use crate::rules::kv_keys::Keys;
use crate::rules::names::{is_key, is_key_pattern};
use crate::rules::option::{flag, int, named};
use crate::tcl::{Obj, Reply};

fn timeout(kv: &KeyValue, call: &Invocation) -> i64 {
    call.options.given_int(const { named(HISTORY_OPTIONS, "timeout") }).unwrap_or(kv.timeout)
}

/// `history bucket ?key? ?-timeout ms? ?-check_bucket b?`
pub(super) fn history(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let key = match call.args.get(1) {
        Some(word) => key_that(word, |key| key == ">" || is_key(key))?,
        None => ">".to_string(),
    };
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    block(call.interp, async move {
        let coding = kv.js.connection.coding();
        let mut entries = Vec::new();
        let wanted = Wanted { bucket: &bucket, patterns: &[key], start: Start::First, headers_only: false, check, ms };
        let mut each = |seen: Seen| {
            let entry = Entry::of(&seen.message, seen.revision, seen.created, seen.delta);
            entries.extend(entry.map(|entry| entry.dict(coding, seen.message.payload())));
        };
        read(&kv, &wanted, &mut each).await?;
        Ok(Obj::list(&entries))
    })
}

/// The keys of the patterns that have a value.
async fn present(kv: &Rc<KeyValue>, bucket: &str, patterns: &[String], check: bool, ms: i64) -> Result<Keys> {
    let mut keys = Keys::default();
    let wanted = Wanted { bucket, patterns, start: Start::LastPerKey, headers_only: true, check, ms };
    let mut each = |seen: Seen| {
        if let Some(entry) = Entry::of(&seen.message, seen.revision, seen.created, seen.delta) {
            keys.entry(entry.key, entry.operation == Operation::Put);
        }
    };
    read(kv, &wanted, &mut each).await?;
    Ok(keys)
}

/// `keys bucket ?-filter list? ?-timeout ms?`
pub(super) fn keys(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let filter = call.options.given(const { named(KEYS_OPTIONS, "filter") });
    let filter = filter.map_or_else(|| Ok(vec![">".to_string()]), |given| patterns(&given.obj))?;
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    block(call.interp, async move {
        if filter.is_empty() {
            return Ok(Obj::empty());
        }
        Ok(Obj::text_list(&present(&kv, &bucket, &filter, check, ms).await?.list()))
    })
}

/// `count bucket ?pattern? ?-exact bool? ?-timeout ms?`
pub(super) fn count(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let pattern = match call.args.get(1) {
        Some(word) => key_that(word, is_key_pattern)?,
        None => ">".to_string(),
    };
    let exact = call.options.flag(const { flag(COUNT_OPTIONS, "exact") });
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    block(call.interp, async move {
        if exact {
            return Ok(Obj::uint(present(&kv, &bucket, &[pattern], check, ms).await?.list().len() as u64));
        }
        Ok(Obj::uint(kv.buckets.count(&bucket, &pattern).await?))
    })
}

/// `purge_deletes bucket ?-older ms? ?-timeout ms? ?-check_bucket b?`
pub(super) fn purge_deletes(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let older = call.options.int(const { int(PURGE_DELETES_OPTIONS, "older") });
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    block(call.interp, async move {
        let mut latest: HashMap<String, (Marker, bool)> = HashMap::new();
        let wanted =
            Wanted { bucket: &bucket, patterns: &[">".to_string()], start: Start::LastPerKey, headers_only: true, check, ms };
        let mut each = |Seen { message, revision, created, .. }: Seen| {
            let subject = message.subject().to_string();
            let deleted = message.has_headers() && operation(message.headers()) != Operation::Put;
            latest.insert(subject.clone(), (Marker { subject, revision, created }, deleted));
        };
        read(&kv, &wanted, &mut each).await?;
        let markers: Vec<Marker> = latest.into_values().filter(|(_, deleted)| *deleted).map(|(marker, _)| marker).collect();
        let markers: Vec<Marker> = markers.into_iter().filter(|marker| split_subject(&marker.subject).is_some()).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        kv.js.api.purge_markers(&stream_name(&bucket), &markers, older, now).await.map_err(|fault| fault.of_bucket(&bucket))?;
        Ok(Obj::uint(markers.len() as u64))
    })
}
