//! A row of a table of plain commands.

use super::errors::{Result, to_tcl};
use crate::rules::option::Opt;
use crate::tcl::{self, Call, Obj, Reply, Row};

/// One command.
pub(crate) struct Command {
    /// Name; for a subcommand of an ensemble without the ensemble's.
    pub name: &'static str,
    /// The arguments as in the arity message.
    pub usage: &'static str,
    /// Least and greatest number of arguments.
    pub words: (usize, usize),
    /// Options among the arguments, which the function reads itself.
    pub options: &'static [Opt],
    /// Result and errors: a line of the reference page.
    pub help: &'static str,
    /// Function that runs.
    pub run: fn(&Call) -> Result<Obj>,
}

impl Row for Command {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&'static self, call: &Call) -> tcl::Result<Reply> {
        let (least, most) = self.words;
        let count = call.args().len();
        if count < least || count > most {
            return Err(call.wrong_args(self.usage));
        }
        (self.run)(call).map(Reply::from).map_err(|error| to_tcl(call.interp, error))
    }
}
