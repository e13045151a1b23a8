//! `history`, `keys`, `count` and `purge_deletes`: what a bucket holds.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::entry::Entry;
use super::reading::{Seen, Wanted, read};
use super::state::{KeyValue, bucket_name};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::{block, block_then};
use crate::classes::kv_codec::{Place, all, stored_of};
use crate::client::Fault;
use crate::client::kv::Marker;
use crate::rules::kv::{
    COUNT_OPTIONS, HISTORY_OPTIONS, KEYS_OPTIONS, Operation, PURGE_DELETES_OPTIONS, Start, operation, split_subject, stream_name,
};
use crate::rules::kv_keys::Keys;
use crate::rules::option::{flag, int, named};
use crate::tcl::{Interp, Obj, Reply};

fn timeout(kv: &KeyValue, call: &Invocation) -> i64 {
    call.options.given_int(const { named(HISTORY_OPTIONS, "timeout") }).unwrap_or(kv.timeout)
}

/// `history bucket ?key? ?-timeout ms? ?-check_bucket b?`
pub(super) fn history(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let key = match call.args.get(1) {
        Some(word) => kv.codecs.key_or_all(call.interp, word)?,
        None => all(),
    };
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    let reader = Rc::clone(&kv);
    let work = async move {
        let mut entries = Vec::new();
        let wanted = Wanted { bucket: &bucket, patterns: &[key.stored], start: Start::First, headers_only: false, check, ms };
        read(&reader, &wanted, &mut |seen| entries.push(seen)).await?;
        Ok::<_, Fault>(entries)
    };
    block_then(call.interp, work, move |interp, outcome| {
        let mut shown = Vec::new();
        for Seen { message, revision, created, delta } in outcome? {
            let Some(entry) = Entry::of(&message, revision, created, delta) else { continue };
            shown.extend(kv.codecs.unless_undecodable(entry.dict(interp, &kv.codecs, Some(message.payload()))));
        }
        Ok(Obj::list(&shown))
    })
}

/// The keys of the patterns that have a value, as they are stored.
async fn present(
    kv: &Rc<KeyValue>,
    bucket: &str,
    patterns: &[String],
    check: bool,
    ms: i64,
) -> std::result::Result<Vec<String>, Fault> {
    let mut keys = Keys::default();
    let wanted = Wanted { bucket, patterns, start: Start::LastPerKey, headers_only: true, check, ms };
    let mut each = |seen: Seen| {
        if let Some(entry) = Entry::of(&seen.message, seen.revision, seen.created, seen.delta) {
            keys.entry(entry.key, entry.operation == Operation::Put);
        }
    };
    read(kv, &wanted, &mut each).await?;
    Ok(keys.list().into_iter().map(str::to_string).collect())
}

/// Keys as scripts see them.
fn shown(kv: &KeyValue, interp: Interp, bucket: &str, keys: &[String]) -> Vec<String> {
    let codecs = &kv.codecs;
    keys.iter().filter_map(|key| codecs.unless_undecodable(codecs.shown_key(interp, Place { bucket, key }))).collect()
}

/// `keys bucket ?-filter list? ?-timeout ms?`
pub(super) fn keys(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let filter = call.options.given(const { named(KEYS_OPTIONS, "filter") });
    let filter = filter.map_or_else(|| Ok(vec![all()]), |given| kv.codecs.patterns(call.interp, &given.obj))?;
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    let (reader, name, filter) = (Rc::clone(&kv), bucket.clone(), stored_of(&filter));
    let work = async move { if filter.is_empty() { Ok(Vec::new()) } else { present(&reader, &name, &filter, check, ms).await } };
    block_then(call.interp, work, move |interp, outcome| Ok(Obj::text_list(&shown(&kv, interp, &bucket, &outcome?))))
}

/// `count bucket ?pattern? ?-exact bool? ?-timeout ms?`
pub(super) fn count(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let pattern = match call.args.get(1) {
        Some(word) => kv.codecs.pattern(call.interp, word)?,
        None => all(),
    };
    let exact = call.options.flag(const { flag(COUNT_OPTIONS, "exact") });
    kv.open()?;
    let (kv, check, ms) = (Rc::clone(kv), kv.checks(call), timeout(kv, call));
    if !exact {
        return block(call.interp, async move { Ok(Obj::uint(kv.buckets.count(&bucket, &pattern.stored).await?)) });
    }
    let (reader, name) = (Rc::clone(&kv), bucket.clone());
    let work = async move { present(&reader, &name, &[pattern.stored], check, ms).await };
    block_then(call.interp, work, move |interp, outcome| Ok(Obj::uint(shown(&kv, interp, &bucket, &outcome?).len() as u64)))
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
