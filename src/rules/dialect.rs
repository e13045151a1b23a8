//! The dialects: what an interpreter that asked for `package require nats 2` or `nats 3` gets, as far as it is plain data.

use super::jetstream_streams::{STREAM_OPTIONS, STREAM_OPTIONS_3};
use super::option::Opt;

/// One dialect.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Number of the dialect, which is the major number of the version that the package is asked for by.
    pub number: usize,
    /// Options of `add_stream` and `update_stream`.
    pub stream_options: &'static [Opt],
    /// Unknown options of those methods are left out with a warning, in place of an error.
    pub leaves_out_unknown: bool,
    /// Objects die with the object that they were made from.
    pub children_die: bool,
    /// Options of a connection whose default is another one than that of the table.
    pub connection_defaults: &'static [(&'static str, &'static str)],
}

/// What scripts written for the pure-Tcl client 2.x mean.
pub static DIALECT_2: Dialect = Dialect {
    number: 2,
    stream_options: STREAM_OPTIONS,
    leaves_out_unknown: false,
    children_die: false,
    connection_defaults: &[],
};

/// What scripts written for the pure-Tcl client 3.x mean.
pub static DIALECT_3: Dialect = Dialect {
    number: 3,
    stream_options: STREAM_OPTIONS_3,
    leaves_out_unknown: true,
    children_die: true,
    connection_defaults: &[("request_timeout", "10000")],
};

/// All dialects; the first is that of an interpreter which has no wish.
pub static ALL: &[&Dialect] = &[&DIALECT_2, &DIALECT_3];

impl Dialect {
    /// The dialect that a package version or a number stands for.
    pub fn of_version(version: &str) -> Option<&'static Dialect> {
        let major = version.split(['.', 'a', 'b']).next()?;
        ALL.iter().find(|dialect| major.parse() == Ok(dialect.number)).copied()
    }

    /// The default of an option of a connection, `default` being that of the table.
    pub fn connection_default(&self, name: &str, default: &'static str) -> &'static str {
        self.connection_defaults.iter().find(|(option, _)| *option == name).map_or(default, |(_, default)| default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (version, number) in [("2", 2), ("2.1.0", 2), ("3.3b2.1.0", 3), ("3.3.1.0", 3)] {
            assert_eq!(Dialect::of_version(version).map(|dialect| dialect.number), Some(number), "{version}");
        }
        for version in ["", "1.0", "4", "23.1", "x", "3x"] {
            assert_eq!(Dialect::of_version(version), None, "{version}");
        }
    }

    #[test]
    fn defaults_are_of_options() {
        for (name, _) in ALL.iter().flat_map(|dialect| dialect.connection_defaults) {
            assert!(super::super::connection::CONNECTION_OPTIONS.iter().any(|option| option.name == *name), "{name}");
        }
        assert_eq!(DIALECT_2.connection_default("request_timeout", "0"), "0");
        assert_eq!(DIALECT_3.connection_default("request_timeout", "0"), "10000");
    }
}
