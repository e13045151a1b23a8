//! A row in the table of a class, which gives the arity message, the options and their checks.

use std::rc::Rc;

use super::errors::{Result, to_tcl};
use super::options::Options;
use crate::client::Argument;
use crate::rules::option::Opt;
use crate::tcl::{self, Call, Instance, Interp, Obj, Object, Reply, Row};

/// How a row's words are read, and the function that runs.
pub(crate) enum Body<S: Instance> {
    /// The constructor makes the state and attaches it.
    Constructor(fn(&Invocation, Object) -> Result<()>),
    /// A method with the state of its object.
    Method(fn(&Rc<S>, &Invocation) -> Result<Reply>),
    /// A method that reads its own options: it gets all words as plain arguments.
    Raw(fn(&Rc<S>, &Invocation) -> Result<Reply>),
}

/// One method.
pub(crate) struct Method<S: Instance> {
    /// Name.
    pub name: &'static str,
    /// The plain arguments as in the arity message, such as `subject message ?-option value ...?`.
    pub usage: &'static str,
    /// Least and greatest number of plain arguments.
    pub plain: (usize, usize),
    /// Options that may follow.
    pub options: &'static [Opt],
    /// Result and errors: a line of the reference page.
    pub help: &'static str,
    /// Function that runs.
    pub body: Body<S>,
}

/// Greatest number of plain arguments where there is no limit.
pub(crate) const ANY: usize = usize::MAX;

/// A row of a table of methods.
pub(crate) const fn row<S: Instance>(
    name: &'static str,
    usage: &'static str,
    plain: (usize, usize),
    options: &'static [Opt],
    help: &'static str,
    run: fn(&Rc<S>, &Invocation) -> Result<Reply>,
) -> Method<S> {
    Method { name, usage, plain, options, help, body: Body::Method(run) }
}

/// A row of a method that reads its own options; the table says which it takes.
pub(crate) const fn raw<S: Instance>(
    name: &'static str,
    usage: &'static str,
    plain: (usize, usize),
    options: &'static [Opt],
    help: &'static str,
    run: fn(&Rc<S>, &Invocation) -> Result<Reply>,
) -> Method<S> {
    Method { name, usage, plain, options, help, body: Body::Raw(run) }
}

/// The row of a constructor.
pub(crate) const fn constructor<S: Instance>(
    usage: &'static str,
    plain: (usize, usize),
    options: &'static [Opt],
    help: &'static str,
    run: fn(&Invocation, Object) -> Result<()>,
) -> Method<S> {
    Method { name: "new", usage, plain, options, help, body: Body::Constructor(run) }
}

/// A call of a method, its words sorted into arguments and options.
pub(crate) struct Invocation<'a> {
    /// The interpreter.
    pub interp: Interp<'a>,
    /// The plain arguments.
    pub args: &'a [Obj],
    /// The options.
    pub options: Options,
    /// The raw call.
    pub call: &'a Call<'a>,
}

impl<S: Instance> Row for Method<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&'static self, call: &Call) -> tcl::Result<Reply> {
        self.invoke(call).map_err(|error| to_tcl(call.interp, error))
    }
}

impl<S: Instance> Method<S> {
    fn invoke(&'static self, call: &Call) -> Result<Reply> {
        let object = call.object().ok_or(Argument::NotMethod)?;
        match self.body {
            Body::Constructor(construct) => {
                construct(&self.read(call)?, object)?;
                Ok(Reply::Empty)
            }
            Body::Method(run) | Body::Raw(run) => {
                let state = object.instance::<S>().ok_or(Argument::NotConstructed)?;
                run(&state, &self.read(call)?)
            }
        }
    }

    fn read<'a>(&self, call: &'a Call<'a>) -> Result<Invocation<'a>> {
        let words = call.args();
        let options = if matches!(self.body, Body::Raw(_)) { &[] } else { self.options };
        let (least, most) = self.plain;
        let most = if options.is_empty() { most } else { usize::MAX };
        if words.len() < least || words.len() > most {
            return Err(call.wrong_args(self.usage).into());
        }
        let plain = if options.is_empty() { words.len() } else { self.plain_words(words) };
        let options = Options::parse(call.interp, options, &words[plain..])?;
        Ok(Invocation { interp: call.interp, args: &words[..plain], options, call })
    }

    /// Number of plain arguments. An optional one is present if that leaves an even number of option words; an option whose value
    /// was forgotten does not count as one, before or behind it.
    fn plain_words(&self, words: &[Obj]) -> usize {
        let (least, most) = self.plain;
        if least == most || words.len() == least {
            return least;
        }
        let rest = &words[least..];
        // The word before the options of a constructor is a name, even if it looks like an option.
        let first_forgotten = || !matches!(self.body, Body::Constructor(_)) && self.lacks_value(rest);
        let plain = if rest.len().is_multiple_of(2) { ends_without_value(self.options, rest) } else { !first_forgotten() };
        if plain { least + 1 } else { least }
    }

    /// Whether the first word is an option. If the option occurs again, the first may be a name that looks like it.
    fn lacks_value(&self, words: &[Obj]) -> bool {
        is_dashed(self.options, &words[0]) && !words[1..].iter().step_by(2).any(|again| again.raw_str() == words[0].raw_str())
    }
}

/// Whether the first of an even number of words can only be an argument, and the last one only an option.
pub(crate) fn ends_without_value(options: &[Opt], words: &[Obj]) -> bool {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    let first = first.raw_str();
    !first.starts_with(b"-") && !is_name(options, first) && is_dashed(options, last)
}

fn is_dashed(options: &[Opt], word: &Obj) -> bool {
    word.raw_str().strip_prefix(b"-").is_some_and(|name| is_name(options, name))
}

fn is_name(options: &[Opt], name: &[u8]) -> bool {
    options.iter().any(|option| option.name.as_bytes() == name)
}
