//! Option words, checked against a table: names, types, errors.

use serde_json::Value as Json;

use super::errors::Result;
use super::json::{from_obj, is_null, text_or_null};
use crate::client::Argument;
use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::option::{Kind, Name, Opt, Preset, Value};
use crate::rules::subject::{Role, check_subject};
use crate::rules::{jetstream_convert_body as body, time, ttl};
use crate::tcl::{Interp, Obj};

/// One option as given: its row, its checked value and the Tcl value for read-back.
#[derive(Clone)]
pub(crate) struct Given {
    /// Row in the table.
    pub index: usize,
    /// Checked value.
    pub value: Value,
    /// What the script gave, booleans and numbers in their plain form.
    pub obj: Obj,
}

/// The options of one call.
#[derive(Clone)]
pub(crate) struct Options {
    table: &'static [Opt],
    given: Vec<Given>,
}

impl Options {
    /// Options of which none was given.
    pub(crate) fn none(table: &'static [Opt]) -> Options {
        Options { table, given: Vec::new() }
    }

    /// Reads `-name value` pairs; the dash is optional, and of repeated options the last counts.
    ///
    /// # Errors
    /// `ErrInvalidArg`, for timeouts `ErrBadTimeout` (docs/core.md, "Conventions").
    pub(crate) fn parse(interp: Interp, table: &'static [Opt], words: &[Obj]) -> Result<Options> {
        let mut options = Options::none(table);
        if words.len() % 2 == 1 {
            return Err(Argument::OptionWithoutValue(words[words.len() - 1].to_text()).into());
        }
        for pair in words.chunks_exact(2) {
            let name = pair[0].raw_str();
            let name = name.strip_prefix(b"-").unwrap_or(name);
            let Some(index) = table.iter().position(|opt| opt.name.as_bytes() == name) else {
                let name = pair[0].as_text();
                return Err(Argument::UnknownOption(bare_name(&name).to_string()).into());
            };
            let (value, obj) = read(interp, &table[index], &pair[1])?;
            options.set(Given { index, value, obj });
        }
        Ok(options)
    }

