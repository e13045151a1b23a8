//! Delivery from any thread to a Tcl thread: two lanes, one pending event, a slice of time (docs/architecture.md, "Delivery").

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem::{size_of, take};
use std::os::raw::{c_int, c_void};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::fork;
use super::rhythm::Rhythm;
use super::script::scripts;
use super::slots::stub;
use super::sys;
use super::trampoline::guarded;

/// Number of items for which an empty queue may keep room, so that a flood leaves no memory behind.
const KEPT_ROOM: usize = 4096;

/// An item that a mailbox carries.
pub trait Item: Send + Sized + 'static {
    /// A part of an item that consists of several. Each is handled by an event of its own.
    type Piece;
    /// Takes the next piece off the first item in the lane of messages; the flag says whether it was the last.
    /// `None`: the item is to be handled as it is.
    fn split(&mut self) -> Option<(Self::Piece, bool)>;
}

/// An item as the handler gets it.
pub enum Taken<T: Item> {
    /// An item.
    Whole(T),
    /// A part of one.
    Piece(T::Piece),
}

/// The receiving side, of a Tcl thread.
pub struct Mailbox<T: Item> {
    lanes: Arc<Lanes<T>>,
    local: RefCell<Local<T>>,
    rhythm: Rhythm,
    handler: fn(Taken<T>),
    /// Called when the mailbox is empty.
    idle: fn(),
    /// Process in which it was made ([`fork::generation`]): in a fork of that no lock may be touched.
    born: u32,
    /// Start of the current run of callbacks.
    slice: Cell<Option<Instant>>,
    /// Items since the mailbox was last found empty.
    run: Cell<u32>,
    /// Whether the event source is to queue the next event, because the time of this run is up.
    resting: Cell<bool>,
}

struct Local<T> {
    urgent: VecDeque<T>,
    bulk: VecDeque<T>,
    /// Completions since the last message.
    burst: u32,
}

impl<T> Default for Local<T> {
    fn default() -> Self {
        Local { urgent: VecDeque::new(), bulk: VecDeque::new(), burst: 0 }
    }
}

struct Lanes<T: Item> {
    thread: Thread,
    inner: Mutex<Inner<T>>,
    /// Whether completions wait in `inner`: they must not wait behind a queue of messages.
    pressing: AtomicBool,
    /// Whether something was posted since the owner last looked.
    arrived: AtomicBool,
}

struct Thread(sys::Tcl_ThreadId);
// SAFETY: an opaque name of a thread; Tcl's functions that take it are made for other threads.
unsafe impl Send for Thread {}
// SAFETY: as above.
unsafe impl Sync for Thread {}

struct Inner<T> {
    closed: bool,
    /// Whether an event is queued or the owner is at work, so that no further wake is needed.
    awake: bool,
    /// The event of the next wake, from the owner's allocator: Tcl keeps a cache for each thread that allocates, and would never
    /// free ours.
    spare: Spare,
    urgent: VecDeque<T>,
    bulk: VecDeque<T>,
}

struct Spare(*mut sys::Tcl_Event);
// SAFETY: a block of memory that nobody else knows of.
unsafe impl Send for Spare {}

/// The sending side.
pub struct Sender<T: Item>(Arc<Lanes<T>>);

impl<T: Item> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender(Arc::clone(&self.0))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[repr(C)]
struct Event<T: Item> {
    header: sys::Tcl_Event,
    mailbox: *const Mailbox<T>,
}

impl<T: Item> Sender<T> {
    /// Posts to the lane of completions. Once the owner has closed, the item is dropped.
    pub fn urgent(&self, item: T) {
        self.post(|inner| {
            inner.urgent.push_back(item);
            self.0.pressing.store(true, Ordering::Release);
        });
    }

    /// Posts several to the lane of completions.
    pub fn urgent_all(&self, items: impl IntoIterator<Item = T>) {
        self.post(|inner| {
            inner.urgent.extend(items);
            self.0.pressing.store(true, Ordering::Release);
        });
    }

    /// Posts to the lane of messages.
    pub fn bulk(&self, items: impl IntoIterator<Item = T>) {
        self.post(|inner| inner.bulk.extend(items));
    }

    fn post(&self, add: impl FnOnce(&mut Inner<T>)) {
        let mut inner = locked(&self.0.inner);
        if inner.closed {
            return;
        }
        add(&mut inner);
        self.0.arrived.store(true, Ordering::Release);
        if !inner.awake {
            inner.awake = true;
            let event = std::mem::replace(&mut inner.spare.0, std::ptr::null_mut());
            // SAFETY: under the lock and not closed, so the thread and its notifier are there; Tcl takes over the event.
            unsafe {
                stub!(tcl_ThreadQueueEvent(self.0.thread.0, event, sys::QUEUE_TAIL.into()));
                stub!(tcl_ThreadAlert(self.0.thread.0));
            }
        }
    }
}

