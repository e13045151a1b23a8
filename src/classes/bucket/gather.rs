//! What a bucket holds: `history`, `keys`, `count` and `purge_deletes`.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::{block, block_then};
use crate::classes::bucket_state::{Bucket, Entry, selection};
use crate::classes::kv_codec::{all, stored_of};
use crate::client::Fault;
use crate::client::kv::{Found, Gather, Marker, gather};
use crate::rules::kv::{Operation, marker_reason};
use crate::rules::kv3_options::{COUNT_OPTIONS, KEYS_OPTIONS, PURGE_DELETES_OPTIONS};
use crate::rules::option::{flag, int, named};
use crate::tcl::{Interp, Obj, Reply};

/// `history key`
pub(super) fn history(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = bucket.codecs.pattern(call.interp, &call.args[0])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    let (reader, stored) = (Rc::clone(&bucket), key.stored);
    let work = async move { read(&reader, &[stored], "history", false, false).await };
    block_then(call.interp, work, move |interp, outcome| {
        let mut shown = Vec::new();
        let entries = outcome?;
        for (place, found) in entries.iter().enumerate() {
            let (operation, message) = (found.operation, &found.message);
            let entry = Entry {
                key: bucket.entries.key_of(message.subject()).unwrap_or_default(),
                value: Some(message.payload()),
                revision: found.revision,
                created: found.created,
                operation,
                delta: Some((entries.len() - 1 - place) as u64),
                reason: if operation == Operation::Put { None } else { marker_reason(message.headers()) },
            };
            shown.extend(bucket.codecs.unless_undecodable(bucket.entry(interp, &entry)).map(|shown| shown.dict));
        }
        if shown.is_empty() {
            return Err(Fault::KeyNotFound { bucket: bucket.entries.name.clone(), key: key.shown }.into());
        }
        Ok(Obj::list(&shown))
    })
}

/// The latest entry of each key of the patterns. While others write, a key may come again: its last entry counts.
pub(super) async fn latest(
    bucket: &Bucket,
    patterns: &[String],
    what: &'static str,
    headers_only: bool,
) -> Result<BTreeMap<u64, (String, Found)>> {
    let selection = selection(bucket, patterns);
    let (mut latest, mut present) = (HashMap::new(), BTreeMap::new());
    for found in read(bucket, &selection.filters, what, true, headers_only).await? {
        let Some(key) = bucket.entries.key_of(found.message.subject()).map(str::to_string) else { continue };
        if !selection.takes(&key) {
            continue;
        }
        if let Some(earlier) = latest.insert(key.clone(), found.revision) {
            present.remove(&earlier);
        }
        present.insert(found.revision, (key, found));
    }
    Ok(present)
}

/// The keys of the patterns that have a value, as they are stored.
async fn present(bucket: &Bucket, patterns: &[String]) -> Result<Vec<String>> {
    let latest = latest(bucket, patterns, "keys", true).await?;
    Ok(latest.into_values().filter(|(_, found)| found.operation == Operation::Put).map(|(key, _)| key).collect())
}

/// `keys ?-filter list?`
pub(super) fn keys(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let filter = call.options.given(const { named(KEYS_OPTIONS, "filter") });
    let filter = filter.map_or_else(|| Ok(vec![all()]), |given| bucket.codecs.patterns(call.interp, &given.obj))?;
    bucket.open()?;
    let (bucket, filter) = (Rc::clone(bucket), stored_of(&filter));
    let reader = Rc::clone(&bucket);
    let work = async move { if filter.is_empty() { Ok(Vec::new()) } else { present(&reader, &filter).await } };
    block_then(call.interp, work, move |interp, outcome| {
        let keys = shown(&bucket, interp, &outcome?);
        if keys.is_empty() {
            return Err(Fault::NoKeys(bucket.entries.name.clone()).into());
        }
        Ok(Obj::text_list(&keys))
    })
}

/// Keys as scripts see them.
fn shown(bucket: &Bucket, interp: Interp, keys: &[String]) -> Vec<String> {
    keys.iter().filter_map(|key| bucket.codecs.unless_undecodable(bucket.codecs.shown_key(interp, bucket.place(key)))).collect()
}

/// `count ?pattern? ?-exact bool?`
pub(super) fn count(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let pattern = call.args.first().map_or_else(|| Ok(all()), |word| bucket.codecs.pattern(call.interp, word))?;
    let exact = call.options.flag(const { flag(COUNT_OPTIONS, "exact") });
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    if !exact {
        return block(call.interp, async move {
            let (api, subject) = (&bucket.js.api, bucket.entries.read_subject(&pattern.stored));
            let count = api.count_subjects(&bucket.entries.stream, &subject).await;
            Ok(Obj::uint(count.map_err(|fault| bucket.entries.gone(fault))?))
        });
    }
    let reader = Rc::clone(&bucket);
    let work = async move { present(&reader, &[pattern.stored]).await };
    block_then(call.interp, work, move |interp, outcome| Ok(Obj::uint(shown(&bucket, interp, &outcome?).len() as u64)))
}

/// `purge_deletes ?-older ms?`
pub(super) fn purge_deletes(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let older = call.options.int(const { int(PURGE_DELETES_OPTIONS, "older") });
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let latest = latest(&bucket, &[">".to_string()], "keys", true).await?.into_values();
        let deleted = latest.filter(|(_, found)| found.operation != Operation::Put).map(|(_, found)| Marker {
            subject: found.message.subject().to_string(),
            revision: found.revision,
            created: found.created,
        });
        let markers: Vec<Marker> = deleted.collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let purged = bucket.js.api.purge_markers(&bucket.entries.stream, &markers, older, now).await;
        purged.map_err(|fault| bucket.entries.gone(fault))?;
        Ok(Obj::uint(markers.len() as u64))
    })
}

/// Reads all that is there: the latest entry of each key, or all of them.
async fn read(bucket: &Bucket, keys: &[String], what: &'static str, latest: bool, headers_only: bool) -> Result<Vec<Found>> {
    let lost = || bucket.js.connection.variables.has_error();
    let wanted = Gather { keys, what, latest, headers_only, behind_arrivals, lost: &lost };
    Ok(gather(&bucket.entries, &wanted).await?)
}
