//! An object as a channel to read: chunks are fetched ahead of the script, from wherever it goes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use bytes::{Buf, Bytes};

use super::info::info_dict;
use crate::bridge::errors::to_tcl;
use crate::client::object::{Download, Entry, Index, Store};
use crate::client::{Fault, Slot, Task};
use crate::engine::Message;
use crate::tcl::driver::{Close, Driver, From, Io, Notifier};
use crate::tcl::{Home, Obj};

/// Number of bytes that are fetched ahead.
const AHEAD: usize = 256 << 10;

/// An object that is read.
pub(super) struct Reader {
    store: Rc<Store>,
    entry: Entry,
    ms: i64,
    home: Rc<Home>,
    notifier: Notifier,
    queue: RefCell<VecDeque<Bytes>>,
    /// Bytes in the queue.
    ahead: Cell<usize>,
    /// Place of the next byte.
    at: Cell<u64>,
    /// How it ends, once everything before is in the queue.
    end: RefCell<Option<Result<(), Fault>>>,
    /// Told when the queue has become shorter.
    room: Rc<Slot<()>>,
    task: RefCell<Option<Rc<Task>>>,
    index: RefCell<Option<Rc<Index>>>,
}

impl Reader {
    /// An object whose chunks are asked for.
    pub(super) fn new(download: Download, ms: i64, home: &Rc<Home>, notifier: Notifier) -> Rc<Reader> {
        let reader = Rc::new(Reader {
            store: Rc::clone(download.store()),
            entry: download.entry().clone(),
            ms,
            home: Rc::clone(home),
            notifier,
            queue: RefCell::default(),
            ahead: Cell::new(0),
            at: Cell::new(0),
            end: RefCell::default(),
            room: Slot::new(),
            task: RefCell::default(),
            index: RefCell::default(),
        });
        let work = Reader::follow(Rc::downgrade(&reader), Rc::clone(&reader.room), download);
        let task = Task::spawn(work, Box::new(|()| ()));
        reader.task.replace(Some(task));
        reader
    }

    /// Fetches all chunks in order.
    async fn follow(reader: Weak<Reader>, room: Rc<Slot<()>>, mut download: Download) {
        loop {
            let outcome = download.next().await;
            let Some(reader) = reader.upgrade() else { return };
            match outcome {
                Ok(Some(chunk)) => reader.push(Bytes::from_owner(Payload(chunk))),
                Ok(None) => return reader.ends(Ok(())),
                Err(fault) => return reader.ends(Err(fault)),
            }
            let full = reader.ahead.get() >= AHEAD;
            drop(reader);
            if full {
                room.next().await;
            }
        }
    }

    /// Fetches chunks from a place on, each by its sequence.
    async fn jump(reader: Weak<Reader>, room: Rc<Slot<()>>, mut at: u64) {
        loop {
            let Some(here) = reader.upgrade() else { return };
            let (store, entry, ms) = (Rc::clone(&here.store), here.entry.clone(), here.ms);
            let known = here.index.borrow().clone();
            drop(here);
            let index = match known {
                Some(index) => index,
                None => match Index::of(&store, &entry, ms).await {
                    Ok(index) => Rc::new(index),
                    Err(fault) => {
                        if let Some(reader) = reader.upgrade() {
                            reader.ends(Err(fault));
                        }
                        return;
                    }
                },
            };
            let outcome = match index.find(at) {
                None => None,
                Some((sequence, offset)) => Some(store.chunk(&entry, sequence, ms).await.map(|mut chunk| {
                    chunk.advance(chunk.len().min(offset as usize));
                    chunk
                })),
            };
            let Some(here) = reader.upgrade() else { return };
            here.index.replace(Some(index));
            match outcome {
                None => return here.ends(Ok(())),
                Some(Err(fault)) => return here.ends(Err(fault)),
                Some(Ok(chunk)) => {
                    at += chunk.len() as u64;
                    here.push(chunk);
                }
            }
            let full = here.ahead.get() >= AHEAD;
            drop(here);
            if full {
                room.next().await;
            }
        }
    }

    fn push(&self, chunk: Bytes) {
        self.ahead.set(self.ahead.get() + chunk.len());
        self.queue.borrow_mut().push_back(chunk);
        self.notifier.wake();
    }

    fn ends(&self, how: Result<(), Fault>) {
        self.end.replace(Some(how));
        self.notifier.wake();
    }
}

/// The payload of a chunk, where it is.
struct Payload(Message);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload()
    }
}

impl Driver for SharedReader {
    fn read(&self, into: &mut [u8]) -> Io<usize> {
        let reader = &self.0;
        let mut queue = reader.queue.borrow_mut();
        let mut count = 0;
        while count < into.len() {
            let Some(chunk) = queue.front_mut() else { break };
            let part = chunk.len().min(into.len() - count);
            chunk.copy_to_slice(&mut into[count..count + part]);
            count += part;
            if chunk.is_empty() {
                queue.pop_front();
            }
        }
        drop(queue);
        if count > 0 {
            let before = reader.ahead.get();
            reader.ahead.set(before - count);
            reader.at.set(reader.at.get() + count as u64);
            if before >= AHEAD && before - count < AHEAD {
                reader.room.push(());
            }
            return Io::Done(count);
        }
        match &*reader.end.borrow() {
            None => Io::Again,
            Some(Ok(())) => Io::Done(0),
            Some(Err(fault)) => match reader.home.live() {
                Some(kept) => Io::Failed(to_tcl(kept.interp(), fault.clone())),
                None => Io::Errno(libc::ECONNABORTED),
            },
        }
    }

    fn write(&self, _from: &[u8]) -> Io<usize> {
        Io::Errno(libc::EBADF)
    }

    fn seek(&self, offset: i64, from: From) -> Io<i64> {
        let reader = &self.0;
        let base = match from {
            From::Start => 0,
            From::Current => reader.at.get() as i64,
            From::End => reader.entry.meta.size() as i64,
        };
        let Some(at) = base.checked_add(offset).and_then(|at| u64::try_from(at).ok()) else { return Io::Errno(libc::EINVAL) };
        if at != reader.at.get() {
            let task = reader.task.take();
            if let Some(task) = task {
                task.cancel();
            }
            reader.queue.borrow_mut().clear();
            reader.ahead.set(0);
            reader.end.replace(None);
            reader.at.set(at);
            let work = Reader::jump(Rc::downgrade(reader), Rc::clone(&reader.room), at);
            let task = Task::spawn(work, Box::new(|()| ()));
            reader.task.replace(Some(task));
        }
        Io::Done(at as i64)
    }

    fn ready(&self) -> (bool, bool) {
        (self.0.ahead.get() > 0 || self.0.end.borrow().is_some(), false)
    }

    fn options(&self) -> Vec<(&'static str, Obj)> {
        vec![("info", info_dict(&self.0.store.bucket, &self.0.entry))]
    }

    fn set_option(&self, _name: &str, _value: &str) -> Result<bool, &'static str> {
        Ok(false)
    }

    fn close(&self, _how: Close) -> Io<()> {
        let task = self.0.task.take();
        if let Some(task) = task {
            task.cancel();
        }
        Io::Done(())
    }
}

/// The channel's share in a reader; its task has the other one.
pub(super) struct SharedReader(pub(super) Rc<Reader>);
