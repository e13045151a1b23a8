//! `history` and `keys`.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::bridge::delivery::behind_arrivals;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::bucket_state::{Bucket, key_pattern};
use crate::client::Fault;
use crate::client::kv::{Found, Gather, gather};
use crate::rules::kv::Operation;
use crate::tcl::{Obj, Reply};

/// `history key`
pub(super) fn history(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    let key = key_pattern(&call.args[0])?;
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let entries = read(&bucket, &key, "history", false).await?;
        if entries.is_empty() {
            return Err(Fault::KeyNotFound { bucket: bucket.entries.name.clone(), key }.into());
        }
        let shown = entries.iter().enumerate().map(|(place, found)| {
            let key = bucket.entries.key_of(found.message.subject()).unwrap_or_default();
            let delta = (entries.len() - 1 - place) as u64;
            bucket.entry(key, found.message.payload(), (found.revision, found.created), Some(delta), found.operation)
        });
        Ok(Obj::list(&shown.collect::<Vec<_>>()))
    })
}

/// `keys`
pub(super) fn keys(bucket: &Rc<Bucket>, call: &Invocation) -> Result<Reply> {
    bucket.open()?;
    let bucket = Rc::clone(bucket);
    block(call.interp, async move {
        let (mut latest, mut present) = (HashMap::new(), BTreeMap::new());
        for found in read(&bucket, ">", "keys", true).await? {
            let Some(key) = bucket.entries.key_of(found.message.subject()).map(str::to_string) else { continue };
            // While others write, a key may come again: its last entry counts.
            if let Some(earlier) = latest.insert(key.clone(), found.revision) {
                present.remove(&earlier);
            }
            if found.operation == Operation::Put {
                present.insert(found.revision, key);
            }
        }
        if present.is_empty() {
            return Err(Fault::NoKeys(bucket.entries.name.clone()).into());
        }
        Ok(Obj::text_list(&present.into_values().collect::<Vec<_>>()))
    })
}

/// Reads all that is there: the latest entry of each key, or all of them.
async fn read(bucket: &Bucket, key: &str, what: &'static str, latest: bool) -> Result<Vec<Found>> {
    let lost = || bucket.js.connection.variables.has_error();
    Ok(gather(&bucket.entries, &Gather { key, what, latest, behind_arrivals, lost: &lost }).await?)
}
