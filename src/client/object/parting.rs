//! The end of a connection while an object is on its way: its chunks go, unless its meta may be stored.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::batched::Batched;
use super::places::{At, Place, Places};
use super::purge::Needless;
use super::store::Store;
use crate::client::api::read;
use crate::client::calling::timeout;
use crate::client::conn::Parting;
use crate::client::stored::stored;
use crate::engine::{Counted, Message, Outcome, Repeat, Sink, Subject};
use crate::rules::object::{chunk_subject, meta_subject};

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
    /// What it replaces.
    before: RefCell<Option<Places>>,
    /// Number of questions asked.
    asked: Cell<u32>,
    /// Answer to the last one, noted on the I/O thread: while a connection is closed the Tcl thread handles no events.
    answer: Arc<Mutex<Option<Message>>>,
    /// What is in the place where the meta is stored, once that is answered.
    found: RefCell<Option<Place>>,
    /// What is in the place of nats.js, likewise, if the meta is stored.
    other: RefCell<Option<Place>>,
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
            before: RefCell::default(),
            asked: Cell::new(0),
            answer: Arc::default(),
            found: RefCell::default(),
            other: RefCell::default(),
        }
    }

    /// The meta is sent: it replaces this.
    pub(super) fn sent(&self, how: Pending, before: &Places) {
        self.before.replace(Some(before.clone()));
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
                self.other.replace(None);
                self.may_be_stored() && self.ask()
            }
            Parting::Asking => self.may_be_stored() && self.ask(),
            Parting::Now => {
                self.clean();
                false
            }
        }
    }

    /// Asks what [`Store::caught_up`], [`Store::settled`] and [`Store::replaced`] ask, one after the other as far as there are answers;
    /// false at the end.
    fn ask(&self) -> bool {
        let answer = lock(&self.answer).take();
        let store = &self.store;
        let removal = store.removal(&chunk_subject(&store.bucket, nuid::next().as_str()), None);
        let own = meta_subject(&store.bucket, &self.name);
        let question = match self.asked.get() {
            0 => store.refused(&self.subject),
            1 if answer.is_some() => store.request(removal),
            2 if answer.as_ref().is_some_and(|message| read(&removal.0, message).is_ok()) => store.request(store.last_at(&own)),
            3 => {
                self.found.replace(self.place(&own, answer));
                match self.before.borrow().as_ref().and_then(Places::latin) {
                    Some(latin) if self.is_stored() => store.request(store.last_at(latin)),
                    _ => return false,
                }
            }
            4 => {
                if let Some(latin) = self.before.borrow().as_ref().and_then(Places::latin) {
                    self.other.replace(self.place(latin, answer));
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

    /// What is in a place by the answer to the question for it.
    fn place(&self, subject: &str, answer: Option<Message>) -> Option<Place> {
        let (rest, _) = self.store.last_at(subject);
        let stored = read(&rest, &answer?).and_then(|reply| stored(&reply));
        self.store.place_by(subject, &self.name, stored).ok()
    }

    /// Whether the meta is stored, by the answer to that question.
    fn is_stored(&self) -> bool {
        let found = self.found.borrow();
        found.as_ref().and_then(|place| place.entry.as_ref()).is_some_and(|entry| entry.meta.nuid() == self.nuid)
    }

    /// Has removed what belongs to nothing: the chunks of the object, or what it has replaced. Where it is not known which of both that
    /// is, neither: chunks that nobody needs are better than an object without chunks.
    fn clean(&self) {
        let needless = match (&*self.found.borrow(), &*self.before.borrow()) {
            (Some(Place { revision, entry: Some(entry), .. }), Some(before)) if self.may_be_stored() && self.is_stored() => {
                before.replaced_by(&self.store.bucket, At::Own, self.other.take(), &entry.meta, *revision)
            }
            (None, _) if self.may_be_stored() => Vec::new(),
            _ => vec![Needless { subject: self.subject.as_str().to_string(), last: None }],
        };
        for needless in &needless {
            self.store.purge_soon(needless);
        }
    }
}

fn lock(note: &Mutex<Option<Message>>) -> MutexGuard<'_, Option<Message>> {
    note.lock().unwrap_or_else(PoisonError::into_inner)
}
