//! A running watch: an ordered consumer whose entries go to a callback.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use super::entry::Entry;
use crate::bridge::errors::reason_text;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::classes::kv_codec::Codecs;
use crate::client::Turns;
use crate::client::watch::{Consumer, Delivered};
use crate::engine::Message;
use crate::rules::kv::Operation;
use crate::rules::kv_filters::Selection;
use crate::tcl::Obj;

/// What waits for its turn.
enum Turn {
    /// An entry.
    Entry { message: Message, revision: u64, created: i64, delta: u64 },
    /// A status, and a text.
    Status(&'static str, Obj),
}

/// What a watch shows.
pub(super) struct Shown {
    /// The keys.
    pub selection: Rc<Selection>,
    /// No deletions.
    pub ignore_deletes: bool,
    /// No values.
    pub headers_only: bool,
}

/// A running watch.
pub(super) struct Watch {
    connection: Rc<Connection>,
    codecs: Rc<Codecs>,
    shown: Shown,
    consumer: RefCell<Option<Consumer>>,
    /// Callbacks still to be run.
    turns: Rc<Turns<Turn>>,
    /// Whether the callback was told of trouble, and not yet of its end.
    troubled: Cell<bool>,
}

impl Watch {
    /// A watch of nothing yet.
    pub(super) fn new(connection: &Rc<Connection>, codecs: &Rc<Codecs>, callback: Vec<Obj>, shown: Shown) -> Rc<Watch> {
        Rc::new_cyclic(|weak: &Weak<Watch>| {
            let weak = Weak::clone(weak);
            let run = move |turn| {
                if let Some(watch) = weak.upgrade() {
                    watch.run(&callback, turn);
                }
            };
            Watch {
                connection: Rc::clone(connection),
                codecs: Rc::clone(codecs),
                shown,
                consumer: RefCell::default(),
                turns: Turns::new(NESTED_CALLBACKS, Rc::new(run)),
                troubled: Cell::new(false),
            }
        })
    }

    fn run(&self, callback: &[Obj], turn: Turn) {
        let (status, value) = match turn {
            Turn::Status(status, text) => (status, text),
            Turn::Entry { message, revision, created, delta } => {
                let Some(entry) = Entry::of(&message, revision, created, delta) else { return };
                let Some(kept) = self.connection.home.live() else { return };
                let value = (!self.shown.headers_only).then_some(message.payload());
                let dict = self.turns.hold(|| entry.dict(kept.interp(), &self.codecs, value));
                let Some(dict) = self.codecs.unless_undecodable(dict) else { return };
                ("", dict)
            }
        };
        // A codec may have ended the watch.
        if !self.turns.has_ended() {
            self.connection.run_callback(callback, [Obj::text(status), value]);
        }
    }

    /// Starts to deliver, but not before the call that began the watch has returned.
    pub(super) fn follow(&self, consumer: Consumer) {
        consumer.follow();
        self.consumer.replace(Some(consumer));
        self.turns.release();
    }

    /// Ends it: no further callback, no consumer.
    pub(super) fn end(&self) {
        let consumer = self.consumer.take();
        self.turns.end();
        drop(consumer);
    }

    /// Takes what the consumer delivers.
    pub(super) fn take(&self, item: Delivered) {
        match item {
            Delivered::Message { message, revision, timestamp, pending } => {
                let Some(entry) = Entry::of(&message, revision, timestamp, pending) else { return };
                let wanted = self.shown.selection.takes(entry.key);
                if wanted && (!self.shown.ignore_deletes || entry.operation == Operation::Put) {
                    self.troubled.set(false);
                    self.turns.push(Turn::Entry { message, revision, created: timestamp, delta: pending });
                } else if pending == 0 {
                    self.recovered();
                }
            }
            Delivered::CaughtUp => self.show("end_of_initial_data", Obj::empty()),
            Delivered::Quiet => self.recovered(),
            Delivered::Trouble(reason) => {
                self.troubled.set(true);
                self.show("error", Obj::text(&reason_text(&self.connection.home, &reason)));
            }
            Delivered::Failed(_) | Delivered::Ended(_) => {}
        }
    }

    fn recovered(&self) {
        if self.troubled.replace(false) {
            self.show("ok", Obj::empty());
        }
    }

    fn show(&self, status: &'static str, value: Obj) {
        self.turns.push(Turn::Status(status, value));
    }
}
