//! The tables as Tcl values: the reference pages are made of them and compared with them.

use super::command::Command;
use super::method::Method;
use crate::rules::option::{Kind, Opt};
use crate::tcl::{Class, Instance, Obj};

/// A dict of these pairs.
pub(crate) fn dict<'a>(pairs: impl IntoIterator<Item = (&'a str, Obj)>) -> Obj {
    let mut dict = Obj::dict();
    for (key, value) in pairs {
        dict.put_text(key, &value);
    }
    dict
}

/// `type` as errors name it, `kind` as the reference names it, `default` where there is one, `words` of an enumeration, `fields`
/// of a nested dict, `since`, the first server that has it, where not all have, and `help` of each option by its name.
fn options(table: &[Opt]) -> Obj {
    dict(table.iter().map(|opt| {
        let mut pairs = vec![("type", Obj::text(opt.kind.word())), ("kind", Obj::text(opt.kind.in_reference()))];
        pairs.extend(opt.default.map(|default| ("default", Obj::text(default))));
        match opt.kind {
            Kind::Enum(words) => pairs.push(("words", Obj::text_list(words))),
            Kind::Object(fields) | Kind::ObjectList(fields) => pairs.push(("fields", options(fields))),
            _ => {}
        }
        pairs.extend(opt.since.map(|version| ("since", Obj::text(&version.to_string()))));
        pairs.push(("help", Obj::text(opt.help)));
        (opt.name, dict(pairs))
    }))
}

fn method<S: Instance>(method: &Method<S>) -> Obj {
    dict([("usage", Obj::text(method.usage)), ("options", options(method.options)), ("help", Obj::text(method.help))])
}

/// A class: `constructor` and `methods`, each with `usage`, `options` and `help`.
pub(crate) fn class<S: Instance>(class: &Class<Method<S>>) -> Obj {
    let methods = dict(class.methods.iter().copied().flatten().map(|row| (row.name, method(row))));
    dict([("constructor", method(&class.constructor)), ("methods", methods)])
}

/// A command: `usage`, `options` and `help`.
pub(crate) fn command(row: &Command) -> Obj {
    dict([("usage", Obj::text(row.usage)), ("options", options(row.options)), ("help", Obj::text(row.help))])
}
