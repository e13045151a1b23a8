//! What a bucket holds: `history`, `keys`, `count` and `purge_deletes`.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, key_pattern, key_patterns, selection};
use crate::client::Fault;
use crate::client::kv::{Found, Gather, Marker, gather};
use crate::rules::kv::{Operation, marker_reason};
use crate::rules::kv3_options::{COUNT_OPTIONS, KEYS_OPTIONS, PURGE_DELETES_OPTIONS};
use crate::rules::option::{flag, int, named};
use crate::tcl::{Obj, Reply};

/// `history key`
pub(super) fn history(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = key_pattern(&call.args[0])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let entries = read(&bucket, std::slice::from_ref(&key), "history", false, false).await?;
        if entries.is_empty() {
            return Err(Fault::KeyNotFound { bucket: bucket.entries.name.clone(), key }.into());
        }
        let shown = entries.iter().enumerate().map(|(place, found)| {
            let key = bucket.entries.key_of(found.message.subject()).unwrap_or_default();
            let delta = (entries.len() - 1 - place) as u64;
            let reason = if found.operation == Operation::Put { None } else { marker_reason(found.message.headers()) };
            let (value, at) = (found.message.payload(), (found.revision, found.created));
            bucket.entry(key, value, at, Some(delta), found.operation, reason.as_deref())
        });
        Ok(Obj::list(&shown.collect::<Vec<_>>()))
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

/// The keys of the patterns that have a value.
async fn present(bucket: &Bucket, patterns: &[String]) -> Result<Vec<String>> {
    let latest = latest(bucket, patterns, "keys", true).await?;
    Ok(latest.into_values().filter(|(_, found)| found.operation == Operation::Put).map(|(key, _)| key).collect())
}

/// `keys ?-filter list?`
pub(super) fn keys(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let filter = call.options.given(const { named(KEYS_OPTIONS, "filter") });
    let filter = filter.map_or_else(|| Ok(vec![">".to_string()]), |given| key_patterns(&given.obj))?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let keys = if filter.is_empty() { Vec::new() } else { present(&bucket, &filter).await? };
        if keys.is_empty() {
            return Err(Fault::NoKeys(bucket.entries.name.clone()).into());
        }
        Ok(Obj::text_list(&keys))
    })
}

/// `count ?pattern? ?-exact bool?`
pub(super) fn count(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let pattern = call.args.first().map_or_else(|| Ok(">".to_string()), key_pattern)?;
    let exact = call.options.flag(const { flag(COUNT_OPTIONS, "exact") });
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        if exact {
            return Ok(Obj::uint(present(&bucket, &[pattern]).await?.len() as u64));
        }
        let (api, subject) = (&bucket.js.api, bucket.entries.read_subject(&pattern));
        let count = api.count_subjects(&bucket.entries.stream, &subject).await;
        Ok(Obj::uint(count.map_err(|fault| bucket.entries.gone(fault))?))
    })
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
