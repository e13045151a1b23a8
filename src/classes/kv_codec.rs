//! Codecs of key-value objects: chains of known ones and of scripts' own command prefixes (NATS ADR-54).

use std::rc::Rc;

use bytes::Bytes;

use super::connection::state::Connection;
use crate::bridge::errors::{Error, Result, text_of, words_of};
use crate::bridge::messages::{payload_in, payload_out};
use crate::bridge::options::{Options, bad_value};
use crate::client::{Argument, Fault, Part};
use crate::engine::Level;
use crate::rules::kv_codec::{CODEC_OPTIONS, Codec, Element, NOT_BASE64, decoded, encoded};
use crate::rules::names::{is_key, is_key_pattern};
use crate::rules::option::{Kind, Name, named};
use crate::tcl::{Interp, Obj};

const KEY_CODEC: Name = named(CODEC_OPTIONS, "key_codec");
const VALUE_CODEC: Name = named(CODEC_OPTIONS, "value_codec");

/// One codec of a chain.
enum Step {
    Known(Codec),
    /// A command prefix, invoked as `prefix encode|decode|filter bytes`.
    Own(Vec<Obj>),
}

/// How keys and values are stored: two chains, applied from left to right, undone from right to left.
pub(super) struct Codecs {
    connection: Rc<Connection>,
    key: Vec<Step>,
    value: Vec<Step>,
}

/// A key, or a pattern of keys.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// As the script has it.
    pub shown: String,
    /// As it is stored.
    pub stored: String,
}

/// Where an entry is, for what is said about it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Key as it is stored.
    pub key: &'a str,
}

/// What becomes of a key.
#[derive(Clone, Copy)]
enum Way {
    Encode,
    Filter,
}

impl Codecs {
    /// The codecs of the options `-key_codec` and `-value_codec`.
    ///
    /// # Errors
    /// `ErrInvalidArg` for what is no list of codecs.
    pub(super) fn of(connection: &Rc<Connection>, options: &Options) -> Result<Codecs> {
        let (key, value) = (chain(options, KEY_CODEC, true)?, chain(options, VALUE_CODEC, false)?);
        Ok(Codecs { connection: Rc::clone(connection), key, value })
    }

    /// A key.
    ///
    /// # Errors
    /// `ErrInvalidArg` for one that cannot be stored; those of a script's own codec, as they are.
    pub(super) fn key(&self, interp: Interp, word: &Obj) -> Result<Key> {
        let key = self.stored_key(interp, word.to_text(), Way::Encode)?;
        if is_key(&key.stored) { Ok(key) } else { Err(Argument::KeyName(key.shown).into()) }
    }

    /// A key or `>`, which stands for all.
    ///
    /// # Errors
    /// As [`Codecs::key`].
    pub(super) fn key_or_all(&self, interp: Interp, word: &Obj) -> Result<Key> {
        if word.raw_str() == b">" { Ok(all()) } else { self.key(interp, word) }
    }

    /// A key, or a pattern of keys.
    ///
    /// # Errors
    /// As [`Codecs::key`].
    pub(super) fn pattern(&self, interp: Interp, word: &Obj) -> Result<Key> {
        let text = word.to_text();
        if text == ">" {
            return Ok(all());
        }
        let way = if text.contains(['*', '>']) { Way::Filter } else { Way::Encode };
        let key = self.stored_key(interp, text, way)?;
        if is_key_pattern(&key.stored) { Ok(key) } else { Err(Argument::KeyName(key.shown).into()) }
    }

    /// A list of keys or patterns of keys.
    ///
    /// # Errors
    /// As [`Codecs::key`].
    pub(super) fn patterns(&self, interp: Interp, words: &Obj) -> Result<Vec<Key>> {
        let list = words.as_list().ok_or_else(|| Argument::KeyName(words.to_text()))?;
        let text = words.to_text();
        if list.len() <= 1 && text.trim() != text {
            // One key, and no list.
            return Err(Argument::KeyName(text).into());
        }
        list.iter().map(|word| self.pattern(interp, word)).collect()
    }

    /// What is watched: a key or pattern of keys, or a list of several, with nothing but blanks between them.
    ///
    /// # Errors
    /// As [`Codecs::key`].
    pub(super) fn watched(&self, interp: Interp, words: &Obj) -> Result<Vec<Key>> {
        let text = words.to_text();
        let alone = self.key.is_empty() && text.contains(char::is_control);
        let keys = if alone { Vec::new() } else { self.patterns(interp, words)? };
        if keys.is_empty() { Err(Argument::KeyName(text).into()) } else { Ok(keys) }
    }

    fn stored_key(&self, interp: Interp, shown: String, way: Way) -> Result<Key> {
        if self.key.is_empty() {
            return Ok(Key { stored: shown.clone(), shown });
        }
        let mut bytes = shown.clone().into_bytes();
        for step in &self.key {
            bytes = match (step, way) {
                (Step::Known(codec), Way::Encode) => codec.key(&bytes),
                (Step::Known(codec), Way::Filter) => codec.filter(&bytes),
                (Step::Own(prefix), Way::Encode) => ask(interp, prefix, "encode", &bytes)?,
                (Step::Own(prefix), Way::Filter) => ask(interp, prefix, "filter", &bytes)?,
            };
        }
        match String::from_utf8(bytes) {
            Ok(stored) => Ok(Key { shown, stored }),
            Err(_) => Err(Argument::KeyName(shown).into()),
        }
    }

