//! The options of a connection: checked, kept for read-back, turned into the engine's configuration.

use std::path::PathBuf;
use std::time::Duration;

use crate::bridge::dialect;
use crate::bridge::errors::Result;
use crate::bridge::messages::Coding;
use crate::bridge::options::{Given, bad_value, bare_name, clamp, read};
use crate::client::Argument;
use crate::engine::{Config, Level, TlsConfig};
use crate::rules::connection::{CONNECTION_OPTIONS, TLS_IGNORED, TLS_KEYS, check_ws_headers};
use crate::rules::option::{Kind, Value};
use crate::tcl::{Interp, Obj};

/// All options with their present values, one a row of the table.
#[derive(Clone)]
pub struct Settings {
    values: Vec<(Value, Obj)>,
    initial_name: String,
    /// What each message asks for, looked up once.
    coding: Coding,
    dictmsg: bool,
}

impl Settings {
    /// The defaults.
    pub fn new(interp: Interp, name: &Obj) -> Result<Settings> {
        let coding = Coding { utf8: false, strict: true };
        let mut settings = Settings { values: Vec::new(), initial_name: name.to_text(), coding, dictmsg: false };
        for index in 0..CONNECTION_OPTIONS.len() {
            let value = settings.default_of(interp, index)?;
            settings.values.push(value);
        }
        Ok(settings)
    }

    fn default_of(&self, interp: Interp, index: usize) -> Result<(Value, Obj)> {
        let opt = &CONNECTION_OPTIONS[index];
        let default = if opt.name == "name" {
            &self.initial_name
        } else {
            dialect::of(interp).connection_default(opt.name, opt.default.unwrap_or_default())
        };
        read(interp, opt, &Obj::text(default))
    }

    /// The row of an option word.
    ///
    /// # Errors
    /// `ErrInvalidArg`, `Invalid option <name>`.
    pub fn find(word: &Obj) -> Result<usize> {
        let text = word.as_text();
        let name = bare_name(&text);
        let found = CONNECTION_OPTIONS.iter().position(|opt| opt.name == name);
        found.ok_or_else(|| Argument::InvalidOption(name.to_string()).into())
    }

    /// The value of a row as Tcl has it.
    pub fn get(&self, index: usize) -> Obj {
        self.values[index].1.clone()
    }

    /// All values as a dict, names without dash.
    pub fn as_dict(&self) -> Obj {
        let mut dict = Obj::dict();
        for (opt, (_, obj)) in CONNECTION_OPTIONS.iter().zip(&self.values) {
            dict.put_text(opt.name, obj);
        }
        dict
    }

    /// Checks `option value` words; nothing is changed yet.
    pub fn check(interp: Interp, words: &[Obj]) -> Result<Vec<Given>> {
        let mut given = Vec::new();
        for pair in words.chunks(2) {
            let [name, word] = pair else {
                return Err(Argument::OptionWithoutValue(pair[0].to_text()).into());
            };
            let index = Settings::find(name)?;
            let (value, obj) = read(interp, &CONNECTION_OPTIONS[index], word)?;
            if CONNECTION_OPTIONS[index].name == "tls_opts" {
                check_tls(word)?;
            }
            if CONNECTION_OPTIONS[index].name == "ws_headers" {
                check_ws_headers(&texts(&value)).map_err(Argument::WsHeaders)?;
            }
            given.push(Given { index, value, obj });
        }
        Ok(given)
    }

    /// Takes checked values over.
    pub fn apply(&mut self, given: &[Given]) {
        for one in given {
            self.values[one.index] = (one.value.clone(), one.obj.clone());
        }
        self.look_up();
    }

    /// Back to the default.
    pub fn reset(&mut self, interp: Interp, index: usize) -> Result<()> {
        self.values[index] = self.default_of(interp, index)?;
        self.look_up();
        Ok(())
    }

    fn look_up(&mut self) {
        self.coding = Coding { utf8: self.flag("utf8_convert"), strict: self.flag("check_subjects") };
        self.dictmsg = self.flag("dictmsg");
    }

    fn value(&self, name: &str) -> &Value {
        let index = CONNECTION_OPTIONS.iter().position(|opt| opt.name == name);
        &self.values[index.expect("the name stands in the table")].0
    }

