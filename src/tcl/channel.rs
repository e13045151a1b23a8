//! Channels of scripts, read and written from here (OpenFileChnl(3), CrtChnlHdlr(3)).

use std::ffi::CString;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;

use super::error::{Error, Result};
use super::interp::Interp;
use super::lent::none_lent;
use super::obj::Obj;
use super::script::note_script;
use super::slots::stub;
use super::sys::{self, Size};
use super::trampoline::guarded;

/// Direction in which a channel is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is read.
    Read,
    /// It is written.
    Write,
}

impl Use {
    fn mask(self) -> c_int {
        match self {
            Use::Read => sys::TCL_READABLE as c_int,
            Use::Write => sys::TCL_WRITABLE as c_int,
        }
    }
}

/// What a read gave.
pub enum Piece {
    /// Characters, bytes where the channel is binary.
    Data(Obj),
    /// Nothing is there yet.
    Blocked,
    /// The end.
    End,
    /// It failed.
    Failed(Failure),
}

/// Why a channel failed.
pub enum Failure {
    /// An error of the system.
    System(c_int),
    /// An error that whoever serves the channel has put into words.
    Told(Error),
}

/// A channel, which stays while this exists, even if the script closes it.
pub struct Channel(sys::Tcl_Channel);

impl Channel {
    /// The channel of a name, if it is open for this use.
    ///
    /// # Errors
    /// Those of Tcl's own commands.
    pub fn find(interp: Interp, name: &Obj, wanted: Use) -> Result<Channel> {
        none_lent();
        let text = CString::new(name.to_text()).unwrap_or_default();
        let mut mode: c_int = 0;
        // SAFETY: live interpreter and C string; a channel that is found gets a reference of ours at once.
        let channel = unsafe {
            let channel = stub!(tcl_GetChannel(interp.as_ptr(), text.as_ptr(), &mut mode));
            if channel.is_null() {
                return Err(Error::Interp);
            }
            stub!(tcl_RegisterChannel(std::ptr::null_mut(), channel));
            Channel(channel)
        };
        if mode & wanted.mask() == 0 {
            let way = if wanted == Use::Read { "reading" } else { "writing" };
            return Err(Error::new(
                format!("channel \"{}\" wasn't opened for {way}", name.as_text()),
                &["TCL", "VALUE", "CHANNEL"],
            ));
        }
        Ok(channel)
    }

    /// Reads up to so many characters.
    pub fn read(&self, most: usize) -> Piece {
        none_lent();
        // Drivers may run scripts.
        note_script();
        let data = Obj::empty();
        // SAFETY: the channel is kept by our reference; the value is new, so that nobody else refers to it.
        unsafe {
            let count = stub!(tcl_ReadChars(self.0, data.as_ptr(), Size::try_from(most).unwrap_or(Size::MAX), 0));
            if count > 0 {
                Piece::Data(data)
            } else if count < 0 {
                Piece::Failed(self.failure())
            } else if stub!(tcl_Eof(self.0)) != 0 {
                Piece::End
            } else {
                Piece::Blocked
            }
        }
    }

    /// Writes; what the channel cannot take yet is kept by Tcl.
    ///
    /// # Errors
    /// Why it failed.
    pub fn write(&self, data: &Obj) -> std::result::Result<(), Failure> {
        none_lent();
        note_script();
        // SAFETY: the channel is kept by our reference.
        let count = unsafe { stub!(tcl_WriteObj(self.0, data.as_ptr())) };
        if count < 0 { Err(self.failure()) } else { Ok(()) }
    }

    /// Has the channel take what Tcl keeps; one that does not block takes it in the background.
    ///
    /// # Errors
    /// Why it failed.
    pub fn flush(&self) -> std::result::Result<(), Failure> {
        none_lent();
        note_script();
        // SAFETY: the channel is kept by our reference.
        let failed = unsafe { stub!(tcl_Flush(self.0)) } != 0;
        if failed { Err(self.failure()) } else { Ok(()) }
    }

    /// Why the last operation failed. Words that are not fetched would be raised by the next command on the channel.
    fn failure(&self) -> Failure {
        // SAFETY: plain call.
        let errno = unsafe { stub!(tcl_GetErrno()) };
        let mut words = std::ptr::null_mut();
        // SAFETY: the channel is kept by our reference; the reference to the words is the caller's from now on.
        let words = unsafe {
            stub!(tcl_GetChannelError(self.0, &mut words));
            (!words.is_null()).then(|| Obj::adopt(words))
        };
        match words.and_then(|words| words.as_list()) {
            Some(words) => Failure::Told(Error::of_channel_words(&words)),
            None => Failure::System(errno),
        }
    }

    /// Number of bytes that Tcl keeps because the channel has not taken them.
    pub fn kept(&self) -> usize {
        // SAFETY: the channel is kept by our reference.
        unsafe { stub!(tcl_OutputBuffered(self.0)).max(0) as usize }
    }

    /// Calls `run` whenever the channel can be used, until the result is dropped.
    pub fn when_ready(self: &Rc<Self>, wanted: Use, run: Rc<dyn Fn()>) -> Ready {
        let data = Box::into_raw(Box::new(run));
        // SAFETY: withdrawn in drop, before the data is freed.
        unsafe { stub!(tcl_CreateChannelHandler(self.0, wanted.mask(), Some(ready), data.cast())) };
        Ready { channel: Rc::clone(self), data }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // SAFETY: the reference is ours; with the last one Tcl closes the channel.
        unsafe { stub!(tcl_UnregisterChannel(std::ptr::null_mut(), self.0)) };
    }
}

/// A function that is called when a channel can be used.
pub struct Ready {
    channel: Rc<Channel>,
    data: *mut Rc<dyn Fn()>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        // SAFETY: made by `when_ready`; Tcl does not call any more.
        unsafe {
            stub!(tcl_DeleteChannelHandler(self.channel.0, Some(ready), self.data.cast()));
            drop(Box::from_raw(self.data));
        }
    }
}

unsafe extern "C" fn ready(data: *mut c_void, _mask: c_int) {
    // SAFETY: live until the handler is withdrawn. The function may do that: it is kept here.
    let run = unsafe { Rc::clone(&*data.cast::<Rc<dyn Fn()>>()) };
    guarded((), || run());
}