    /// A value as it is stored.
    ///
    /// # Errors
    /// `ErrInvalidArg` for characters that are no bytes; those of a script's own codec, as they are.
    pub(super) fn value(&self, interp: Interp, word: &Obj) -> Result<Bytes> {
        let mut bytes = payload_out(self.connection.coding(), word)?;
        for step in &self.value {
            bytes = match step {
                Step::Known(_) => encoded(&bytes),
                Step::Own(prefix) => ask(interp, prefix, "encode", &bytes)?,
            }
            .into();
        }
        Ok(bytes)
    }

    /// The key of an entry.
    ///
    /// # Errors
    /// [`Fault::Codec`]
    pub(super) fn shown_key(&self, interp: Interp, place: Place) -> std::result::Result<String, Fault> {
        if self.key.is_empty() {
            return Ok(place.key.to_string());
        }
        let failed = |reason: String| place.fault(Part::Key, reason);
        let mut bytes = place.key.as_bytes().to_vec();
        for step in self.key.iter().rev() {
            bytes = match step {
                Step::Known(codec) => codec.key_back(&bytes).ok_or_else(|| failed(NOT_BASE64.to_string()))?,
                Step::Own(prefix) => undo(interp, prefix, &bytes).map_err(failed)?,
            };
        }
        String::from_utf8(bytes).map_err(|_| failed("not UTF-8".to_string()))
    }

    /// The value of an entry that has one.
    ///
    /// # Errors
    /// [`Fault::Codec`]
    pub(super) fn shown_value(&self, interp: Interp, place: Place, stored: &[u8]) -> std::result::Result<Obj, Fault> {
        if self.value.is_empty() {
            return Ok(payload_in(self.connection.coding(), stored));
        }
        let failed = |reason: String| place.fault(Part::Value, reason);
        let mut bytes = stored.to_vec();
        for step in self.value.iter().rev() {
            bytes = match step {
                Step::Known(_) => decoded(&bytes).ok_or_else(|| failed(NOT_BASE64.to_string()))?,
                Step::Own(prefix) => undo(interp, prefix, &bytes).map_err(failed)?,
            };
        }
        Ok(payload_in(self.connection.coding(), &bytes))
    }

    /// What is shown; `None` if it cannot be decoded, which is logged.
    pub(super) fn unless_undecodable<T>(&self, shown: std::result::Result<T, Fault>) -> Option<T> {
        let connection = &self.connection;
        shown.map_err(|fault| connection.log(Level::Warn, || words_of(&connection.home, &fault).1)).ok()
    }
}

impl Place<'_> {
    fn fault(self, part: Part, reason: String) -> Fault {
        Fault::Codec { bucket: self.bucket.to_string(), key: self.key.to_string(), part, reason }
    }
}

/// The pattern of all keys, however they are stored.
pub(super) fn all() -> Key {
    Key { shown: ">".to_string(), stored: ">".to_string() }
}

/// Keys as they are stored.
pub(super) fn stored_of(keys: &[Key]) -> Vec<String> {
    keys.iter().map(|key| key.stored.clone()).collect()
}

/// A chain: each element of the list is a codec; one that is none of the names is a command prefix, and so a list itself.
fn chain(options: &Options, name: Name, of_keys: bool) -> Result<Vec<Step>> {
    let Some(given) = options.given(name) else { return Ok(Vec::new()) };
    let bad = || Error::from(bad_value(name.as_str(), Kind::List, &given.obj));
    let mut steps = Vec::new();
    for element in given.obj.as_list().ok_or_else(bad)? {
        match Element::of(&element.as_text()) {
            Element::Nothing => {}
            Element::Known(Codec::Path) if !of_keys => return Err(bad()),
            Element::Known(codec) => steps.push(Step::Known(codec)),
            Element::Own => {
                let prefix = element.as_list().filter(|prefix| !prefix.is_empty()).ok_or_else(bad)?;
                steps.push(Step::Own(prefix));
            }
        }
    }
    Ok(steps)
}

/// What a script's own codec makes of the bytes.
fn ask(interp: Interp, prefix: &[Obj], what: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let _kept = interp.keep();
    let mut words = prefix.to_vec();
    words.extend([Obj::text(what), Obj::bytes(bytes)]);
    let answer = interp.ask(&words)?;
    interp.reset_result();
    Ok(answer.with_bytes(<[u8]>::to_vec).ok_or(Argument::PayloadNotBytes)?)
}

/// The same for what is stored; the error is the reason why it cannot be decoded.
fn undo(interp: Interp, prefix: &[Obj], bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
    ask(interp, prefix, "decode", bytes).map_err(|error| {
        let reason = text_of(interp, error);
        interp.reset_result();
        reason
    })
}
