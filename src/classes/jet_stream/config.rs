//! Options of streams and consumers, or a whole `config` dict taken from the server.

use serde_json::{Map, Value as Json};

use super::api::{JetStream, options_body};
use crate::bridge::errors::Result;
use crate::bridge::json::{from_obj, is_null};
use crate::bridge::options::{Options, bad_value, bare_name};
use crate::client::Argument;
use crate::rules::jetstream_consumers::CONSUMER_OPTIONS;
use crate::rules::jetstream_streams::is_whole_config;
use crate::rules::manage::is_priority_group;
use crate::rules::option::{Kind, Name, Opt, Value, named};
use crate::tcl::{Interp, Obj};

/// Option `-name` of a consumer; plain arguments of a method can replace this one and the next two.
pub(super) const NAME: Name = named(CONSUMER_OPTIONS, "name");
pub(super) const DURABLE_NAME: Name = named(CONSUMER_OPTIONS, "durable_name");
pub(super) const DELIVER_SUBJECT: Name = named(CONSUMER_OPTIONS, "deliver_subject");

/// A parsed configuration of a stream or consumer.
pub(super) struct ConfigOptions {
    table: &'static [Opt],
    /// The options that the table knows.
    pub options: Options,
    /// Whether this is a configuration as a server writes it.
    whole: bool,
    /// Fields of a whole configuration that the table does not know.
    extra: Vec<(String, Json)>,
}

impl ConfigOptions {
    /// Reads option words. A whole `config` dict may have unknown fields, and nulls.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub(super) fn parse(interp: Interp, table: &'static [Opt], marks: &[&str], words: &[Obj]) -> Result<ConfigOptions> {
        let names: Vec<String> = words.iter().step_by(2).map(|word| bare_name(&word.as_text()).to_string()).collect();
        let plain: Vec<&str> = names.iter().map(String::as_str).collect();
        if words.len() % 2 == 1 || !is_whole_config(marks, &plain) {
            return Ok(ConfigOptions { table, options: Options::parse(interp, table, words)?, whole: false, extra: Vec::new() });
        }
        let (mut known, mut extra) = (Vec::new(), Vec::new());
        for (name, pair) in names.into_iter().zip(words.chunks_exact(2)) {
            match table.iter().find(|opt| opt.name == name) {
                Some(opt) if is_null(opt.kind, &pair[1]) => {}
                Some(_) => known.extend_from_slice(pair),
                None => extra.push((name, from_obj(&pair[1])?)),
            }
        }
        Ok(ConfigOptions { table, options: Options::parse(interp, table, &known)?, whole: true, extra })
    }

    /// Whether this is a configuration as a server writes it.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the option was given.
    pub(super) fn has(&self, name: Name) -> bool {
        self.options.given(name).is_some()
    }

    /// Whether the option was given and is not empty.
    pub(super) fn has_content(&self, name: Name) -> bool {
        self.options.given(name).is_some_and(|given| match &given.value {
            Value::List(items) => !items.is_empty(),
            Value::Dict(pairs) => !pairs.is_empty(),
            Value::Json(Json::Array(items)) => !items.is_empty(),
            Value::Json(Json::Object(fields)) => !fields.is_empty(),
            _ => true,
        })
    }

    /// Checks that the server knows all options: it would silently drop one that it does not know.
    ///
    /// # Errors
    /// `ErrNotSupported` names the option and the version that has it.
    pub(super) fn known_to_server(&self, js: &JetStream) -> Result<()> {
        let mut given = self.options.values();
        // Beside the durable name, the name adds nothing.
        given.retain(|(index, _)| self.table[*index].name != NAME.as_str() || !self.has(DURABLE_NAME));
        Ok(js.api.knows(self.table, &given, self.whole)?)
    }

    /// The JSON object; with `creation` the table's defaults are in it.
    pub(super) fn body(&self, creation: bool) -> Result<Map<String, Json>> {
        let mut map = options_body(self.table, &self.options, creation)?;
        map.extend(self.extra.iter().cloned());
        Ok(map)
    }
}

const GROUPS: Name = named(CONSUMER_OPTIONS, "priority_groups");
const POLICY: Name = named(CONSUMER_OPTIONS, "priority_policy");

/// Checks what concerns priority groups, which the server would refuse.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn check_groups(config: &ConfigOptions) -> Result<()> {
    let options = &config.options;
    let policy = options.given_text(POLICY).filter(|policy| *policy != "none");
    let groups = match options.given(GROUPS).map(|given| &given.value) {
        Some(Value::List(groups)) => groups.as_slice(),
        _ => &[],
    };
    let bad = |group: &&Value| !matches!(group, Value::Str(name) if is_priority_group(name));
    if let Some(group) = groups.iter().find(bad) {
        let name = if let Value::Str(name) = group { name.as_str() } else { "" };
        return Err(bad_value(GROUPS.as_str(), Kind::StrList, &Obj::text(name)).into());
    }
    match (groups.is_empty(), policy) {
        (false, None) => return Err(Argument::Needs(GROUPS, POLICY).into()),
        (true, Some(_)) => return Err(Argument::Needs(POLICY, GROUPS).into()),
        (true, None) => return Ok(()),
        (false, Some(_)) => {}
    }
    if options.given_text(DELIVER_SUBJECT).is_some() {
        return Err(Argument::Conflict(GROUPS, DELIVER_SUBJECT).into());
    }
    Ok(())
}
