//! The log of a connection: a channel, or an object of tcllib's `logger` package.

use std::cell::Cell;
use std::time::SystemTime;

use crate::classes::message::time::local_time;
use crate::engine::Level;
use crate::tcl::{Interp, Obj};

/// The target of log lines, and the least severe level.
pub(crate) struct Log {
    target: Target,
    level: Level,
    object: String,
    silent: Cell<bool>,
}

enum Target {
    Channel(String),
    Logger(String),
}

impl Log {
    /// Lines up to `level` go to a channel.
    pub(crate) fn channel(channel: &str, level: Level, object: &str) -> Log {
        Log { target: Target::Channel(channel.to_string()), level, object: object.to_string(), silent: Cell::new(false) }
    }

    /// All lines go to a logger object, which has levels of its own.
    pub(crate) fn logger(logger: &str, object: &str) -> Log {
        Log {
            target: Target::Logger(logger.to_string()),
            level: Level::Debug,
            object: object.to_string(),
            silent: Cell::new(false),
        }
    }

    /// The least severe level that is logged.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// No lines from now on.
    pub(crate) fn silence(&self) {
        self.silent.set(true);
    }

    /// Whether lines of this level are wanted.
    pub(crate) fn enabled(&self, level: Level) -> bool {
        level <= self.level && !self.silent.get()
    }

    /// Writes a line `[<timestamp> <name> <level>] <text>`, with the object's command in place of an empty name, or hands the
    /// text to the logger. A failure of the log is no error of the connection.
    pub(crate) fn write(&self, interp: Interp, name: &str, at: SystemTime, level: Level, text: &str) {
        let name = if name.is_empty() { self.object.rsplit("::").next().unwrap_or_default() } else { name };
        let words = match &self.target {
            Target::Logger(logger) => vec![Obj::text(&format!("{logger}::{}", level.as_str())), Obj::text(text)],
            Target::Channel(channel) => {
                let line = format!("[{} {name} {}] {text}", local_time(at), level.as_str());
                vec![Obj::text("::puts"), Obj::text(channel), Obj::text(&line)]
            }
        };
        // A logger is a script, and may delete the interpreter.
        let kept = interp.keep();
        let interp = kept.interp();
        let _ = interp.call(&words);
        interp.reset_result();
    }
}

/// The level of a word of `-log_level`.
pub(super) fn level(word: &str) -> Level {
    match word {
        "error" => Level::Error,
        "info" => Level::Info,
        "debug" => Level::Debug,
        _ => Level::Warn,
    }
}
