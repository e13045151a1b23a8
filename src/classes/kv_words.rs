//! Words of the methods that read and write many keys, which both dialects have: `mget` and `mput`.

use std::collections::HashMap;

use bytes::Bytes;

use crate::bridge::errors::Result;
use crate::bridge::messages::{Coding, payload_out};
use crate::bridge::options::{clamp, read};
use crate::client::Argument;
use crate::rules::names::is_key;
use crate::rules::option::{Kind, Opt, row};
use crate::tcl::{Interp, Obj};

const REVISION: Opt = row("revision", Kind::Count, "");

/// Reads a key, or says what is wrong with it.
type ReadKey = fn(&Obj) -> Result<String>;

/// The revisions that keys must have, from a dict.
///
/// # Errors
/// `ErrInvalidArg`.
pub(super) fn revisions(interp: Interp, dict: Option<&Obj>, key_name: ReadKey) -> Result<HashMap<String, u64>> {
    let mut expected = HashMap::new();
    for (key, revision) in &dict.and_then(Obj::as_dict).unwrap_or_default() {
        expected.insert(key_name(key)?, clamp(&read(interp, &REVISION, revision)?.0) as u64);
    }
    Ok(expected)
}

/// The values to be put, which must have the keys that a revision is expected of.
///
/// # Errors
/// `ErrInvalidArg`.
pub(super) fn values(
    coding: Coding,
    pairs: &[(Obj, Obj)],
    expected: &HashMap<String, u64>,
    key_name: ReadKey,
) -> Result<Vec<(String, Bytes)>> {
    let mut values: Vec<(String, Bytes)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        values.push((key_name(key)?, payload_out(coding, value)?));
    }
    match expected.keys().find(|key| !values.iter().any(|(name, _)| name == *key)) {
        Some(key) => Err(Argument::KeyName(key.clone()).into()),
        None => Ok(values),
    }
}

/// Values by key: first the plain keys in the order given, those without a value with the default, if there is one.
pub(super) fn by_key(keys: &[String], values: &[(String, Obj)], default: Option<&Obj>) -> Obj {
    let known: HashMap<&str, &Obj> = values.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let mut dict = Obj::dict();
    for key in keys.iter().filter(|key| is_key(key)) {
        if let Some(value) = known.get(key.as_str()).copied().or(default) {
            dict.put_text(key, value);
        }
    }
    for (key, value) in values {
        dict.put_text(key, value);
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