    /// The table by which the words were read.
    pub(crate) fn table(&self) -> &'static [Opt] {
        self.table
    }

    /// Sets an option; an earlier value is replaced in its place.
    pub(crate) fn set(&mut self, given: Given) {
        match self.given.iter_mut().find(|g| g.index == given.index) {
            Some(old) => *old = given,
            None => self.given.push(given),
        }
    }

    /// Sets a text option by name.
    pub(crate) fn set_text(&mut self, name: Name, text: &str) {
        if let Some(index) = self.table.iter().position(|opt| opt.name == name.as_str()) {
            self.set(Given { index, value: Value::Str(text.to_string()), obj: Obj::text(text) });
        }
    }

    /// All options given, in order.
    pub(crate) fn all(&self) -> &[Given] {
        &self.given
    }

    /// Rows and values for the JSON body.
    pub(crate) fn values(&self) -> Vec<(usize, Value)> {
        self.given.iter().map(|g| (g.index, g.value.clone())).collect()
    }

    /// The option as given.
    pub(crate) fn given(&self, name: Name) -> Option<&Given> {
        self.given.iter().find(|g| self.table[g.index].name == name.as_str())
    }

    /// The option as given.
    ///
    /// # Errors
    /// `ErrInvalidArg` if it was not.
    pub(crate) fn required(&self, name: Name) -> Result<&Given> {
        self.given(name).ok_or_else(|| Argument::Required(name).into())
    }

    /// A text that has no default.
    pub(crate) fn given_text(&self, name: Name) -> Option<&str> {
        match &self.given(name)?.value {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// A whole number that has no default (numbers beyond 63 bits are as good as the largest).
    pub(crate) fn given_int(&self, name: Name) -> Option<i64> {
        self.given(name).map(|given| clamp(&given.value))
    }

    /// A sequence of a stream that has no default.
    pub(crate) fn given_sequence(&self, name: Name) -> Option<u64> {
        self.given(name).map(|given| sequence(&given.value))
    }

    /// A boolean that has no default.
    pub(crate) fn given_flag(&self, name: Name) -> Option<bool> {
        match self.given(name)?.value {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// A text.
    pub(crate) fn text(&self, option: Preset<&'static str>) -> &str {
        self.given_text(option.name).unwrap_or(option.default)
    }

    /// A whole number (numbers beyond 63 bits are as good as the largest).
    pub(crate) fn int(&self, option: Preset<i64>) -> i64 {
        self.given_int(option.name).unwrap_or(option.default)
    }

    /// A boolean.
    pub(crate) fn flag(&self, option: Preset<bool>) -> bool {
        self.given_flag(option.name).unwrap_or(option.default)
    }
}

/// The number of an `Int`, or the nearest that fits.
pub(crate) fn clamp(value: &Value) -> i64 {
    match value {
        Value::Int(i) => *i,
        Value::Big(text) if text.starts_with('-') => i64::MIN,
        _ => i64::MAX,
    }
}

/// A sequence of a stream; one beyond 64 bits is as good as any that no message has.
pub(crate) fn sequence(value: &Value) -> u64 {
    match value {
        Value::Int(seq) => u64::try_from(*seq).unwrap_or_default(),
        Value::Big(text) => text.parse().unwrap_or(i64::MAX as u64),
        _ => i64::MAX as u64,
    }
}

/// An option's name without the leading dash.
pub(crate) fn bare_name(word: &str) -> &str {
    word.strip_prefix('-').unwrap_or(word)
}

/// The error of a value that does not have its option's type.
pub(crate) fn bad_value(name: &str, kind: Kind, word: &Obj) -> Argument {
    Argument::Value(BadValue { name: name.to_string(), kind, value: word.to_text() })
}

/// Checks one value against its row.
pub(crate) fn read(interp: Interp, opt: &Opt, word: &Obj) -> Result<(Value, Obj)> {
    let bad = || bad_value(opt.name, opt.kind, word);
    let text = || Value::Str(word.to_text());
    Ok(match opt.kind {
        Kind::Timeout => whole(interp, word, true).ok_or_else(bad)?,
        Kind::Count => whole(interp, word, true).ok_or_else(bad)?,
        Kind::Int => whole(interp, word, false).ok_or_else(bad)?,
        Kind::Bool => {
            let flag = word.as_bool().filter(|_| !word.is_empty()).ok_or_else(bad)?;
            (Value::Bool(flag), Obj::bool(flag))
        }
        Kind::Str => (text(), word.clone()),
        Kind::NonEmpty | Kind::Command if word.is_empty() => return Err(bad().into()),
        Kind::NonEmpty => (text(), word.clone()),
        Kind::Trimmed if word.is_empty() || word.as_text().trim().len() < word.as_text().len() => return Err(bad().into()),
        Kind::Trimmed => (text(), word.clone()),
        Kind::SubjectPrefix if !check_subject(&word.as_text(), Role::Publish, true) => return Err(bad().into()),
        Kind::SubjectPrefix => (text(), word.clone()),
        Kind::Command => {
            if !word.is_list() {
                return Err(bad().into());
            }
            // The list is taken from the Tcl value.
            (Value::Str(String::new()), word.clone())
        }
        Kind::Enum(words) => {
            let given = word.to_text();
            if !words.contains(&given.as_str()) {
                return Err(Argument::Enum { name: opt.name, value: given, allowed: words }.into());
            }
            (Value::Str(given), word.clone())
        }
        Kind::List | Kind::StrList => {
            let items = word.as_list().ok_or_else(bad)?;
            (Value::List(items.iter().map(text_or_null).collect()), word.clone())
        }
        Kind::Time => (Value::Str(time::rfc3339(&word.as_text()).map_err(|_| bad())?), word.clone()),
        Kind::Ttl => (Value::Str(ttl::word(&word.as_text()).ok_or_else(bad)?), word.clone()),
        Kind::Millis | Kind::PosMillis | Kind::Delay => (millis(word).ok_or_else(bad)?, word.clone()),
        Kind::MillisList => {
            let items = word.as_list().ok_or_else(bad)?;
            let values = items.iter().map(millis).collect::<Option<_>>().ok_or_else(bad)?;
            (Value::List(values), word.clone())
        }
        Kind::Object(fields) => (object(interp, fields, word)?.ok_or_else(bad)?, word.clone()),
        Kind::ObjectList(fields) => match body::json_objects(&word.as_text()) {
            Some(json) => (Value::Json(json), word.clone()),
            None => {
                let items = word.as_list().ok_or_else(bad)?;
                let mut values = Vec::with_capacity(items.len());
                for item in &items {
                    values.push(object(interp, fields, item)?.ok_or_else(bad)?);
                }
                (Value::List(values), word.clone())
            }
        },
        Kind::Dict | Kind::StrMap => (plain_dict(word).ok_or_else(bad)?, word.clone()),
    })
}

/// A whole number of any size that Tcl accepts, in its decimal form.
fn whole(interp: Interp, word: &Obj, positive: bool) -> Option<(Value, Obj)> {
    if let Some(i) = word.as_int() {
        let raw = word.raw_str();
        // A word that is in its plain form already is shared.
        let plain = raw.iter().all(u8::is_ascii_digit) && (raw[0] != b'0' || raw.len() == 1);
        let form = || if plain { word.clone() } else { Obj::int(i) };
        return (!positive || i >= 0).then(|| (Value::Int(i), form()));
    }
    let is = [Obj::text("::tcl::string::is"), Obj::text("entier"), Obj::text("-strict"), word.clone()];
    let entire = interp.call(&is).ok().and_then(|answer| answer.as_bool());
    let number = match entire {
        Some(true) => interp.call(&[Obj::text("::tcl::mathfunc::entier"), word.clone()]).ok(),
        _ => None,
    };
    interp.reset_result();
    let number = number?;
    let text = number.to_text();
    if positive && text.starts_with('-') {
        return None;
    }
    let value = text.parse().map_or(Value::Big(text), Value::Int);
    Some((value, number))
}

fn millis(word: &Obj) -> Option<Value> {
    let text = word.to_text();
    let text = match word.as_int() {
        Some(i) => i.to_string(),
        None => text,
    };
    time::millis_to_nanos(&text).ok()?;
    Some(Value::Str(text))
}

/// A dict or JSON object whose fields have rows of their own where they are not plain.
fn object(interp: Interp, fields: &'static [Opt], word: &Obj) -> Result<Option<Value>> {
    if let Some(json) = body::json_object(&word.as_text()) {
        return Ok(Some(Value::Json(json)));
    }
    let Some(pairs) = word.as_dict() else { return Ok(None) };
    let mut values = Vec::with_capacity(pairs.len());
    for (name, value) in &pairs {
        let name = name.to_text();
        let value = match fields.iter().find(|field| field.name == name) {
            Some(field) if is_null(field.kind, value) => Value::Json(Json::Null),
            Some(field) => read(interp, field, value)?.0,
            None => Value::Json(from_obj(value)?),
        };
        values.push((name, value));
    }
    Ok(Some(Value::Dict(values)))
}

fn plain_dict(word: &Obj) -> Option<Value> {
    let pairs = word.as_dict()?;
    Some(Value::Dict(pairs.iter().map(|(k, v)| (k.to_text(), text_or_null(v))).collect()))
}
