//! `mget`, `entries` and `mput`: many keys at once.

use std::rc::Rc;

use super::gather::latest as read_latest;
use crate::bridge::errors::{Error, Result};
use crate::bridge::method::Invocation;
use crate::bridge::task::{block, block_then};
use crate::classes::bucket_state::{Bucket, Entry};
use crate::classes::kv_codec::{all, stored_of};
use crate::classes::kv_words::{Found, Many, by_key, revisions, stored, values};
use crate::client::kv::{Put, expecting};
use crate::client::{Argument, Fault};
use crate::rules::kv::Operation;
use crate::rules::kv3_options::{ENTRIES_OPTIONS, MPUT_OPTIONS};
use crate::rules::option::{flag, named};
use crate::rules::time::isotime_to_msec;
use crate::tcl::{Obj, Reply};

/// An entry that has a value.
struct Latest {
    key: String,
    value: Vec<u8>,
    revision: u64,
    created: i64,
}

/// The latest entries that have a value, in the order of their revisions: by direct gets, or where the server or the bucket has
/// none, or there are too many keys, by an ordered consumer.
async fn latest(bucket: &Bucket, method: &'static str, patterns: &[String], up_to: Option<u64>) -> Result<Vec<Latest>> {
    let (api, entries) = (&bucket.js.api, &bucket.entries);
    let subjects: Vec<String> = patterns.iter().map(|key| entries.read_subject(key)).collect();
    match api.latest_entries(method, &entries.stream, &subjects, up_to).await {
        Ok(found) => {
            let present = found.into_iter().filter(|stored| stored.operation() == Operation::Put);
            present
                .map(|stored| {
                    let key = entries.key_of(&stored.subject).ok_or(Fault::ReplyIncomplete)?.to_string();
                    let created = isotime_to_msec(&stored.time).map_err(|_| Fault::ReplyIncomplete)?;
                    Ok(Latest { key, value: stored.data, revision: stored.seq, created })
                })
                .collect()
        }
        Err(Fault::TooOld { .. } | Fault::NoDirectAccess(_) | Fault::Argument(Argument::TooManySubjects)) if up_to.is_none() => {
            let found = read_latest(bucket, patterns, "entries", false).await?.into_iter();
            let present = found.filter(|(_, (_, found))| found.operation == Operation::Put);
            Ok(present
                .map(|(revision, (key, found))| {
                    let (value, created) = (found.message.payload().to_vec(), found.created);
                    Latest { key, value, revision, created }
                })
                .collect())
        }
        Err(fault) => Err(fault.into()),
    }
}

/// `mget keys ?-up_to n? ?-default v? ?-consistent b?`
pub(super) fn mget(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let Many { keys, up_to, default, consistent } = Many::of(call.interp, &bucket.codecs, &call.args[0], &call.options)?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    let (reader, patterns) = (Rc::clone(&bucket), stored_of(&keys));
    let work = async move {
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        if !consistent {
            let found = latest(&reader, "mget -up_to", &patterns, up_to).await?;
            return Ok(found.into_iter().map(|found| (found.key, found.value)).collect());
        }
        let mut found = Vec::new();
        for key in patterns {
            let stored = reader.entries.leaders_value(&key).await?;
            found.extend(stored.map(|stored| (key, stored.data)));
        }
        Ok::<_, Error>(found)
    };
    block_then(call.interp, work, move |interp, outcome| {
        let mut found = Vec::new();
        for (key, value) in outcome? {
            let value = bucket.codecs.unless_undecodable(bucket.shown_value(interp, &key, &value));
            found.extend(value.map(|value| Found { key, value }));
        }
        let show = |key: &str| bucket.codecs.unless_undecodable(bucket.codecs.shown_key(interp, bucket.place(key)));
        Ok(by_key(&keys, &found, default.as_ref(), show))
    })
}

/// `entries ?keys? ?-up_to n?`
pub(super) fn entries(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let keys = call.args.first().map_or_else(|| Ok(vec![all()]), |words| bucket.codecs.patterns(call.interp, words))?;
    let up_to = call.options.given_sequence(const { named(ENTRIES_OPTIONS, "up_to") });
    bucket.open()?;
    let (bucket, keys) = (Rc::clone(bucket), stored_of(&keys));
    let reader = Rc::clone(&bucket);
    let work =
        async move { if keys.is_empty() { Ok(Vec::new()) } else { latest(&reader, "entries -up_to", &keys, up_to).await } };
    block_then(call.interp, work, move |interp, outcome| {
        let mut shown = Vec::new();
        for Latest { key, value, revision, created } in outcome? {
            let (value, operation) = (Some(value.as_slice()), Operation::Put);
            let entry = Entry { key: &key, value, revision, created, operation, delta: None, reason: None };
            shown.extend(bucket.codecs.unless_undecodable(bucket.entry(interp, &entry)).map(|shown| shown.dict));
        }
        Ok(Obj::list(&shown))
    })
}

/// `mput dict ?-revisions dict? ?-atomic b?`
pub(super) fn mput(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let pairs = call.args[0].as_dict().ok_or(Argument::ValuesNotDict)?;
    let given = call.options.given(const { named(MPUT_OPTIONS, "revisions") });
    let expected = revisions(call.interp, &bucket.codecs, given.map(|given| &given.obj))?;
    bucket.open()?;
    let values = values(call.interp, &bucket.codecs, &pairs, &expected)?;
    bucket.open()?;
    let atomic = call.options.flag(const { flag(MPUT_OPTIONS, "atomic") });
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let puts = values.into_iter().map(|(key, value)| {
            let headers = expected.get(&key.stored).map(|revision| expecting(*revision)).into_iter().collect();
            Put { subject: bucket.entries.write_subject(&key.stored), key: key.shown, headers, value }
        });
        let (api, puts) = (&bucket.js.api, puts.collect());
        let written = if atomic { api.put_together(puts).await? } else { api.put_each(puts).await? };
        Ok(stored(&written))
    })
}
