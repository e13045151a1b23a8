//! How options are declared: one table row drives parsing, read-back, the JSON body and the reference page.

use super::version::Version;

/// The type of an option's value, as named in error messages (`Invalid value for the <type> option ...`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Milliseconds, a whole number >= 0; errors are `ErrBadTimeout`.
    Timeout,
    /// A whole number >= 0 (`pos_int`).
    Count,
    /// A whole number of any sign (`int`).
    Int,
    /// Anything Tcl takes as a boolean (`bool`).
    Bool,
    /// Any string, the empty one included.
    Str,
    /// A string that is not empty (`valid_str`).
    NonEmpty,
    /// A subject that other tokens will follow: no wildcards, no empty tokens (`valid_str`).
    SubjectPrefix,
    /// A Tcl dict (`dict`).
    Dict,
    /// A Tcl list (`list`).
    List,
    /// A command prefix that is not empty (`valid_str`).
    Command,
    /// One of the words (`enum`).
    Enum(&'static [&'static str]),
    /// A duration of the JetStream API: milliseconds, fractions allowed, any sign; nanoseconds on the wire. Shown as `int` in errors.
    Millis,
    /// A duration like [`Kind::Millis`]; errors are `ErrBadTimeout`, as for [`Kind::Timeout`].
    Delay,
    /// A point in time, ISO 8601, UTC where it says no zone; RFC 3339 on the wire (`time`).
    Time,
    /// A list of durations like [`Kind::Millis`].
    MillisList,
    /// A list of strings, an array on the wire.
    StrList,
    /// A dict or a JSON object, converted by the nested table; an object on the wire.
    Object(&'static [Opt]),
    /// A list of dicts or JSON objects, converted by the nested table.
    ObjectList(&'static [Opt]),
    /// A dict of free names to strings (`metadata`).
    StrMap,
}

impl Kind {
    /// The type's name, in error texts and in the reference.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Timeout | Kind::Delay => "timeout",
            Kind::Time => "time",
            Kind::Count => "pos_int",
            Kind::Int | Kind::Millis => "int",
            Kind::Bool => "bool",
            Kind::Str | Kind::NonEmpty | Kind::SubjectPrefix | Kind::Command | Kind::Enum(_) => "valid_str",
            Kind::Dict | Kind::Object(_) | Kind::StrMap => "dict",
            Kind::List | Kind::MillisList | Kind::StrList | Kind::ObjectList(_) => "list",
        }
    }
}

/// One option: a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// Name without the dash; also the JSON field for API options.
    pub name: &'static str,
    /// Type of the value.
    pub kind: Kind,
    /// Default as Tcl text; `None` if the option is simply absent.
    pub default: Option<&'static str>,
    /// One line for the reference page.
    pub help: &'static str,
    /// First server that knows the option: older ones drop it without a word. `None` if all servers with JetStream do, or if
    /// it is no option of the server.
    pub since: Option<Version>,
}

impl Opt {
    /// The row with the first server that knows it.
    pub const fn since(self, major: u32, minor: u32, patch: u32) -> Opt {
        Opt { since: Some(Version(major, minor, patch)), ..self }
    }
}

/// A parsed and checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `Timeout`, `Count`, `Int`: exact, as Tcl read it.
    Int(i64),
    /// `Count`/`Int` beyond 63 bits, as decimal text.
    Big(String),
    /// `Bool`.
    Bool(bool),
    /// `Str`, `NonEmpty`, `Enum`, the decimal text of a `Millis` and a `Delay`, a `Time` as the wire has it.
    Str(String),
    /// `List`, `StrList`, `MillisList`.
    List(Vec<Value>),
    /// `Dict`, `StrMap`, in the order given.
    Dict(Vec<(String, Value)>),
    /// A JSON text given where an object or list of objects is expected.
    Json(serde_json::Value),
}
