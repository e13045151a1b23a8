//! Objects whose state exists before they do: the constructor takes it over.

use std::cell::RefCell;
use std::rc::Rc;

use super::errors::Result;
use super::method::Invocation;
use crate::client::{Argument, Fault};
use crate::tcl::{Handle, Instance, Interp, Object, class};

/// An object that was made.
pub(crate) struct Born {
    /// The object.
    pub handle: Handle,
    /// Full name of its private namespace.
    pub namespace: String,
}

/// The object that is being made.
enum Birth {
    None,
    State(Rc<dyn Instance>),
    Born(Born),
}

thread_local! {
    static BIRTH: RefCell<Birth> = const { RefCell::new(Birth::None) };
}

/// Makes an object of the class with this state.
///
/// # Errors
/// What Tcl says if the class is gone, `ErrConnectionClosed` if the object is destroyed while it is made.
pub(crate) fn make(interp: Interp, name: &str, state: Rc<dyn Instance>) -> Result<Born> {
    BIRTH.replace(Birth::State(state));
    let made = class::make(interp, name, &[]);
    let birth = BIRTH.replace(Birth::None);
    made?;
    match birth {
        Birth::Born(born) => Ok(born),
        // A script has given the class another constructor.
        Birth::None | Birth::State(_) => Err(Fault::Closed.into()),
    }
}

/// Constructor of such a class.
///
/// # Errors
/// `ErrInvalidArg` where a script calls it.
pub(crate) fn construct(_call: &Invocation, object: Object) -> Result<()> {
    let Birth::State(state) = BIRTH.replace(Birth::None) else { return Err(Argument::MadeByMethod.into()) };
    object.set_instance(state);
    if let (Some(handle), Some(namespace)) = (object.handle(), object.namespace()) {
        BIRTH.replace(Birth::Born(Born { handle, namespace }));
    }
    Ok(())
}
