//! The variables that a connection shows: `status`, `last_error`, `serverInfo`. Scripts read and trace them; only we write them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::bridge::errors::as_dict;
use crate::bridge::json::to_obj;
use crate::client::State;
use crate::engine::{Info, Problem};
use crate::rules::dialect::Dialect;
use crate::tcl::trace::Guard;
use crate::tcl::{Home, Interp, Obj, Result};

/// The variables of one object, in its namespace.
pub(crate) struct Variables {
    home: Rc<Home>,
    namespace: String,
    guard: Rc<Guard>,
    /// The object is being destroyed, and the variables with it: errors of writing them mean nothing.
    leaving: Cell<bool>,
    /// `last_error` holds an error.
    failed: Cell<bool>,
    /// The elements of `serverInfo`.
    info_keys: RefCell<Vec<String>>,
}

impl Variables {
    /// Makes them, guarded.
    ///
    /// # Errors
    /// What Tcl says if they cannot be made.
    pub(crate) fn new(interp: Interp, home: &Rc<Home>, namespace: String) -> Result<Variables> {
        let guard = Guard::new();
        guard.set(interp, &format!("{namespace}::status"), None, &Obj::text(State::Closed.as_str()))?;
        guard.set(interp, &format!("{namespace}::last_error"), None, &Obj::empty())?;
        interp.call(&[Obj::text("array"), Obj::text("set"), Obj::text(&format!("{namespace}::serverInfo")), Obj::empty()])?;
        for name in ["status", "last_error", "serverInfo"] {
            guard.protect(interp, &format!("{namespace}::{name}"));
        }
        Ok(Variables {
            home: Rc::clone(home),
            namespace,
            guard,
            leaving: Cell::new(false),
            failed: Cell::new(false),
            info_keys: RefCell::default(),
        })
    }

    /// Gives them up, because the object is being destroyed.
    pub(crate) fn retire(&self) {
        self.leaving.set(true);
        self.guard.retire();
    }

    /// Writes `status`; traces run in here.
    pub(crate) fn set_status(&self, state: State) {
        self.write("status", None, &Obj::text(state.as_str()));
    }

    /// Writes `last_error`: empty, or the problem's dict. Traces run in here.
    pub(crate) fn set_last_error(&self, problem: Option<&Problem>) {
        self.failed.set(problem.is_some());
        let Some(kept) = self.home.live() else { return };
        let value = problem.map_or_else(Obj::empty, |problem| as_dict(kept.interp(), problem));
        self.write("last_error", None, &value);
    }

    /// Whether `last_error` holds an error. A connection that was closed by its owner has none.
    pub(crate) fn has_error(&self) -> bool {
        self.failed.get()
    }

    /// Rewrites `serverInfo`, all of it.
    pub(crate) fn set_server_info(&self, info: &Info, dialect: &Dialect) {
        let fields: Vec<_> = info_fields(info, dialect).collect();
        let Some(kept) = self.home.live() else { return };
        let array = format!("{}::serverInfo", self.namespace);
        let gone: Vec<String> = self.info_keys.take().into_iter().filter(|k| !fields.iter().any(|(name, _)| name == k)).collect();
        for key in gone {
            self.guard.unset(kept.interp(), &array, &key);
        }
        *self.info_keys.borrow_mut() = fields.iter().map(|(name, _)| name.to_string()).collect();
        for (name, value) in &fields {
            self.write("serverInfo", Some(name), value);
        }
    }

    fn write(&self, name: &str, key: Option<&str>, value: &Obj) {
        let Some(kept) = self.home.live() else { return };
        let interp = kept.interp();
        // An error comes from a script's own trace, or from a namespace that is being deleted: nothing here can mend it.
        if let Err(error) = self.guard.set(interp, &format!("{}::{name}", self.namespace), key, value)
            && !self.leaving.get()
        {
            interp.background_error(&error);
        }
    }
}

/// The fields of INFO that are there, under the names of the protocol.
pub(super) fn info_fields<'a>(info: &'a Info, dialect: &'a Dialect) -> impl Iterator<Item = (&'a str, Obj)> {
    info.fields.iter().map(|(name, value)| match value.as_str() {
        Some(version) if name == "version" => (name.as_str(), Obj::text(dialect.server_version(version))),
        _ => (name.as_str(), to_obj(value)),
    })
}
