//! What a channel of one's own has to be able to do.

use std::os::raw::c_int;

use super::error::Error;
use super::obj::Obj;

/// Outcome of an operation.
pub enum Io<T> {
    /// It is done.
    Done(T),
    /// Nothing can be done now; the driver tells when.
    Again,
    /// An error of the system.
    Errno(c_int),
    /// An error with words of its own.
    Failed(Error),
}

impl<T> Io<T> {
    /// The same of another type, if it is not done.
    pub(super) fn retyped<U>(self) -> Io<U> {
        match self {
            Io::Done(_) | Io::Again => Io::Again,
            Io::Errno(code) => Io::Errno(code),
            Io::Failed(error) => Io::Failed(error),
        }
    }
}

impl Error {
    /// As Tcl_SetChannelError wants it: options, then the message.
    pub(super) fn channel_words(&self) -> Obj {
        let (message, code) = match self {
            Error::Raised { message, code } => (message.clone(), code.clone()),
            Error::Trouble(trouble) => trouble.words(),
            Error::Interp => (String::new(), Vec::new()),
        };
        Obj::list(&[Obj::text("-code"), Obj::int(1), Obj::text("-errorcode"), Obj::text_list(&code), Obj::text(&message)])
    }

    /// The error in such words.
    pub(super) fn of_channel_words(words: &[Obj]) -> Error {
        let (options, message) = words.split_at(words.len() / 2 * 2);
        let code = options.chunks_exact(2).find(|pair| pair[0].raw_str() == b"-errorcode").and_then(|pair| pair[1].as_list());
        let code = code.unwrap_or_default().iter().map(Obj::to_text).collect();
        Error::Raised { message: message.first().map(Obj::to_text).unwrap_or_default(), code }
    }
}

/// Where an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The beginning.
    Start,
    /// The place.
    Current,
    /// The end.
    End,
}

/// How a channel is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// By a script, which gets the outcome.
    Wanted,
    /// By a script that does not wait for the outcome.
    Unattended,
    /// Because its interpreter, its thread or the process ends: nobody waits.
    Abandoned,
}

/// What a channel is made of.
pub trait Driver: 'static {
    /// Reads; 0 is the end.
    fn read(&self, into: &mut [u8]) -> Io<usize>;
    /// Writes.
    fn write(&self, from: &[u8]) -> Io<usize>;
    /// Goes to another place.
    fn seek(&self, offset: i64, from: From) -> Io<i64>;
    /// Whether a read, and whether a write, would not be [`Io::Again`].
    fn ready(&self) -> (bool, bool);
    /// Names and values of its options.
    fn options(&self) -> Vec<(&'static str, Obj)>;
    /// Sets an option; false if it has none of this name that can be set.
    ///
    /// # Errors
    /// What the value has to be.
    fn set_option(&self, name: &str, value: &str) -> std::result::Result<bool, &'static str>;
    /// Ends it. Called again after [`Io::Again`], unless nobody waits for the outcome.
    fn close(&self, how: Close) -> Io<()>;
}
