//! The end of a connection while an object is on its way: its chunks go, unless its meta may be stored.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::batched::Batched;
use super::store::{Latest, Store};
use crate::client::api::read;
use crate::client::calling::timeout;
use crate::client::conn::Parting;
use crate::client::fault::Fault;
use crate::client::stored::{Stored, stored};
use crate::engine::{Counted, Message, Outcome, Repeat, Sink, Subject};
use crate::rules::object::chunk_subject;
use crate::rules::object_meta::Meta;

/// Time in ms after which an answer is of no use any more.
const LATE: i64 = 2000;

/// Where a meta is of which it is not known whether it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// There is none.
    Nowhere,
    /// In the batch.
    Batched,
    /// It was sent by itself.
    Alone,
}

/// What an object has on its server when the connection is closed before it is known to be stored.
pub(super) struct Remains {
    store: Rc<Store>,
    name: String,
    nuid: String,
    subject: Subject,
    batch: Option<Batched>,
    meta: Cell<Pending>,
    /// Chunks of the object that it replaces.
    former: RefCell<Option<String>>,
    /// Number of questions asked.
    asked: Cell<u32>,
    /// Answer to the last one, noted on the I/O thread: while a connection is closed the Tcl thread handles no events.
    answer: Arc<Mutex<Option<Message>>>,
    /// Nuid of what the name stands for, once that is answered.
    found: RefCell<Option<String>>,
}

impl Remains {
    /// Nothing is sent yet.
    pub(super) fn new(store: &Rc<Store>, name: &str, nuid: &str, subject: &Subject, batch: Option<&Batched>) -> Remains {
        Remains {
            store: Rc::clone(store),
            name: name.to_string(),
            nuid: nuid.to_string(),
            subject: subject.clone(),
            batch: batch.cloned(),
            meta: Cell::new(Pending::Nowhere),
            former: RefCell::default(),
            asked: Cell::new(0),
            answer: Arc::default(),
            found: RefCell::default(),
        }
    }

    /// The meta is sent: it replaces this.
    pub(super) fn sent(&self, how: Pending, before: &Latest) {
        let former = before.entry.as_ref().filter(|entry| entry.meta.has_chunks() && entry.meta.chunks() > 0);
        self.former.replace(former.map(|entry| entry.meta.nuid().to_string()));
        self.meta.set(how);
    }

    /// It is known what became of the meta.
    pub(super) fn settled(&self) {
        self.meta.set(Pending::Nowhere);
    }

    /// Whether a meta was sent of which nothing is known.
    pub(super) fn is_unsure(&self) -> bool {
        self.meta.get() != Pending::Nowhere
    }

    /// Whether the meta may be stored.
    fn may_be_stored(&self) -> bool {
        match (self.meta.get(), &self.batch) {
            (Pending::Nowhere, _) => false,
            (Pending::Batched, Some(batch)) => !batch.has_failed(),
            (Pending::Batched, None) | (Pending::Alone, _) => true,
        }
    }

    /// The connection is closed by its owner; true if something is asked whose answer counts.
    pub(super) fn part(&self, moment: Parting) -> bool {
        match moment {
            Parting::Near => {
                if let Some(batch) = &self.batch {
                    batch.end_soon();
                }
                self.asked.set(0);
                self.found.replace(None);
                self.may_be_stored() && self.ask()
            }
            Parting::Asking => self.may_be_stored() && self.ask(),
            Parting::Now => {
                self.clean();
                false
            }
        }
    }

    /// Asks what [`Store::caught_up`] and [`Store::nuid_of`] ask, one after the other as far as there are answers; false at the end.
    fn ask(&self) -> bool {
        let answer = lock(&self.answer).take();
        let store = &self.store;
        let removal = store.removal(&chunk_subject(&store.bucket, nuid::next().as_str()), None);
        let look = store.last_of(&self.name);
        let reply_to = |(rest, _): &(String, String)| answer.as_ref().map(|message| read(rest, message));
        let question = match self.asked.get() {
            0 => store.refused(&self.subject),
            1 if answer.is_some() => store.request(removal),
            2 if matches!(reply_to(&removal), Some(Ok(_))) => store.request(look),
            3 => {
                if let Some(reply) = reply_to(&look) {
                    self.found.replace(reply.and_then(|reply| stored(&reply)).map_or_else(nothing, |stored| nuid_in(&stored)));
                }
                return false;
            }
            _ => return false,
        };
        let note = Arc::clone(&self.answer);
        let sink: Sink = Arc::new(move |settled| {
            if let Outcome::Reply(message) = settled.outcome {
                *lock(&note) = Some(message.clone());
            }
            false
        });
        let engine = store.api.client.engine();
        let counted = Counted { owner: engine.new_owner(), number: 0, size: 0, sink };
        let once = Repeat { times: Some(0), wait: Duration::ZERO, at_timeout: false };
        self.asked.set(self.asked.get() + 1);
        engine.request_counted(question, timeout(LATE), once, counted).is_ok()
    }

    /// Has the chunks removed that belong to nothing: those of the object, or those of the one that it has replaced. Where it is not
    /// known which these are, none: chunks that nobody needs are better than an object without chunks.
    fn clean(&self) {
        let needless = match &*self.found.borrow() {
            _ if !self.may_be_stored() => Some(self.nuid.clone()),
            Some(found) if *found == self.nuid => self.former.take(),
            Some(_) => Some(self.nuid.clone()),
            None => None,
        };
        if let Some(nuid) = needless {
            self.store.purge_soon(&nuid);
        }
    }
}

/// What a name stands for by the reply that it stands for nothing, in place of a nuid; `None` if that is not what it says.
fn nothing(fault: Fault) -> Option<String> {
    fault.is_no_message().then(String::new)
}

/// The nuid of a meta; none in place of one that cannot be read.
fn nuid_in(stored: &Stored) -> Option<String> {
    Some(Meta::parse(&stored.data).map(|meta| meta.nuid().to_string()).unwrap_or_default())
}

fn lock(note: &Mutex<Option<Message>>) -> MutexGuard<'_, Option<Message>> {
    note.lock().unwrap_or_else(PoisonError::into_inner)
}
