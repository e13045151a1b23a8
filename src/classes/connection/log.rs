//! The log of a connection: a channel, or an object of tcllib's `logger` package.

use std::time::SystemTime;

use crate::classes::message::time::local_time;
use crate::engine::Level;
use crate::tcl::{Interp, Obj};

/// Where log lines go and which.
pub struct Log {
    target: Target,
    level: Level,
    object: String,
}

enum Target {
    Channel(String),
    Logger(String),
}

impl Log {
    /// Lines up to `level` go to a channel.
    pub fn channel(channel: &str, level: Level, object: &str) -> Log {
        Log { target: Target::Channel(channel.to_string()), level, object: object.to_string() }
    }

    /// All lines go to a logger object, which has levels of its own.
    pub fn logger(logger: &str, object: &str) -> Log {
        Log { target: Target::Logger(logger.to_string()), level: Level::Debug, object: object.to_string() }
    }

    /// The least severe level that is logged.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The object's command name.
    pub fn object(&self) -> Option<String> {
        (!self.object.is_empty()).then(|| self.object.clone())
    }

    /// Whether lines of this level are wanted.
    pub fn enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes a line `[<timestamp> <name> <level>] <text>`, or hands the text to the logger. A log that fails is no error of the connection.
    pub fn write(&self, interp: Interp, name: &str, at: SystemTime, level: Level, text: &str) {
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
pub fn level(word: &str) -> Level {
    match word {
        "error" => Level::Error,
        "info" => Level::Info,
        "debug" => Level::Debug,
        _ => Level::Warn,
    }
}
