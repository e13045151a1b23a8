//! The array that a watcher writes.

use crate::bridge::errors::Result;
use crate::client::Argument;
use crate::tcl::{self, Interp, Obj};

/// A link in the watcher's namespace to an array, which lives as long as the object.
pub(super) struct Values {
    link: String,
}

impl Values {
    /// Links a variable of the caller into the watcher's namespace. It must outlive the call, so it is one of a namespace, by a
    /// name as the caller would use it.
    ///
    /// # Errors
    /// `ErrInvalidArg` for a variable that is local to a procedure, or no array.
    pub(super) fn of_caller(interp: Interp, namespace: &str, name: &Obj) -> Result<Values> {
        let link = format!("{namespace}::values");
        let words = ["::upvar", "0"].map(Obj::text);
        let words: Vec<Obj> = words.into_iter().chain([name.clone(), Obj::text(&link)]).collect();
        let refused = || Argument::Variable(name.to_text());
        let text = name.as_text();
        if text.ends_with(')') && text.contains('(') {
            // An element can be no array.
            return Err(refused().into());
        }
        // Tcl refuses to link a variable of a namespace to one of a procedure.
        interp.call_here(&words).map_err(|_| refused())?;
        let is = |words: &[&str]| -> tcl::Result<bool> {
            let words: Vec<Obj> = words.iter().map(|word| Obj::text(word)).collect();
            Ok(interp.call(&words)?.as_bool().unwrap_or(false))
        };
        if is(&["::info", "exists", &link])? && !is(&["::array", "exists", &link])? {
            return Err(refused().into());
        }
        interp.reset_result();
        Ok(Values { link })
    }

    /// Sets an element, or removes it; one that is not there is no error.
    ///
    /// # Errors
    /// Those of a script's trace.
    pub(super) fn write(&self, interp: Interp, key: &str, value: Option<&Obj>) -> tcl::Result<()> {
        match value {
            Some(value) => interp.set_global(&self.link, Some(key), value),
            None => {
                interp.unset_global(&self.link, Some(key));
                Ok(())
            }
        }
    }
}
