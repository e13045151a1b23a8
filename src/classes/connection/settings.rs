//! The options of a connection: checked, kept for read-back, turned into the engine's configuration.

use std::time::Duration;

use crate::bridge::dialect;
use crate::bridge::errors::Result;
use crate::bridge::messages::Coding;
use crate::bridge::options::{Given, bad_value, bare_name, clamp, read};
use crate::client::Argument;
use crate::engine::{Config, Level, Losses, TlsConfig};
use crate::rules::connection::{CONNECTION_OPTIONS, TLS_IGNORED, TLS_KEYS, check_ws_headers};
use crate::rules::dialect::Dialect;
use crate::rules::option::{Kind, Preset, Value, flag, index, int, text};
use crate::tcl::{Interp, Obj, file};

const NAME: usize = index(CONNECTION_OPTIONS, "name");
const TLS_OPTS: usize = index(CONNECTION_OPTIONS, "tls_opts");
const WS_HEADERS: usize = index(CONNECTION_OPTIONS, "ws_headers");
const CUSTOM_DELAY: usize = index(CONNECTION_OPTIONS, "custom_reconnect_delay");

/// Present values of all options, one for each row of the table.
#[derive(Clone)]
pub(crate) struct Settings {
    values: Vec<(Value, Obj)>,
    dialect: &'static Dialect,
    initial_name: String,
    /// Options that matter for each message, looked up once.
    coding: Coding,
    dictmsg: bool,
}

impl Settings {
    /// The defaults.
    pub(crate) fn new(interp: Interp, name: &Obj) -> Result<Settings> {
        let (values, initial_name, dialect) = (Vec::new(), name.to_text(), dialect::of(interp));
        let coding = Coding { utf8: false, strict: true, empty_headers: dialect.empty_headers };
        let mut settings = Settings { values, dialect, initial_name, coding, dictmsg: false };
        for index in 0..CONNECTION_OPTIONS.len() {
            let value = settings.default_of(interp, index)?;
            settings.values.push(value);
        }
        Ok(settings)
    }

    fn default_of(&self, interp: Interp, index: usize) -> Result<(Value, Obj)> {
        let opt = &CONNECTION_OPTIONS[index];
        let default = if index == NAME {
            &self.initial_name
        } else {
            self.dialect.connection_default(opt.name, opt.default.unwrap_or_default())
        };
        read(interp, opt, &Obj::text(default))
    }

    /// Dialect of the interpreter in which the object was made.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// The row of an option word.
    ///
    /// # Errors
    /// `ErrInvalidArg`, `Invalid option <name>`.
    pub(crate) fn find(word: &Obj) -> Result<usize> {
        let text = word.as_text();
        let name = bare_name(&text);
        let found = CONNECTION_OPTIONS.iter().position(|opt| opt.name == name);
        found.ok_or_else(|| Argument::InvalidOption(name.to_string()).into())
    }

    /// The value of a row as Tcl has it.
    pub(crate) fn get(&self, index: usize) -> Obj {
        self.values[index].1.clone()
    }

    /// All values as a dict, names without dash.
    pub(crate) fn as_dict(&self) -> Obj {
        let mut dict = Obj::dict();
        for (opt, (_, obj)) in CONNECTION_OPTIONS.iter().zip(&self.values) {
            dict.put_text(opt.name, obj);
        }
        dict
    }

    /// Checks `option value` words; nothing is changed yet.
    pub(crate) fn check(interp: Interp, words: &[Obj]) -> Result<Vec<Given>> {
        let mut given = Vec::new();
        for pair in words.chunks(2) {
            let [name, word] = pair else {
                return Err(Argument::OptionWithoutValue(pair[0].to_text()).into());
            };
            let index = Settings::find(name)?;
            let (value, obj) = read(interp, &CONNECTION_OPTIONS[index], word)?;
            if index == TLS_OPTS {
                check_tls(word)?;
            }
            if index == WS_HEADERS {
                check_ws_headers(&texts(&value)).map_err(Argument::WsHeaders)?;
            }
            given.push(Given { index, value, obj });
        }
        Ok(given)
    }

    /// Sets checked values.
    pub(crate) fn apply(&mut self, given: &[Given]) {
        for one in given {
            self.values[one.index] = (one.value.clone(), one.obj.clone());
        }
        self.look_up();
    }

    /// Puts an option back to its default.
    pub(crate) fn reset(&mut self, interp: Interp, index: usize) -> Result<()> {
        self.values[index] = self.default_of(interp, index)?;
        self.look_up();
        Ok(())
    }

    fn look_up(&mut self) {
        self.coding = Coding {
            utf8: self.flag(const { flag(CONNECTION_OPTIONS, "utf8_convert") }),
            strict: self.flag(const { flag(CONNECTION_OPTIONS, "check_subjects") }),
            empty_headers: self.dialect.empty_headers,
        };
        self.dictmsg = self.flag(const { flag(CONNECTION_OPTIONS, "dictmsg") });
    }

