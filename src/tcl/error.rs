//! Errors on their way to Tcl.

use std::ffi::CStr;
use std::os::raw::c_int;
use std::sync::OnceLock;

use super::slots::stub;

/// An error on its way to Tcl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Message and `-errorcode` list.
    Raised {
        /// The message.
        message: String,
        /// The words of the error code.
        code: Vec<String>,
    },
    /// Result and error code are in the interpreter already.
    Interp,
    /// Trouble in this layer; the layers above put it into words.
    Trouble(Trouble),
}

impl Error {
    /// An error with message and error code.
    pub fn new<S: Into<String>>(message: S, code: &[&str]) -> Error {
        Error::Raised { message: message.into(), code: code.iter().map(|s| s.to_string()).collect() }
    }
}

/// Result of methods and commands.
pub type Result<T> = std::result::Result<T, Error>;

/// Trouble that this layer can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A panic was caught: its text, and where it was.
    Panic(String),
    /// The interpreter was deleted during a wait.
    InterpDeleted,
    /// The coroutine was deleted while it waited.
    CoroutineDeleted,
    /// The class of an object to make is gone.
    ClassGone(String),
    /// An object that cannot be copied.
    NoCopies,
}

/// Function that puts trouble into words: message and error code.
pub type Wording = fn(&Trouble) -> (String, Vec<String>);

static WORDING: OnceLock<Wording> = OnceLock::new();

/// Sets how trouble is put into words; only the first call of a process counts.
pub fn word_troubles(wording: Wording) {
    WORDING.get_or_init(|| wording);
}

impl Trouble {
    /// Message and error code.
    pub fn words(&self) -> (String, Vec<String>) {
        WORDING.get().map_or_else(|| (format!("{self:?}"), Vec::new()), |wording| wording(self))
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Error {
        Error::Trouble(trouble)
    }
}

/// Name and text of an error of the system, such as `ENOENT` and `no such file or directory` (SetErrno(3)).
pub fn posix(errno: c_int) -> (String, String) {
    // SAFETY: plain calls on this thread; both give static C strings.
    unsafe {
        stub!(tcl_SetErrno(errno));
        let (id, text) = (CStr::from_ptr(stub!(tcl_ErrnoId())), CStr::from_ptr(stub!(tcl_ErrnoMsg(errno))));
        (id.to_string_lossy().into_owned(), text.to_string_lossy().into_owned())
    }
}
