//! The dialects: the plain data of what an interpreter gets that asked for `package require nats 2` or `nats 3`.

use super::jetstream_streams::{STREAM_OPTIONS, STREAM_OPTIONS_3};
use super::option::Opt;

/// One dialect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Number of the dialect: the major number of the version by which the package is required.
    pub number: usize,
    /// Options of `add_stream` and `update_stream`.
    pub stream_options: &'static [Opt],
    /// Whether unknown options of those methods are left out with a warning, instead of being an error.
    pub leaves_out_unknown: bool,
    /// Whether objects die with the object that they were made from.
    pub children_die: bool,
    /// Options of a connection with a default other than that of the table.
    pub connection_defaults: &'static [(&'static str, &'static str)],
    /// What the loss of a connection means.
    pub losses: Losses,
    /// A header that came without a value is one with an empty value; otherwise it is none.
    pub empty_headers: bool,
    /// The version of a server is shown without what follows its digits and dots.
    pub cuts_versions: bool,
}

/// What the loss of a connection means; see `engine::Losses`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Only servers whose last attempt failed are waited for.
    pub wait_for_failed: bool,
    /// A ping waits until it is known how the loss ends, and raises before other calls end.
    pub keep_pings: bool,
    /// The error of a connection that was reset says so.
    pub tell_resets: bool,
}

/// Dialect of scripts written for the pure-Tcl client 2.x.
pub(crate) static DIALECT_2: Dialect = Dialect {
    number: 2,
    stream_options: STREAM_OPTIONS,
    leaves_out_unknown: false,
    children_die: false,
    connection_defaults: &[],
    losses: Losses { wait_for_failed: false, keep_pings: false, tell_resets: false },
    empty_headers: true,
    cuts_versions: false,
};

/// Dialect of scripts written for the pure-Tcl client 3.x.
pub(crate) static DIALECT_3: Dialect = Dialect {
    number: 3,
    stream_options: STREAM_OPTIONS_3,
    leaves_out_unknown: true,
    children_die: true,
    connection_defaults: &[("request_timeout", "10000")],
    losses: Losses { wait_for_failed: true, keep_pings: true, tell_resets: true },
    empty_headers: false,
    cuts_versions: true,
};

/// All dialects; the first is that of an interpreter that asked for none.
pub(crate) static ALL: &[&Dialect] = &[&DIALECT_2, &DIALECT_3];

impl Dialect {
    /// The dialect that a package version or a number stands for.
    pub(crate) fn of_version(version: &str) -> Option<&'static Dialect> {
        let major = version.split(['.', 'a', 'b']).next()?;
        ALL.iter().find(|dialect| major.parse() == Ok(dialect.number)).copied()
    }

    /// The version of a server as scripts see it.
    pub(crate) fn server_version<'a>(&self, version: &'a str) -> &'a str {
        let cut = version.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|_| self.cuts_versions);
        &version[..cut.unwrap_or(version.len())]
    }

    /// The default of an option of a connection, `default` being that of the table.
    pub(crate) fn connection_default(&self, name: &str, default: &'static str) -> &'static str {
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
    fn versions_of_servers() {
        for (version, shown) in [("2.11.1-binary", "2.11.1"), ("2.15.1", "2.15.1"), ("v2", ""), ("", "")] {
            assert_eq!((DIALECT_2.server_version(version), DIALECT_3.server_version(version)), (version, shown));
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
