//! Words of the methods that read and write many keys, which both dialects have: `mget` and `mput`.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::kv_codec::{Codecs, Key};
use crate::bridge::errors::Result;
use crate::bridge::options::{Options, read, sequence};
use crate::client::Argument;
use crate::rules::kv::MANY_OPTIONS;
use crate::rules::names::is_key;
use crate::rules::option::{Kind, Name, Opt, Preset, flag, named, row};
use crate::tcl::{Interp, Obj};

/// The plain argument `revision`.
const REVISION: Opt = row("revision", Kind::Count, "sequence in the bucket's stream");

/// A revision.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn revision_of(interp: Interp, word: &Obj) -> Result<u64> {
    Ok(sequence(&read(interp, &REVISION, word)?.0))
}

/// The revisions that keys must have, from a dict; by the keys as they are stored.
///
/// # Errors
/// `ErrInvalidArg`, and as [`Codecs::key`].
pub(super) fn revisions(interp: Interp, codecs: &Codecs, dict: Option<&Obj>) -> Result<HashMap<String, u64>> {
    let mut expected = HashMap::new();
    for (key, revision) in &dict.and_then(Obj::as_dict).unwrap_or_default() {
        expected.insert(codecs.key(interp, key)?.stored, revision_of(interp, revision)?);
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

/// What `mget` is asked for.
pub(super) struct Many {
    /// Keys and patterns, plain keys only if it is `consistent`.
    pub keys: Vec<Key>,
    /// Revision as of which they are read; not together with `consistent`.
    pub up_to: Option<u64>,
    /// Value of the plain keys that have none.
    pub default: Option<Obj>,
    /// Whether the leader is to be asked, key by key.
    pub consistent: bool,
}

impl Many {
    /// Reads the words of a call.
    ///
    /// # Errors
    /// `ErrInvalidArg`, and as [`Codecs::patterns`].
    pub(crate) fn of(interp: Interp, codecs: &Codecs, keys: &Obj, options: &Options) -> Result<Many> {
        const UP_TO: Name = named(MANY_OPTIONS, "up_to");
        const CONSISTENT: Preset<bool> = flag(MANY_OPTIONS, "consistent");
        let keys = codecs.patterns(interp, keys)?;
        let up_to = options.given_sequence(UP_TO);
        let default = options.given(const { named(MANY_OPTIONS, "default") }).map(|given| given.obj.clone());
        let consistent = options.flag(CONSISTENT);
        if consistent && up_to.is_some() {
            return Err(Argument::Exclusive(CONSISTENT.name, UP_TO).into());
        }
        if let Some(pattern) = keys.iter().find(|key| consistent && !is_key(&key.stored)) {
            return Err(Argument::KeyName(pattern.shown.clone()).into());
        }
        Ok(Many { keys, up_to, default, consistent })
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
