//! Words of the methods that read and write many keys, which both dialects have: `mget` and `mput`.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::kv_codec::{Codecs, Key};
use crate::bridge::errors::Result;
use crate::bridge::options::{clamp, read};
use crate::client::Argument;
use crate::rules::names::is_key;
use crate::rules::option::{Kind, Opt, row};
use crate::tcl::{Interp, Obj};

const REVISION: Opt = row("revision", Kind::Count, "");

/// The revisions that keys must have, from a dict; by the keys as they are stored.
///
/// # Errors
/// `ErrInvalidArg`, and as [`Codecs::key`].
pub(super) fn revisions(interp: Interp, codecs: &Codecs, dict: Option<&Obj>) -> Result<HashMap<String, u64>> {
    let mut expected = HashMap::new();
    for (key, revision) in &dict.and_then(Obj::as_dict).unwrap_or_default() {
        expected.insert(codecs.key(interp, key)?.stored, clamp(&read(interp, &REVISION, revision)?.0) as u64);
    }
    Ok(expected)
}

/// The values to be put, which must have the keys that a revision is expected of.
///
/// # Errors
/// `ErrInvalidArg`, and as [`Codecs::key`] and [`Codecs::value`].
pub(super) fn values(
    interp: Interp,
    codecs: &Codecs,
    pairs: &[(Obj, Obj)],
    expected: &HashMap<String, u64>,
) -> Result<Vec<(Key, Bytes)>> {
    let mut values: Vec<(Key, Bytes)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        values.push((codecs.key(interp, key)?, codecs.value(interp, value)?));
    }
    if expected.keys().all(|key| values.iter().any(|(name, _)| name.stored == *key)) {
        Ok(values)
    } else {
        Err(Argument::RevisionWithoutValue.into())
    }
}

/// A value that was found.
pub(super) struct Found {
    /// Key as it is stored.
    pub key: String,
    /// Value as scripts see it.
    pub value: Obj,
}

/// Values by key: first the plain keys in the order given, as they were given, those without a value with the default, if there is
/// one; then the others by the names that `show` gives them, if it does.
pub(super) fn by_key(keys: &[Key], found: &[Found], default: Option<&Obj>, mut show: impl FnMut(&str) -> Option<String>) -> Obj {
    let known: HashMap<&str, &Obj> = found.iter().map(|found| (found.key.as_str(), &found.value)).collect();
    let mut dict = Obj::dict();
    let mut told = HashSet::new();
    for key in keys.iter().filter(|key| is_key(&key.stored)) {
        told.insert(key.stored.as_str());
        if let Some(value) = known.get(key.stored.as_str()).copied().or(default) {
            dict.put_text(&key.shown, value);
        }
    }
    for Found { key, value } in found.iter().filter(|found| !told.contains(found.key.as_str())) {
        if let Some(shown) = show(key) {
            dict.put_text(&shown, value);
        }
    }
    dict
}

/// Revisions by key.
pub(super) fn stored(revisions: &[(String, u64)]) -> Obj {
    let mut dict = Obj::dict();
    for (key, revision) in revisions {
        dict.put_text(key, &Obj::uint(*revision));
    }
    dict
}
