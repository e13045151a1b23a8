//! `mget`, `entries` and `mput`: many keys at once.

use std::collections::HashMap;
use std::rc::Rc;

use super::entry::Entry;
use super::reading::{Wanted, read};
use super::state::{KeyValue, bucket_name};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::{block, block_then};
use crate::classes::kv_codec::{Place, all, stored_of};
use crate::classes::kv_words::{self, Many, by_key, revisions, stored, values};
use crate::client::kv::{Put, expecting};
use crate::client::{Argument, Fault, Stored};
use crate::rules::kv::{ENTRIES_OPTIONS, MGET_OPTIONS, MPUT_OPTIONS, Operation, Start, operation, split_subject, stream_name};
use crate::rules::option::{flag, named};
use crate::rules::time::isotime_to_msec;
use crate::tcl::{Obj, Reply};

/// An entry that has a value, as it is stored.
struct Found {
    bucket: String,
    key: String,
    value: Vec<u8>,
    revision: u64,
    created: i64,
}

impl Found {
    fn of(stored: Stored) -> Result<Found> {
        let (bucket, key) = split_subject(&stored.subject).ok_or(Fault::ReplyIncomplete)?;
        let (bucket, key) = (bucket.to_string(), key.to_string());
        let created = isotime_to_msec(&stored.time).map_err(|_| Fault::ReplyIncomplete)?;
        Ok(Found { bucket, key, value: stored.data, revision: stored.seq, created })
    }
}

/// How the latest entries are read.
struct Latest<'a> {
    method: &'static str,
    bucket: &'a str,
    patterns: &'a [String],
    up_to: Option<u64>,
    check: bool,
    ms: i64,
}

/// The latest entries that have a value, in the order of their revisions: by direct gets, or where the server or the bucket has
/// none, or there are too many keys, by an ordered consumer.
async fn latest(kv: &Rc<KeyValue>, wanted: &Latest<'_>) -> Result<Vec<Found>> {
    let &Latest { method, bucket, patterns, up_to, check, ms } = wanted;
    let stream = stream_name(bucket);
    let owner = kv.buckets.owner(bucket, check).await?;
    let subjects: Vec<String> = patterns.iter().map(|key| format!("$KV.{owner}.{key}")).collect();
    match kv.js.api.latest_entries(method, &stream, &subjects, up_to).await {
        Ok(entries) => {
            let present = entries.into_iter().filter(|stored| stored.operation() == Operation::Put);
            present.map(Found::of).collect()
        }
        Err(Fault::TooOld { .. } | Fault::NoDirectAccess(_) | Fault::Argument(Argument::TooManySubjects)) if up_to.is_none() => {
            let mut found = HashMap::new();
            let wanted = Wanted { bucket, patterns, start: Start::LastPerKey, headers_only: false, check, ms };
            let mut each = |seen: super::reading::Seen| {
                let message = &seen.message;
                let Some((bucket, key)) = split_subject(message.subject()) else { return };
                let (bucket, key) = (bucket.to_string(), key.to_string());
                let present = !message.has_headers() || operation(message.headers()) == Operation::Put;
                let (value, revision, created) = (message.payload().to_vec(), seen.revision, seen.created);
                let entry = present.then(|| Found { bucket, key: key.clone(), value, revision, created });
                found.insert(key, entry);
            };
            read(kv, &wanted, &mut each).await?;
            let mut found: Vec<Found> = found.into_values().flatten().collect();
            found.sort_unstable_by_key(|found| found.revision);
            Ok(found)
        }
        Err(fault @ Fault::NoDirectAccess(_)) => {
            kv.buckets.look(bucket, kv.js.api.timeout).await?;
            Err(fault.into())
        }
        Err(fault) => Err(fault.of_bucket(bucket).into()),
    }
}

