//! Channels whose content comes from here (CrtChannel(3)).
//!
//! A driver says what it can do now; that a blocking channel waits, and that a script is told when there is something to do, is
//! done here. A blocking channel waits in the event loop: nothing can be yielded from inside Tcl's own commands.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::rc::{Rc, Weak};
use std::slice;
use std::sync::OnceLock;
use std::thread::{self, ThreadId};

use super::event::{after_others, do_one_event};
use super::interp::{Home, Interp};
pub use super::io::{Close, Driver, From, Io};
use super::obj::Obj;
use super::script::note_script;
use super::slots::stub;
use super::sys;
use super::trampoline::guarded;

struct Instance {
    driver: Rc<dyn Driver>,
    home: Rc<Home>,
    /// Its own thread. The driver is used in no other one.
    thread: ThreadId,
    /// Null once it is closed.
    channel: Cell<sys::Tcl_Channel>,
    /// What the script wants to be told.
    watched: Cell<c_int>,
    blocking: Cell<bool>,
    scheduled: Cell<bool>,
    /// Number of the latest read or seek.
    turn: Cell<u64>,
    /// A write is at work.
    writes: Cell<bool>,
}

/// Tells a channel that its driver can do something.
pub struct Notifier(Weak<Instance>);

impl Notifier {
    /// The driver can do something now.
    pub fn wake(&self) {
        if let Some(instance) = self.0.upgrade() {
            instance.pump();
        }
    }
}

const READABLE: c_int = sys::TCL_READABLE as c_int;
const WRITABLE: c_int = sys::TCL_WRITABLE as c_int;

impl Instance {
    /// What the script wants to be told and is so.
    fn due(&self) -> c_int {
        if self.channel.get().is_null() || self.watched.get() == 0 {
            return 0;
        }
        let (read, write) = self.driver.ready();
        self.watched.get() & (if read { READABLE } else { 0 } | if write { WRITABLE } else { 0 })
    }

    /// Tells the script, in an event of its own, as long as there is something to tell.
    fn pump(self: &Rc<Self>) {
        // Blocking waits look for it themselves.
        note_script();
        if self.due() == 0 || self.scheduled.replace(true) {
            return;
        }
        let instance = Rc::clone(self);
        after_others(Box::new(move || {
            instance.scheduled.set(false);
            let due = instance.due();
            if due != 0 {
                note_script();
                // SAFETY: not closed, since that clears the channel.
                unsafe { stub!(tcl_NotifyChannel(instance.channel.get(), due)) };
            }
            instance.pump();
        }));
    }

    /// Repeats an operation until it is done, where the channel blocks.
    fn until<T>(&self, blocking: bool, mut run: impl FnMut() -> Io<T>) -> Io<T> {
        loop {
            match run() {
                Io::Again if blocking => {}
                other => return other,
            }
            let Some(kept) = self.home.live() else { return Io::Errno(libc::ECONNABORTED) };
            if kept.interp().interrupted() {
                return Io::Errno(libc::EINTR);
            }
            do_one_event();
        }
    }

    /// As `until`, of an open channel: the events for which a blocking one waits may close it.
    fn while_open<T>(&self, blocking: bool, mut run: impl FnMut() -> Io<T>) -> Io<T> {
        self.until(blocking, || if self.channel.get().is_null() { Io::Errno(libc::EBADF) } else { run() })
    }

    /// A read or a seek. One for which others waited, further out, ends those: Tcl has given up the buffers that they fill.
    fn latest<T>(&self, blocking: bool, mut run: impl FnMut() -> Io<T>) -> Io<T> {
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        self.while_open(blocking, || if self.turn.get() == turn { run() } else { Io::Errno(libc::EBUSY) })
    }

    /// A write. While it waits there is no other one: Tcl would begin anew with the same buffer, but keeps it for later if told to.
    fn alone<T>(&self, blocking: bool, run: impl FnMut() -> Io<T>) -> Io<T> {
        if self.writes.replace(true) {
            return Io::Again;
        }
        let outcome = self.while_open(blocking, run);
        self.writes.set(false);
        outcome
    }

