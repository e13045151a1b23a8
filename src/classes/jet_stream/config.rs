//! Options of streams and consumers, or a whole `config` dict taken from the server.

use serde_json::{Map, Value as Json};

use super::api::options_body;
use crate::bridge::errors::Result;
use crate::bridge::options::{Options, bare_name};
use crate::rules::jetstream_convert_body::guess;
use crate::rules::jetstream_streams::is_whole_config;
use crate::rules::option::{Opt, Value};
use crate::tcl::{Interp, Obj};

/// A parsed configuration.
pub struct Config {
    table: &'static [Opt],
    /// What the table knows.
    pub options: Options,
    /// Fields of a whole configuration that the table does not know.
    extra: Vec<(String, Json)>,
}

impl Config {
    /// Reads option words; a whole `config` dict may have fields that nobody knows yet, and nulls.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub fn parse(interp: Interp, table: &'static [Opt], marks: &[&str], words: &[Obj]) -> Result<Config> {
        let names: Vec<String> = words.iter().step_by(2).map(|word| bare_name(&word.as_text()).to_string()).collect();
        let plain: Vec<&str> = names.iter().map(String::as_str).collect();
        if words.len() % 2 == 1 || !is_whole_config(marks, &plain) {
            return Ok(Config { table, options: Options::parse(interp, table, words)?, extra: Vec::new() });
        }
        let (mut known, mut extra) = (Vec::new(), Vec::new());
        for (name, pair) in names.into_iter().zip(words.chunks_exact(2)) {
            if &*pair[1].as_text() == "null" {
                continue;
            }
            if table.iter().any(|opt| opt.name == name) {
                known.extend_from_slice(pair);
            } else {
                extra.push((name, guess(&Value::Str(pair[1].to_text()))));
            }
        }
        Ok(Config { table, options: Options::parse(interp, table, &known)?, extra })
    }

    /// Whether the option was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.get(name).is_some()
    }

    /// The JSON object; with `creation` the table's defaults are in it.
    pub fn body(&self, creation: bool) -> Result<Map<String, Json>> {
        let mut map = options_body(self.table, &self.options, creation)?;
        map.extend(self.extra.iter().cloned());
        Ok(map)
    }
}