unsafe fn new_event<T: Item>(mailbox: *const Mailbox<T>) -> *mut sys::Tcl_Event {
    // SAFETY: Tcl_Alloc never gives null; Tcl frees the event after its procedure.
    unsafe {
        let event = stub!(tcl_Alloc(size_of::<Event<T>>() as _)).cast::<Event<T>>();
        let header = sys::Tcl_Event { proc_: Some(event_proc::<T>), nextPtr: std::ptr::null_mut() };
        event.write(Event { header, mailbox });
        event.cast()
    }
}

impl<T: Item> Mailbox<T> {
    /// A mailbox for the current thread. It lives until [`Mailbox::close`] and is not freed before the thread's end.
    pub fn new(rhythm: Rhythm, handler: fn(Taken<T>), idle: fn()) -> Rc<Mailbox<T>> {
        // SAFETY: plain call.
        let thread = Thread(unsafe { stub!(tcl_GetCurrentThread()) });
        let spare = Spare(std::ptr::null_mut());
        let inner = Inner { closed: false, awake: false, spare, urgent: VecDeque::new(), bulk: VecDeque::new() };
        let lanes = Arc::new(Lanes {
            thread,
            inner: Mutex::new(inner),
            pressing: AtomicBool::new(false),
            arrived: AtomicBool::new(false),
        });
        let mailbox = Rc::new(Mailbox {
            lanes,
            local: RefCell::default(),
            rhythm,
            handler,
            idle,
            born: fork::generation(),
            slice: Cell::new(None),
            run: Cell::new(0),
            resting: Cell::new(false),
        });
        locked(&mailbox.lanes.inner).spare = mailbox.spare();
        let data = Rc::as_ptr(&mailbox).cast_mut().cast();
        // SAFETY: removed in `close`, which the owner calls before it lets go.
        unsafe { stub!(tcl_CreateEventSource(Some(setup::<T>), Some(check::<T>), data)) };
        mailbox
    }

    /// Whether it was made in another process, of which this one is a fork. Then it must not be used.
    pub fn is_foreign(&self) -> bool {
        self.born != fork::generation()
    }

    /// A sending side.
    pub fn sender(&self) -> Sender<T> {
        Sender(Arc::clone(&self.lanes))
    }

    /// Puts an item in front of the lane of messages.
    pub fn unread(&self, item: T) {
        self.local.borrow_mut().bulk.push_front(item);
        self.ensure_event();
    }

    /// Ends delivery: nothing is taken or run any more.
    pub fn close(&self) {
        let mut inner = locked(&self.lanes.inner);
        inner.closed = true;
        let (urgent, bulk) = (take(&mut inner.urgent), take(&mut inner.bulk));
        let spare = std::mem::replace(&mut inner.spare.0, std::ptr::null_mut());
        drop(inner);
        if !spare.is_null() {
            // SAFETY: from Tcl_Alloc, and in nobody's queue.
            unsafe { stub!(tcl_Free(spare.cast())) };
        }
        drop((urgent, bulk, self.local.take()));
        let data: *mut c_void = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: on the owner's thread; `delete_ours` takes only events of this mailbox.
        unsafe {
            stub!(tcl_DeleteEventSource(Some(setup::<T>), Some(check::<T>), data));
            stub!(tcl_DeleteEvents(Some(delete_ours::<T>), data));
        }
    }

    /// Waits without sleeping, until `end` at the latest, for something to come in; other threads get the processor meanwhile.
    pub fn linger(&self, end: Instant) {
        // Resting, it needs the event loop to go on.
        while !self.resting.get() && !self.lanes.arrived.load(Ordering::Acquire) && Instant::now() < end {
            std::thread::yield_now();
        }
    }

    fn spare(&self) -> Spare {
        // SAFETY: on the owner's thread.
        Spare(unsafe { new_event::<T>(self) })
    }

    fn ensure_event(&self) {
        let mut inner = locked(&self.lanes.inner);
        if !inner.closed && !inner.awake {
            inner.awake = true;
            drop(inner);
            self.queue();
        }
    }

    fn queue(&self) {
        // SAFETY: on the owner's thread; Tcl takes over the event.
        unsafe { stub!(tcl_QueueEvent(new_event::<T>(self), sys::QUEUE_TAIL.into())) };
    }