    /// Outcome as the C API wants it: -1 and an error.
    fn settle(&self, outcome: Io<i64>, errno: *mut c_int) -> i64 {
        let code = match outcome {
            Io::Done(number) => return number,
            Io::Again => libc::EAGAIN,
            Io::Errno(code) => code,
            Io::Failed(error) => {
                if !self.channel.get().is_null() {
                    // SAFETY: live channel and value.
                    unsafe { stub!(tcl_SetChannelError(self.channel.get(), error.channel_words().as_ptr())) };
                }
                // All that `chan copy` tells.
                libc::EIO
            }
        };
        // SAFETY: Tcl gives a place for the error.
        unsafe { *errno = code };
        -1
    }
}

/// Makes a channel of this name, binary at first, in the interpreter. `make` gets what tells the channel that the driver can do
/// something.
pub fn open(interp: Interp, name: &str, readable: bool, make: impl FnOnce(Notifier) -> Rc<dyn Driver>) -> Obj {
    let text = CString::new(name).unwrap_or_default();
    let instance = Rc::new_cyclic(|instance| Instance {
        driver: make(Notifier(Weak::clone(instance))),
        home: Home::new(interp),
        thread: thread::current().id(),
        channel: Cell::new(std::ptr::null_mut()),
        watched: Cell::new(0),
        blocking: Cell::new(true),
        scheduled: Cell::new(false),
        turn: Cell::new(0),
        writes: Cell::new(false),
    });
    let mask = if readable { READABLE } else { WRITABLE };
    let data: *const Instance = Rc::into_raw(Rc::clone(&instance));
    // SAFETY: the type is static; the reference given as data is taken back by `close`. Live interpreter, C strings.
    unsafe {
        let channel = stub!(tcl_CreateChannel(channel_type(), text.as_ptr(), data.cast_mut().cast(), mask));
        instance.channel.set(channel);
        stub!(tcl_RegisterChannel(interp.as_ptr(), channel));
        stub!(tcl_SetChannelOption(interp.as_ptr(), channel, c"-translation".as_ptr(), c"binary".as_ptr()));
    }
    Obj::text(name)
}

fn channel_type() -> *const sys::Tcl_ChannelType {
    struct Table(sys::Tcl_ChannelType);
    // SAFETY: the table is constant data.
    unsafe impl Send for Table {}
    // SAFETY: the table is constant data.
    unsafe impl Sync for Table {}
    static TYPE: OnceLock<Table> = OnceLock::new();
    let table = TYPE.get_or_init(|| {
        // SAFETY: null pointers and absent functions.
        let mut table: sys::Tcl_ChannelType = unsafe { std::mem::zeroed() };
        table.typeName = c"native".as_ptr();
        table.version = std::ptr::without_provenance_mut(5);
        // Older ones ask for `close2Proc` by a function at the address 1, and for a place only where there is a `seekProc`.
        #[cfg(not(tcl9))]
        {
            // SAFETY: Tcl compares the address and does not call it.
            table.closeProc = unsafe { std::mem::transmute::<usize, sys::Tcl_DriverCloseProc>(1) };
            table.seekProc = Some(seek_short);
        }
        table.inputProc = Some(input);
        table.outputProc = Some(output);
        table.setOptionProc = Some(set_option);
        table.getOptionProc = Some(get_option);
        table.watchProc = Some(watch);
        table.close2Proc = Some(close);
        table.blockModeProc = Some(block_mode);
        table.wideSeekProc = Some(seek);
        table.threadActionProc = Some(thread_action);
        Table(table)
    });
    &table.0
}

/// The channel's instance, kept over the call; `None` in another thread than its own.
///
/// # Safety
/// `data` is that of `open`, and the channel is not closed.
unsafe fn instance(data: *mut c_void) -> Option<Rc<Instance>> {
    let data: *const Instance = data.cast();
    // SAFETY: live by the caller's promise. The thread's number may be read anywhere, the count of references only in it.
    unsafe {
        if (*data).thread != thread::current().id() {
            return None;
        }
        Rc::increment_strong_count(data);
        Some(Rc::from_raw(data))
    }
}