    /// `-pedantic`
    pub(crate) fn is_pedantic(&self) -> bool {
        self.flag(const { flag(CONNECTION_OPTIONS, "pedantic") })
    }

    fn flag(&self, option: Preset<bool>) -> bool {
        matches!(self.values[option.index].0, Value::Bool(true))
    }

    fn text(&self, option: Preset<&str>) -> String {
        match &self.values[option.index].0 {
            Value::Str(text) => text.clone(),
            _ => String::new(),
        }
    }

    fn some_text(&self, option: Preset<&str>) -> Option<String> {
        Some(self.text(option)).filter(|text| !text.is_empty())
    }

    fn int(&self, option: Preset<i64>) -> i64 {
        clamp(&self.values[option.index].0)
    }

    fn millis(&self, option: Preset<i64>) -> Duration {
        Duration::from_millis(self.int(option) as u64)
    }

    /// `-name`.
    pub(crate) fn name(&self) -> String {
        self.text(const { text(CONNECTION_OPTIONS, "name") })
    }

    /// `-dictmsg`.
    pub(crate) fn dictmsg(&self) -> bool {
        self.dictmsg
    }

    /// `-randomize`.
    pub(crate) fn randomize(&self) -> bool {
        self.flag(const { flag(CONNECTION_OPTIONS, "randomize") })
    }

    /// `-request_timeout` in ms; 0 waits for ever.
    pub(crate) fn request_timeout(&self) -> i64 {
        self.int(const { int(CONNECTION_OPTIONS, "request_timeout") })
    }

    /// The words of `-custom_reconnect_delay`.
    pub(crate) fn custom_delay(&self) -> Vec<Obj> {
        self.values[CUSTOM_DELAY].1.as_list().unwrap_or_default()
    }

    /// How payloads and subjects are converted.
    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// The engine's configuration.
    pub(crate) fn config(&self, log_level: Level) -> Config {
        Config {
            name: self.name(),
            pedantic: self.flag(const { flag(CONNECTION_OPTIONS, "pedantic") }),
            verbose: self.flag(const { flag(CONNECTION_OPTIONS, "verbose") }),
            connect_timeout: self.millis(const { int(CONNECTION_OPTIONS, "connect_timeout") }),
            reconnect_time_wait: self.millis(const { int(CONNECTION_OPTIONS, "reconnect_time_wait") }),
            losses: Losses {
                wait_for_failed: self.dialect.losses.wait_for_failed,
                keep_pings: self.dialect.losses.keep_pings,
                tell_resets: self.dialect.losses.tell_resets,
            },
            max_reconnect_attempts: self.int(const { int(CONNECTION_OPTIONS, "max_reconnect_attempts") }),
            ping_interval: self.millis(const { int(CONNECTION_OPTIONS, "ping_interval") }),
            max_outstanding_pings: self.int(const { int(CONNECTION_OPTIONS, "max_outstanding_pings") }) as u64,
            echo: self.flag(const { flag(CONNECTION_OPTIONS, "echo") }),
            tls: self.tls(),
            user: self.some_text(const { text(CONNECTION_OPTIONS, "user") }),
            password: self.some_text(const { text(CONNECTION_OPTIONS, "password") }),
            token: self.some_text(const { text(CONNECTION_OPTIONS, "token") }),
            secure: self.flag(const { flag(CONNECTION_OPTIONS, "secure") }),
            credentials: self.some_text(const { text(CONNECTION_OPTIONS, "credentials") }).map(|name| file::path(&name)),
            nkey_seed: self.some_text(const { text(CONNECTION_OPTIONS, "nkey_seed") }),
            tls_first: self.flag(const { flag(CONNECTION_OPTIONS, "tls_first") }),
            ws_headers: texts(&self.values[WS_HEADERS].0),
            randomize: self.randomize(),
            ignore_discovered: self.flag(const { flag(CONNECTION_OPTIONS, "ignore_discovered") }),
            inbox_prefix: self.text(const { text(CONNECTION_OPTIONS, "inbox_prefix") }),
            reconnect_buf_size: self.int(const { int(CONNECTION_OPTIONS, "reconnect_buf_size") }),
            pending_msgs_limit: self.int(const { int(CONNECTION_OPTIONS, "pending_msgs_limit") }),
            pending_bytes_limit: self.int(const { int(CONNECTION_OPTIONS, "pending_bytes_limit") }),
            custom_delay: !self.custom_delay().is_empty(),
            log_level,
        }
    }

    fn tls(&self) -> TlsConfig {
        let mut tls = TlsConfig::default();
        let Value::Dict(pairs) = &self.values[TLS_OPTS].0 else { return tls };
        for (name, value) in pairs {
            let Value::Str(text) = value else { continue };
            let path = || Some(file::path(text)).filter(|path| !path.as_os_str().is_empty());
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
    pub(crate) fn ignored_tls_keys(given: &[Given]) -> Vec<String> {
        let tls = given.iter().filter(|given| given.index == TLS_OPTS);
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
