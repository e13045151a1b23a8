//! An object as a channel to write: what the script writes is sent at once, the object shows up when the channel is closed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;

use crate::bridge::errors::to_tcl;
use crate::client::object::Upload;
use crate::client::{Fault, Slot, Task};
use crate::tcl::driver::{Close, Driver, From, Io, Notifier};
use crate::tcl::{Home, Obj};

/// Number of bytes that wait to be sent before the channel takes no more.
const WAITING: usize = 1 << 20;

/// What is to be done next.
enum Job {
    Send(Bytes),
    Finish,
}

/// An object that is written.
pub(super) struct Writer {
    home: Rc<Home>,
    notifier: Notifier,
    jobs: Rc<Slot<Job>>,
    /// Bytes that wait to be sent.
    waiting: Cell<usize>,
    /// How it ended.
    outcome: RefCell<Option<Result<(), Fault>>>,
    /// Everything is to be thrown away.
    aborted: Cell<bool>,
    /// The channel is being closed.
    closing: Cell<bool>,
    /// Nobody waits for the outcome.
    alone: Cell<bool>,
    task: RefCell<Option<Rc<Task>>>,
}

impl Writer {
    /// An object of which nothing is written yet.
    pub(super) fn new(upload: Upload, home: &Rc<Home>, notifier: Notifier) -> Rc<Writer> {
        let writer = Rc::new(Writer {
            home: Rc::clone(home),
            notifier,
            jobs: Slot::new(),
            waiting: Cell::new(0),
            outcome: RefCell::default(),
            aborted: Cell::new(false),
            closing: Cell::new(false),
            alone: Cell::new(false),
            task: RefCell::default(),
        });
        let task = Task::spawn(Writer::send(Rc::clone(&writer), upload), Box::new(|()| ()));
        writer.task.replace(Some(task));
        writer
    }

    async fn send(writer: Rc<Writer>, mut upload: Upload) {
        loop {
            let outcome = match writer.jobs.next().await {
                Job::Finish => Some(upload.finish().await.map(|_| ())),
                Job::Send(bytes) => {
                    let count = bytes.len();
                    let sent = upload.write(bytes).await;
                    writer.waiting.set(writer.waiting.get() - count);
                    match sent {
                        Ok(()) => {
                            writer.notifier.wake();
                            continue;
                        }
                        Err(fault) => {
                            drop(upload);
                            Some(Err(fault))
                        }
                    }
                }
            };
            return writer.ends(outcome.unwrap_or(Ok(())));
        }
    }

    fn ends(&self, outcome: Result<(), Fault>) {
        if self.alone.get()
            && let (Err(fault), Some(kept)) = (&outcome, self.home.live())
        {
            kept.interp().background_error(&to_tcl(kept.interp(), fault.clone()));
        }
        self.outcome.replace(Some(outcome));
        self.notifier.wake();
    }

    /// Throws everything away, as the script wants it.
    fn abort(&self) {
        self.aborted.set(true);
        self.give_up();
    }

    /// Throws everything away; what is written after this, and the close, fail.
    pub(super) fn give_up(&self) {
        let task = self.task.take();
        if let Some(task) = task {
            task.cancel();
            if self.outcome.borrow().is_none() {
                self.outcome.replace(Some(Err(Fault::Closed)));
            }
        }
        self.notifier.wake();
    }

    fn failed<T>(&self, fault: &Fault) -> Io<T> {
        match self.home.live() {
            Some(kept) => Io::Failed(to_tcl(kept.interp(), fault.clone())),
            None => Io::Errno(libc::ECONNABORTED),
        }
    }
}

/// The channel's share in a writer; its task has the other one.
pub(super) struct SharedWriter(pub(super) Rc<Writer>);

impl Driver for SharedWriter {
    fn read(&self, _into: &mut [u8]) -> Io<usize> {
        Io::Errno(libc::EBADF)
    }

    fn write(&self, from: &[u8]) -> Io<usize> {
        let writer = &self.0;
        if writer.aborted.get() {
            return Io::Done(from.len());
        }
        if let Some(Err(fault)) = &*writer.outcome.borrow() {
            return writer.failed(fault);
        }
        if writer.waiting.get() >= WAITING {
            return Io::Again;
        }
        writer.waiting.set(writer.waiting.get() + from.len());
        writer.jobs.push(Job::Send(Bytes::copy_from_slice(from)));
        Io::Done(from.len())
    }

    fn seek(&self, _offset: i64, _from: From) -> Io<i64> {
        Io::Errno(libc::EINVAL)
    }

    fn ready(&self) -> (bool, bool) {
        (false, self.0.waiting.get() < WAITING || self.0.outcome.borrow().is_some())
    }

    fn options(&self) -> Vec<(&'static str, Obj)> {
        vec![("abort", Obj::bool(self.0.aborted.get()))]
    }

    fn set_option(&self, name: &str, value: &str) -> Result<bool, &'static str> {
        if name != "abort" {
            return Ok(false);
        }
        if Obj::text(value).as_bool().ok_or("boolean value")? {
            self.0.abort();
        }
        Ok(true)
    }

    fn close(&self, how: Close) -> Io<()> {
        let writer = &self.0;
        if writer.aborted.get() {
            return Io::Done(());
        }
        if how == Close::Abandoned {
            writer.give_up();
            return if matches!(&*writer.outcome.borrow(), Some(Ok(()))) { Io::Done(()) } else { Io::Errno(libc::ECONNABORTED) };
        }
        if !writer.closing.replace(true) && writer.outcome.borrow().is_none() {
            writer.jobs.push(Job::Finish);
        }
        match &*writer.outcome.borrow() {
            None => {
                writer.alone.set(how == Close::Unattended);
                Io::Again
            }
            Some(Ok(())) => Io::Done(()),
            Some(Err(fault)) => writer.failed(fault),
        }
    }
}