unsafe extern "C" fn input(data: *mut c_void, into: *mut c_char, most: c_int, errno: *mut c_int) -> c_int {
    guarded(-1, || {
        // SAFETY: Tcl hands over our data, and memory of this length.
        let (instance, into) = unsafe { (instance(data), slice::from_raw_parts_mut(into.cast::<u8>(), most.max(0) as usize)) };
        let Some(instance) = instance else { return foreign(errno) };
        let outcome = instance.latest(instance.blocking.get(), || match instance.driver.read(into) {
            Io::Done(count) => Io::Done(count as i64),
            other => other.retyped(),
        });
        instance.settle(outcome, errno) as c_int
    })
}

unsafe extern "C" fn output(data: *mut c_void, from: *const c_char, count: c_int, errno: *mut c_int) -> c_int {
    guarded(-1, || {
        // SAFETY: Tcl hands over our data, and bytes of this number.
        let (instance, from) = unsafe { (instance(data), slice::from_raw_parts(from.cast::<u8>(), count.max(0) as usize)) };
        let Some(instance) = instance else { return foreign(errno) };
        let outcome = instance.alone(instance.blocking.get(), || match instance.driver.write(from) {
            Io::Done(count) => Io::Done(count as i64),
            other => other.retyped(),
        });
        instance.settle(outcome, errno) as c_int
    })
}

/// In another thread nothing can be done.
fn foreign(errno: *mut c_int) -> c_int {
    // SAFETY: Tcl gives a place for the error.
    unsafe { *errno = libc::EINVAL };
    -1
}

unsafe extern "C" fn seek(data: *mut c_void, offset: sys::Tcl_WideInt, mode: c_int, errno: *mut c_int) -> sys::Tcl_WideInt {
    guarded(-1, || {
        // SAFETY: Tcl hands over our data.
        let Some(instance) = (unsafe { instance(data) }) else { return foreign(errno).into() };
        let from = match mode {
            libc::SEEK_SET => From::Start,
            libc::SEEK_CUR => From::Current,
            _ => From::End,
        };
        #[allow(clippy::useless_conversion)]
        let outcome = match (offset, from) {
            // It is only asked where it is.
            (0, From::Current) => instance.while_open(true, || instance.driver.seek(0, from)),
            _ => instance.latest(true, || instance.driver.seek(offset.into(), from)),
        };
        #[allow(clippy::useless_conversion)]
        instance.settle(outcome, errno).into()
    })
}

#[cfg(not(tcl9))]
unsafe extern "C" fn seek_short(data: *mut c_void, offset: std::os::raw::c_long, mode: c_int, errno: *mut c_int) -> c_int {
    // SAFETY: as Tcl calls it.
    unsafe { seek(data, offset as sys::Tcl_WideInt, mode, errno) as c_int }
}

unsafe extern "C" fn set_option(
    data: *mut c_void,
    interp: *mut sys::Tcl_Interp,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    guarded(sys::ERROR, || {
        // SAFETY: Tcl hands over our data and C strings.
        unsafe {
            let Some(instance) = instance(data) else { return sys::ERROR };
            let (word, value) = (CStr::from_ptr(name).to_string_lossy(), CStr::from_ptr(value).to_string_lossy());
            match instance.driver.set_option(word.trim_start_matches('-'), &value) {
                Ok(true) => sys::OK,
                Ok(false) => bad_option(&instance, interp, name),
                Err(wanted) => {
                    if !interp.is_null() {
                        let text = Obj::text(&format!("expected {wanted} but got \"{value}\""));
                        stub!(tcl_SetObjResult(interp, text.as_ptr()));
                    }
                    sys::ERROR
                }
            }
        }
    })
}

