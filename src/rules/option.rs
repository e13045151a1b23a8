//! Declaration of options: one row of a table drives parsing, read-back, the JSON body and the reference page.

use super::version::Version;

/// The type of an option's value, as named in error messages (`Invalid value for the <type> option ...`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
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
    /// A string that goes into a header, where the server takes no notice of blanks at its ends: it has none (`valid_str`).
    Trimmed,
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
    /// A duration of the JetStream API: milliseconds, fractions allowed, any sign; nanoseconds on the wire. Shown as `int` in
    /// errors.
    Millis,
    /// A duration like [`Kind::Millis`], but not a negative one. Shown as `pos_int` in errors.
    PosMillis,
    /// A duration like [`Kind::Millis`]; errors are `ErrBadTimeout`, as for [`Kind::Timeout`].
    Delay,
    /// A point in time, ISO 8601, UTC where it says no zone; RFC 3339 on the wire (`time`).
    Time,
    /// A list of durations like [`Kind::Millis`].
    MillisList,
    /// The life of a message: milliseconds or `never`; the words of [`super::ttl`] on the wire (`ttl`).
    Ttl,
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
    /// The type's name in error texts.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Kind::Timeout | Kind::Delay => "timeout",
            Kind::Time => "time",
            Kind::Ttl => "ttl",
            Kind::Count | Kind::PosMillis => "pos_int",
            Kind::Int | Kind::Millis => "int",
            Kind::Bool => "bool",
            Kind::Str | Kind::NonEmpty | Kind::Trimmed | Kind::SubjectPrefix | Kind::Command | Kind::Enum(_) => "valid_str",
            Kind::Dict | Kind::Object(_) | Kind::StrMap => "dict",
            Kind::List | Kind::MillisList | Kind::StrList | Kind::ObjectList(_) => "list",
        }
    }

    /// The type's name in the reference pages.
    pub(crate) const fn in_reference(self) -> &'static str {
        match self {
            Kind::Timeout => "timeout",
            Kind::Time => "time",
            Kind::Ttl => "ms or `never`",
            Kind::Count => "count",
            Kind::Int => "int",
            Kind::Millis | Kind::PosMillis | Kind::Delay => "ms",
            Kind::Bool => "boolean",
            Kind::Str => "string",
            Kind::NonEmpty | Kind::Trimmed | Kind::SubjectPrefix => "non-empty string",
            Kind::Command => "command prefix",
            Kind::Enum(_) => "one of several words",
            Kind::Dict | Kind::Object(_) | Kind::StrMap => "dict",
            Kind::List => "list",
            Kind::StrList => "list of strings",
            Kind::MillisList => "list of ms",
            Kind::ObjectList(_) => "list of dicts",
        }
    }
}

/// One option: a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    /// Name without the dash; also the JSON field for API options.
    pub name: &'static str,
    /// Type of the value.
    pub kind: Kind,
    /// Default as Tcl text; `None` if the option is simply absent.
    pub default: Option<&'static str>,
    /// One line for the reference page.
    pub help: &'static str,
    /// First server that knows the option; older ones silently drop it. `None` if all servers with JetStream know it, or if
    /// it is not an option of the server.
    pub since: Option<Version>,
}

impl Opt {
    /// The row with the first server that knows it.
    pub(crate) const fn since(self, major: u32, minor: u32, patch: u32) -> Opt {
        Opt { since: Some(Version(major, minor, patch)), ..self }
    }
}

/// A row without a default.
pub(crate) const fn row(name: &'static str, kind: Kind, help: &'static str) -> Opt {
    Opt { name, kind, default: None, help, since: None }
}