/// `mget bucket keys ?-up_to n? ?-default v? ?-consistent b? ?-timeout ms? ?-check_bucket b?`
pub(super) fn mget(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let Many { keys, up_to, default, consistent } = Many::of(call.interp, &kv.codecs, &call.args[1], &call.options)?;
    kv.open()?;
    let ms = call.options.given_int(const { named(MGET_OPTIONS, "timeout") }).unwrap_or(kv.timeout);
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    let (reader, patterns) = (Rc::clone(&kv), stored_of(&keys));
    let work = async move {
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        if !consistent {
            let wanted = Latest { method: "mget -up_to", bucket: &bucket, patterns: &patterns, up_to, check, ms };
            return latest(&reader, &wanted).await;
        }
        let mut found = Vec::new();
        for key in patterns {
            match reader.buckets.value(&bucket, &key, None).await {
                Ok(stored) => found.push(Found::of(stored)?),
                Err(Fault::KeyNotFound { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(found)
    };
    block_then(call.interp, work, move |interp, outcome| {
        let codecs = &kv.codecs;
        let (mut found, mut buckets) = (Vec::new(), HashMap::new());
        for Found { bucket, key, value, .. } in outcome? {
            let place = Place { bucket: &bucket, key: &key };
            if let Some(value) = codecs.unless_undecodable(codecs.shown_value(interp, place, &value)) {
                buckets.insert(key.clone(), bucket);
                found.push(kv_words::Found { key, value });
            }
        }
        let show = |key: &str| {
            let bucket = buckets.get(key).map(String::as_str).unwrap_or_default();
            codecs.unless_undecodable(codecs.shown_key(interp, Place { bucket, key }))
        };
        Ok(by_key(&keys, &found, default.as_ref(), show))
    })
}

/// `entries bucket ?keys? ?-up_to n? ?-timeout ms? ?-check_bucket b?`
pub(super) fn entries(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    let bucket = bucket_name(&call.args[0])?;
    let keys = call.args.get(1).map_or_else(|| Ok(vec![all()]), |words| kv.codecs.patterns(call.interp, words))?;
    let up_to = call.options.given_sequence(const { named(ENTRIES_OPTIONS, "up_to") });
    kv.open()?;
    let ms = call.options.given_int(const { named(ENTRIES_OPTIONS, "timeout") }).unwrap_or(kv.timeout);
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    let (reader, keys) = (Rc::clone(&kv), stored_of(&keys));
    let work = async move {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = Latest { method: "entries -up_to", bucket: &bucket, patterns: &keys, up_to, check, ms };
        latest(&reader, &wanted).await
    };
    block_then(call.interp, work, move |interp, outcome| {
        let mut shown = Vec::new();
        for Found { bucket, key, value, revision, created } in &outcome? {
            let (operation, revision, created) = (Operation::Put, *revision, *created);
            let entry = Entry { bucket, key, operation, revision, created, delta: None, reason: None };
            shown.extend(kv.codecs.unless_undecodable(entry.dict(interp, &kv.codecs, Some(value))));
        }
        Ok(Obj::list(&shown))
    })
}

/// `mput bucket dict ?-revisions dict? ?-atomic b? ?-check_bucket b?`
pub(super) fn mput(kv: &Rc<KeyValue>, call: &Invocation) -> Result<Reply> {
    kv.writable()?;
    let bucket = bucket_name(&call.args[0])?;
    let pairs = call.args[1].as_dict().ok_or(Argument::ValuesNotDict)?;
    let given = call.options.given(const { named(MPUT_OPTIONS, "revisions") });
    let expected = revisions(call.interp, &kv.codecs, given.map(|given| &given.obj))?;
    kv.open()?;
    let values = values(call.interp, &kv.codecs, &pairs, &expected)?;
    kv.open()?;
    let atomic = call.options.flag(const { flag(MPUT_OPTIONS, "atomic") });
    let (kv, check) = (Rc::clone(kv), kv.checks(call));
    block(call.interp, async move {
        let place = kv.buckets.write_place(&bucket, check).await?;
        let puts = values.into_iter().map(|(key, value)| {
            let headers = expected.get(&key.stored).map(|revision| expecting(*revision)).into_iter().collect();
            Put { subject: place(&key.stored), key: key.shown, headers, value }
        });
        let puts = puts.collect();
        let written = if atomic { kv.js.api.put_together(puts).await? } else { kv.js.api.put_each(puts).await? };
        Ok(stored(&written))
    })
}