    /// The next item; completions come first, up to a limit. If there is none and `may_sleep`, the mailbox goes to sleep.
    fn next(&self, may_sleep: bool) -> Option<Taken<T>> {
        let mut local = self.local.borrow_mut();
        let local = &mut *local;
        // Senders want the lock of the shared lanes as well: it is taken only if the next item may be there.
        let look = match (local.urgent.is_empty(), local.bulk.is_empty()) {
            (true, empty) => empty || self.lanes.pressing.load(Ordering::Acquire),
            (false, empty) => empty && local.burst >= self.rhythm.burst && self.lanes.arrived.load(Ordering::Acquire),
        };
        if look {
            let mut inner = locked(&self.lanes.inner);
            self.lanes.pressing.store(false, Ordering::Relaxed);
            self.lanes.arrived.store(false, Ordering::Relaxed);
            refill(&mut local.urgent, &mut inner.urgent);
            refill(&mut local.bulk, &mut inner.bulk);
            if may_sleep && local.urgent.is_empty() && local.bulk.is_empty() {
                inner.awake = false;
                if inner.spare.0.is_null() {
                    inner.spare = self.spare();
                }
            }
        }
        let urgent = if local.burst < self.rhythm.burst || local.bulk.is_empty() { local.urgent.pop_front() } else { None };
        local.burst = if urgent.is_some() { local.burst.saturating_add(1) } else { 0 };
        if let Some(item) = urgent {
            return Some(Taken::Whole(item));
        }
        match local.bulk.front_mut()?.split() {
            Some((piece, last)) => {
                if last {
                    local.bulk.pop_front();
                }
                Some(Taken::Piece(piece))
            }
            None => local.bulk.pop_front().map(Taken::Whole),
        }
    }

    fn run_one(&self) {
        let Some(item) = self.next_or_linger() else {
            self.slice.set(None);
            self.run.set(0);
            (self.idle)();
            return;
        };
        self.run.set(self.run.get().saturating_add(1));
        let rest = self.time_is_up();
        if rest {
            self.slice.set(None);
            self.resting.set(true);
        } else {
            // Before the callback: an event loop nested in it goes on with the next item.
            self.queue();
        }
        let before = scripts();
        (self.handler)(item);
        // An item that no script sees needs no event of its own.
        while scripts() == before && !rest && !self.time_is_up() {
            let Some(item) = self.next(false) else { return };
            (self.handler)(item);
        }
    }

    /// After a run of items, more are on their way: waiting a moment costs less than sleeping and being woken.
    fn next_or_linger(&self) -> Option<Taken<T>> {
        if self.run.get() < self.rhythm.long_run {
            return self.next(true);
        }
        if let Some(item) = self.next(false) {
            return Some(item);
        }
        self.linger(Instant::now() + self.rhythm.linger);
        self.next(true)
    }

    fn time_is_up(&self) -> bool {
        let Some(start) = self.slice.get() else {
            self.slice.set(Some(Instant::now()));
            return false;
        };
        start.elapsed() >= self.rhythm.slice
    }
}

/// Appends what came in to what is left here.
fn refill<T>(here: &mut VecDeque<T>, came: &mut VecDeque<T>) {
    if !here.is_empty() {
        here.append(came);
        return;
    }
    if here.capacity() > KEPT_ROOM {
        *here = VecDeque::new();
    }
    std::mem::swap(here, came);
}

unsafe extern "C" fn event_proc<T: Item>(event: *mut sys::Tcl_Event, flags: c_int) -> c_int {
    if flags & sys::TCL_FILE_EVENTS as c_int == 0 {
        return 0;
    }
    // SAFETY: events of a closed mailbox have been deleted; the reference keeps it over a handler that closes it.
    let mailbox = unsafe {
        let mailbox = (*event.cast::<Event<T>>()).mailbox;
        Rc::increment_strong_count(mailbox);
        Rc::from_raw(mailbox)
    };
    if !mailbox.is_foreign() {
        guarded((), || mailbox.run_one());
    }
    1
}

unsafe extern "C" fn setup<T: Item>(data: *mut c_void, flags: c_int) {
    // SAFETY: the source is removed before the mailbox goes.
    let mailbox = unsafe { &*data.cast::<Mailbox<T>>() };
    if flags & sys::TCL_FILE_EVENTS as c_int != 0 && !mailbox.is_foreign() && mailbox.resting.get() {
        let now = sys::Tcl_Time { sec: 0, usec: 0 };
        // SAFETY: plain call.
        unsafe { stub!(tcl_SetMaxBlockTime(&now)) };
    }
}

unsafe extern "C" fn check<T: Item>(data: *mut c_void, flags: c_int) {
    // SAFETY: as in `setup`.
    let mailbox = unsafe { &*data.cast::<Mailbox<T>>() };
    if flags & sys::TCL_FILE_EVENTS as c_int != 0 && !mailbox.is_foreign() && mailbox.resting.replace(false) {
        mailbox.queue();
    }
}

unsafe extern "C" fn delete_ours<T: Item>(event: *mut sys::Tcl_Event, data: *mut c_void) -> c_int {
    // SAFETY: only events with our procedure have our layout.
    unsafe {
        let ours = (*event).proc_.is_some_and(|f| std::ptr::fn_addr_eq(f, event_proc::<T> as unsafe extern "C" fn(_, _) -> _));
        c_int::from(ours && (*event.cast::<Event<T>>()).mailbox.cast::<c_void>() == data.cast_const())
    }
}