/// Tcl's own error for an option that does not exist.
unsafe fn bad_option(instance: &Instance, interp: *mut sys::Tcl_Interp, name: *const c_char) -> c_int {
    let names: Vec<&str> = instance.driver.options().iter().map(|(name, _)| *name).collect();
    let names = CString::new(names.join(" ")).unwrap_or_default();
    // SAFETY: live or null interpreter, C strings.
    unsafe { stub!(tcl_BadChannelOption(interp, name, names.as_ptr())) }
}

unsafe extern "C" fn get_option(
    data: *mut c_void,
    interp: *mut sys::Tcl_Interp,
    name: *const c_char,
    into: *mut sys::Tcl_DString,
) -> c_int {
    guarded(sys::ERROR, || {
        // SAFETY: Tcl hands over our data, a name or null, and an initialised string.
        unsafe {
            let Some(instance) = instance(data) else { return sys::ERROR };
            let text = |value: &Obj| CString::new(value.raw_str()).unwrap_or_default();
            if name.is_null() {
                for (name, value) in instance.driver.options() {
                    let name = CString::new(format!("-{name}")).unwrap_or_default();
                    stub!(tcl_DStringAppendElement(into, name.as_ptr()));
                    stub!(tcl_DStringAppendElement(into, text(&value).as_ptr()));
                }
                return sys::OK;
            }
            let word = CStr::from_ptr(name).to_string_lossy();
            let word = word.trim_start_matches('-');
            match instance.driver.options().iter().find(|(known, _)| *known == word) {
                Some((_, value)) => {
                    stub!(tcl_DStringAppend(into, text(value).as_ptr(), -1));
                    sys::OK
                }
                None => bad_option(&instance, interp, name),
            }
        }
    })
}

unsafe extern "C" fn watch(data: *mut c_void, mask: c_int) {
    guarded((), || {
        // SAFETY: Tcl hands over our data.
        if let Some(instance) = unsafe { instance(data) } {
            instance.watched.set(mask);
            instance.pump();
        }
    });
}

unsafe extern "C" fn block_mode(data: *mut c_void, mode: c_int) -> c_int {
    guarded(0, || {
        // SAFETY: Tcl hands over our data.
        if let Some(instance) = unsafe { instance(data) } {
            instance.blocking.set(mode == 0);
        }
        0
    })
}

/// A channel that goes to another thread is of no use there.
unsafe extern "C" fn thread_action(_data: *mut c_void, _action: c_int) {}

unsafe extern "C" fn close(data: *mut c_void, interp: *mut sys::Tcl_Interp, flags: c_int) -> c_int {
    if flags & (sys::TCL_CLOSE_READ | sys::TCL_CLOSE_WRITE) as c_int != 0 {
        // There are no halves.
        return libc::EINVAL;
    }
    guarded(libc::EINVAL, || {
        // SAFETY: Tcl hands over our data, for the last time. In another thread it stays for ever: it must not be touched there.
        let Some(instance) = (unsafe { instance(data) }) else { return 0 };
        instance.watched.set(0);
        instance.channel.set(std::ptr::null_mut());
        // SAFETY: the reference that was given to Tcl.
        drop(unsafe { Rc::from_raw(data.cast::<Instance>().cast_const()) });
        // The interpreter that ends may be another one, which the channel has been given to.
        // SAFETY: null or what Tcl hands over, which is there for the call.
        let live = instance.home.live().is_some() && (interp.is_null() || unsafe { stub!(tcl_InterpDeleted(interp)) } == 0);
        // A channel that does not block is closed when Tcl has handed over the last of it, for nobody in particular.
        let how = match (live, interp.is_null()) {
            (false, _) => Close::Abandoned,
            (true, true) => Close::Unattended,
            (true, false) => Close::Wanted,
        };
        match instance.until(how == Close::Wanted, || instance.driver.close(how)) {
            Io::Done(()) | Io::Again => 0,
            Io::Errno(code) => code,
            Io::Failed(error) => {
                if !interp.is_null() {
                    // SAFETY: live interpreter and value.
                    unsafe { stub!(tcl_SetChannelErrorInterp(interp, error.channel_words().as_ptr())) };
                }
                libc::EINVAL
            }
        }
    })
}