    /// `-pedantic`
    pub fn is_pedantic(&self) -> bool {
        self.flag("pedantic")
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Bool(true))
    }

    fn text(&self, name: &str) -> String {
        match self.value(name) {
            Value::Str(text) => text.clone(),
            _ => String::new(),
        }
    }

    fn some_text(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    fn int(&self, name: &str) -> i64 {
        clamp(self.value(name))
    }

    fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(self.int(name) as u64)
    }

    /// `-name`.
    pub fn name(&self) -> String {
        self.text("name")
    }

    /// `-dictmsg`.
    pub fn dictmsg(&self) -> bool {
        self.dictmsg
    }

    /// `-randomize`.
    pub fn randomize(&self) -> bool {
        self.flag("randomize")
    }

    /// `-request_timeout` in ms; 0 waits for ever.
    pub fn request_timeout(&self) -> i64 {
        self.int("request_timeout")
    }

    /// The words of `-custom_reconnect_delay`.
    pub fn custom_delay(&self) -> Vec<Obj> {
        let index = Settings::find(&Obj::text("custom_reconnect_delay")).unwrap_or_default();
        self.values[index].1.as_list().unwrap_or_default()
    }

    /// How payloads and subjects are converted.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// The engine's configuration.
    pub fn config(&self, log_level: Level) -> Config {
        Config {
            name: self.name(),
            pedantic: self.flag("pedantic"),
            verbose: self.flag("verbose"),
            connect_timeout: self.millis("connect_timeout"),
            reconnect_time_wait: self.millis("reconnect_time_wait"),
            max_reconnect_attempts: self.int("max_reconnect_attempts"),
            ping_interval: self.millis("ping_interval"),
            max_outstanding_pings: self.int("max_outstanding_pings") as u64,
            echo: self.flag("echo"),
            tls: self.tls(),
            user: self.some_text("user"),
            password: self.some_text("password"),
            token: self.some_text("token"),
            secure: self.flag("secure"),
            credentials: self.some_text("credentials").map(PathBuf::from),
            nkey_seed: self.some_text("nkey_seed"),
            tls_first: self.flag("tls_first"),
            ws_headers: texts(self.value("ws_headers")),
            randomize: self.randomize(),
            ignore_discovered: self.flag("ignore_discovered"),
            inbox_prefix: self.text("inbox_prefix"),
            reconnect_buf_size: self.int("reconnect_buf_size"),
            pending_msgs_limit: self.int("pending_msgs_limit"),
            pending_bytes_limit: self.int("pending_bytes_limit"),
            custom_delay: !self.custom_delay().is_empty(),
            log_level,
        }
    }

    fn tls(&self) -> TlsConfig {
        let mut tls = TlsConfig::default();
        let Value::Dict(pairs) = self.value("tls_opts") else { return tls };
        for (name, value) in pairs {
            let Value::Str(text) = value else { continue };
            let path = || Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
            match bare_name(name) {
                "cafile" => tls.cafile = path(),
                "cadir" => tls.cadir = path(),
                "certfile" => tls.certfile = path(),
                "keyfile" => tls.keyfile = path(),
                "require" => tls.require = Obj::text(text).as_bool().unwrap_or(true),
                "servername" => tls.servername = Some(text.clone()).filter(|name| !name.is_empty()),
                _ => {}
            }
        }
        tls
    }

    /// Keys of `-tls_opts` among the given values that have no meaning here.
    pub fn ignored_tls_keys(given: &[Given]) -> Vec<String> {
        let tls = given.iter().filter(|g| CONNECTION_OPTIONS[g.index].name == "tls_opts");
        let names = tls.flat_map(|g| match &g.value {
            Value::Dict(pairs) => pairs.iter().map(|(name, _)| bare_name(name).to_string()).collect(),
            _ => Vec::new(),
        });
        names.filter(|name| TLS_IGNORED.contains(&name.as_str())).collect()
    }
}

/// The names and values of a dict of texts.
fn texts(value: &Value) -> Vec<(String, String)> {
    let Value::Dict(pairs) = value else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::Str(text) => text.clone(),
        _ => String::new(),
    };
    pairs.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn check_tls(word: &Obj) -> Result<()> {
    for (name, value) in word.as_dict().unwrap_or_default() {
        let name = name.to_text();
        let bare = bare_name(&name);
        if !TLS_KEYS.contains(&bare) && !TLS_IGNORED.contains(&bare) {
            return Err(Argument::UnknownTlsOption(bare.to_string()).into());
        }
        if bare == "require" && value.as_bool().is_none() {
            return Err(bad_value("require", Kind::Bool, &value).into());
        }
    }
    Ok(())
}
