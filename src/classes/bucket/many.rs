//! `mget`, `entries` and `mput`: many keys at once.

use std::rc::Rc;

use super::gather::latest as read_latest;
use crate::bridge::errors::Result;
use crate::bridge::messages::payload_in;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, key_name, key_patterns};
use crate::classes::kv_words::{by_key, revisions, stored, values};
use crate::client::kv::{Put, expecting};
use crate::client::{Argument, Fault};
use crate::rules::kv::Operation;
use crate::rules::kv3_options::{ENTRIES_OPTIONS, MGET_OPTIONS, MPUT_OPTIONS};
use crate::rules::names::is_key;
use crate::rules::option::{Name, Preset, flag, named};
use crate::rules::time::isotime_to_msec;
use crate::tcl::{Obj, Reply};

const UP_TO: Name = named(MGET_OPTIONS, "up_to");
const CONSISTENT: Preset<bool> = flag(MGET_OPTIONS, "consistent");

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
    let keys = key_patterns(&call.args[0])?;
    let options = &call.options;
    let up_to = options.given_int(UP_TO).map(|revision| revision as u64);
    let default = options.given(const { named(MGET_OPTIONS, "default") }).map(|given| given.obj.clone());
    let consistent = options.flag(CONSISTENT);
    if consistent && up_to.is_some() {
        return Err(Argument::Exclusive(CONSISTENT.name, UP_TO).into());
    }
    if let Some(pattern) = keys.iter().find(|key| consistent && !is_key(key)) {
        return Err(Argument::KeyName(pattern.clone()).into());
    }
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let coding = bucket.js.connection.coding();
        let mut values: Vec<(String, Obj)> = Vec::new();
        if consistent {
            for key in &keys {
                let stored = bucket.entries.leaders_value(key).await?;
                values.extend(stored.map(|stored| (key.clone(), payload_in(coding, &stored.data))));
            }
        } else if !keys.is_empty() {
            let found = latest(&bucket, "mget -up_to", &keys, up_to).await?;
            values.extend(found.into_iter().map(|found| (found.key, payload_in(coding, &found.value))));
        }
        Ok(by_key(&keys, &values, default.as_ref()))
    })
}

/// `entries ?keys? ?-up_to n?`
pub(super) fn entries(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let keys = call.args.first().map_or_else(|| Ok(vec![">".to_string()]), key_patterns)?;
    let up_to = call.options.given_int(const { named(ENTRIES_OPTIONS, "up_to") }).map(|revision| revision as u64);
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        if keys.is_empty() {
            return Ok(Obj::empty());
        }
        let found = latest(&bucket, "entries -up_to", &keys, up_to).await?;
        let shown = found
            .iter()
            .map(|found| bucket.entry(&found.key, &found.value, (found.revision, found.created), None, Operation::Put, None));
        Ok(Obj::list(&shown.collect::<Vec<_>>()))
    })
}

/// `mput dict ?-revisions dict? ?-atomic b?`
pub(super) fn mput(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let pairs = call.args[0].as_dict().ok_or(Argument::ValuesNotDict)?;
    let given = call.options.given(const { named(MPUT_OPTIONS, "revisions") });
    let expected = revisions(call.interp, given.map(|given| &given.obj), key_name)?;
    bucket.open()?;
    let coding = bucket.js.connection.coding();
    let values = values(coding, &pairs, &expected, key_name)?;
    let atomic = call.options.flag(const { flag(MPUT_OPTIONS, "atomic") });
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let puts = values.into_iter().map(|(key, value)| {
            let headers = expected.get(&key).map(|revision| expecting(*revision)).into_iter().collect();
            Put { subject: bucket.entries.write_subject(&key), key, headers, value }
        });
        let (api, puts) = (&bucket.js.api, puts.collect());
        let written = if atomic { api.put_together(puts).await? } else { api.put_each(puts).await? };
        Ok(stored(&written))
    })
}
