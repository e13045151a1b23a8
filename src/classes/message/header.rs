//! `nats::header`: the headers of a message, a dict of names and lists of values.

use super::dict::{keys, not_a_message, update};
use crate::bridge::command::Command;
use crate::bridge::errors::Result;
use crate::client::Argument;
use crate::tcl::{Call, Error, Obj};

/// The subcommands.
pub(super) static COMMANDS: &[Command] = &[
    Command {
        name: "add",
        usage: "varName key value",
        words: (3, 3),
        options: &[],
        help: "adds a value to a header of the message in a variable",
        run: add,
    },
    Command {
        name: "set",
        usage: "varName key value ?key value ...?",
        words: (2, usize::MAX),
        options: &[],
        help: "gives headers of the message in a variable one value each; a key without value is `ErrInvalidArg`",
        run: set,
    },
    Command {
        name: "delete",
        usage: "varName key",
        words: (2, 2),
        options: &[],
        help: "removes a header of the message in a variable; a missing one is no error",
        run: delete,
    },
    Command {
        name: "get",
        usage: "message key",
        words: (2, 2),
        options: &[],
        help: "the first value of a header; a missing one is an error `TCL LOOKUP DICT <key>`",
        run: |call| Ok(first(&present(call)?)),
    },
    Command {
        name: "values",
        usage: "message key",
        words: (2, 2),
        options: &[],
        help: "list of all values of a header; a missing one is an error `TCL LOOKUP DICT <key>`",
        run: present,
    },
    Command {
        name: "keys",
        usage: "message ?pattern?",
        words: (1, 2),
        options: &[],
        help: "list of the names, those that match the pattern (as in `string match`) if one is given",
        run: names,
    },
    Command {
        name: "lookup",
        usage: "message key default",
        words: (3, 3),
        options: &[],
        help: "the first value of a header, or the default",
        run: |call| {
            let args = call.args();
            Ok(headers(&args[0])?.get(&args[1]).map_or_else(|| args[2].clone(), |values| first(&values)))
        },
    },
];

/// The header dict of a message, empty if the message has none.
fn headers(message: &Obj) -> Result<Obj> {
    let dict = match message.get(&keys().header) {
        Some(dict) => dict,
        None if message.is_dict() => Obj::empty(),
        None => return Err(not_a_message()),
    };
    if dict.is_dict() { Ok(dict) } else { Err(Argument::HeaderNotDict.into()) }
}

/// The first of a header's values. What is no list counts as a single value: a script may have put it into the dict by hand.
fn first(values: &Obj) -> Obj {
    match values.as_list() {
        Some(list) => list.into_iter().next().unwrap_or_else(Obj::empty),
        None => values.clone(),
    }
}

/// Whether a message has a header whose first value passes the test.
pub(super) fn is_first(message: &Obj, key: &Obj, test: impl FnOnce(&str) -> bool) -> bool {
    let values = message.get(&keys().header).and_then(|headers| headers.get(key));
    values.is_some_and(|values| test(&first(&values).as_text()))
}

/// The first value of a header, or nothing.
pub(super) fn first_of(message: &Obj, name: &str) -> Result<Obj> {
    Ok(headers(message)?.get(&Obj::text(name)).map_or_else(Obj::empty, |values| first(&values)))
}

/// The values of the header that the call names, or Tcl's own error for an unknown key (dict(n)).
fn present(call: &Call) -> Result<Obj> {
    let [message, key] = call.args() else { return Err(call.wrong_args("message key").into()) };
    let values = headers(message)?.get(key).ok_or_else(|| {
        let key = key.as_text();
        Error::new(format!("key \"{key}\" not known in dictionary"), &["TCL", "LOOKUP", "DICT", &key])
    })?;
    Ok(values)
}

fn names(call: &Call) -> Result<Obj> {
    let mut words = vec![Obj::text("::tcl::dict::keys"), headers(&call.args()[0])?];
    words.extend(call.args().get(1).cloned());
    Ok(call.interp.call(&words)?)
}

/// Replaces the header dict of the message in the variable that the call names first.
fn change(call: &Call, change: impl FnOnce(Obj) -> Result<Obj>) -> Result<Obj> {
    update(call.interp, &call.args()[0], |message| {
        let changed = change(headers(message)?)?;
        message.put(&keys().header, &changed);
        Ok(())
    })
}

fn add(call: &Call) -> Result<Obj> {
    let [_, key, value] = call.args() else { return Err(call.wrong_args("varName key value").into()) };
    change(call, |mut headers| {
        let mut values = match headers.get(key) {
            Some(values) => values.as_list().ok_or_else(|| Argument::HeaderValuesNotList(key.to_text()))?,
            None => Vec::new(),
        };
        values.push(value.clone());
        headers.put(key, &Obj::list(&values));
        Ok(headers)
    })
}

fn set(call: &Call) -> Result<Obj> {
    let pairs = &call.args()[1..];
    if pairs.len() % 2 == 1 {
        return Err(Argument::HeaderWithoutValue(pairs[pairs.len() - 1].to_text()).into());
    }
    change(call, |mut headers| {
        for pair in pairs.chunks_exact(2) {
            headers.put(&pair[0], &Obj::list(&pair[1..]));
        }
        Ok(headers)
    })
}

fn delete(call: &Call) -> Result<Obj> {
    change(call, |headers| Ok(call.interp.call(&[Obj::text("::tcl::dict::remove"), headers, call.args()[1].clone()])?))
}