/// A row with a default, given as Tcl text.
pub(crate) const fn preset(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Opt {
    Opt { name, kind, default: Some(default), help, since: None }
}

/// The rows of `first`, then those of `second`; `N` is the number of both.
pub(crate) const fn joined<const N: usize>(first: &[Opt], second: &[Opt]) -> [Opt; N] {
    assert!(N == first.len() + second.len(), "another number of rows");
    let mut rows = [first[0]; N];
    let mut at = 0;
    while at < N {
        rows[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    rows
}

/// The first `N` rows of `table` without their defaults: for a change, in which what is not given stays.
pub(crate) const fn changeable<const N: usize>(table: &[Opt]) -> [Opt; N] {
    let mut rows = [table[0]; N];
    let mut at = 0;
    while at < N {
        rows[at] = Opt { default: None, ..table[at] };
        at += 1;
    }
    rows
}

/// The rows of `table`, in which a row takes its type and default from that of the same name among `changes`.
pub(crate) const fn changed<const N: usize>(table: &[Opt], changes: &[Opt]) -> [Opt; N] {
    assert!(N == table.len(), "another number of rows");
    let mut rows = [table[0]; N];
    let mut at = 0;
    while at < N {
        rows[at] = table[at];
        at += 1;
    }
    let mut change = 0;
    while change < changes.len() {
        let at = index(table, changes[change].name);
        rows[at].kind = changes[change].kind;
        rows[at].default = changes[change].default;
        change += 1;
    }
    rows
}

/// Index of the row of that name. In a constant, a name that the table does not have is an error of the compiler.
pub(crate) const fn index(table: &[Opt], name: &str) -> usize {
    let mut at = 0;
    while at < table.len() {
        if same(table[at].name, name) {
            return at;
        }
        at += 1;
    }
    panic!("no such option in the table")
}

/// Whether two texts are the same, for constants.
pub(crate) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Name of an option without a default, for look-ups. Made in a constant by [`named`], it cannot be one that no table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(&'static str);

impl Name {
    /// The name, without the dash.
    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// An option with a default, for look-ups: its place in the table, its name, and its value if the script gives none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preset<T> {
    /// Row in the table.
    pub index: usize,
    /// Name.
    pub name: Name,
    /// Default of the table.
    pub default: T,
}

/// An option of the table that has no default.
pub(crate) const fn named(table: &[Opt], name: &'static str) -> Name {
    assert!(table[index(table, name)].default.is_none(), "the option has a default: ask for its value");
    Name(name)
}

const fn defaulted(table: &[Opt], name: &'static str) -> (usize, &'static str) {
    let at = index(table, name);
    match table[at].default {
        Some(default) => (at, default),
        None => panic!("the option has no default"),
    }
}

/// A whole number of the table, with its default.
pub(crate) const fn int(table: &[Opt], name: &'static str) -> Preset<i64> {
    let (index, text) = defaulted(table, name);
    assert!(matches!(table[index].kind, Kind::Timeout | Kind::Count | Kind::Int), "the option is no number");
    match i64::from_str_radix(text, 10) {
        Ok(default) => Preset { index, name: Name(name), default },
        Err(_) => panic!("the default is no number"),
    }
}

/// A boolean of the table, with its default.
pub(crate) const fn flag(table: &[Opt], name: &'static str) -> Preset<bool> {
    let (index, text) = defaulted(table, name);
    assert!(matches!(table[index].kind, Kind::Bool), "the option is no boolean");
    let default = same(text, "true");
    assert!(default || same(text, "false"), "the default is no boolean");
    Preset { index, name: Name(name), default }
}

/// A text of the table, with its default.
pub(crate) const fn text(table: &[Opt], name: &'static str) -> Preset<&'static str> {
    let (index, default) = defaulted(table, name);
    let is_text = matches!(table[index].kind, Kind::Str | Kind::NonEmpty | Kind::Trimmed | Kind::SubjectPrefix | Kind::Enum(_));
    assert!(is_text, "the option is no text");
    Preset { index, name: Name(name), default }
}

/// A parsed and checked value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
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

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Opt] = &[
        row("callback", Kind::Command, ""),
        preset("timeout", Kind::Timeout, "5000", ""),
        preset("trace", Kind::Bool, "false", ""),
        preset("storage", Kind::Enum(&["memory", "file"]), "file", ""),
    ];

    #[test]
    fn options_by_name() {
        const TIMEOUT: Preset<i64> = int(TABLE, "timeout");
        assert_eq!((TIMEOUT.index, TIMEOUT.name.as_str(), TIMEOUT.default), (1, "timeout", 5000));
        assert!(!flag(TABLE, "trace").default);
        assert_eq!(text(TABLE, "storage").default, "file");
        assert_eq!(named(TABLE, "callback").as_str(), "callback");
    }

    #[test]
    fn tables_of_tables() {
        let both: [Opt; 5] = joined(TABLE, &[row("header", Kind::Dict, "")]);
        assert_eq!(both.map(|opt| opt.name), ["callback", "timeout", "trace", "storage", "header"]);
        let other: [Opt; 4] = changed(TABLE, &[row("timeout", Kind::Int, "")]);
        assert_eq!((other[1].name, other[1].kind, other[1].default), ("timeout", Kind::Int, None));
        assert_eq!(other[2], TABLE[2]);
    }
}
