//! A running watch: an ordered consumer whose entries go to a callback.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::entry::Entry;
use crate::bridge::errors::reason_text;
use crate::classes::connection::state::Connection;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::client::Turns;
use crate::client::ordered::{Consumer, Delivered};
use crate::rules::kv::Operation;
use crate::rules::kv_filters::Selection;
use crate::tcl::Obj;

/// A running watch.
pub(super) struct Watch {
    connection: Rc<Connection>,
    /// The keys that are shown.
    selection: Rc<Selection>,
    ignore_deletes: bool,
    consumer: RefCell<Option<Consumer>>,
    /// Status and entry of callbacks still to be run.
    turns: Rc<Turns<(&'static str, Obj)>>,
    /// Whether the callback was told of trouble, and not yet of its end.
    troubled: Cell<bool>,
}

impl Watch {
    /// A watch of nothing yet.
    pub(super) fn new(
        connection: &Rc<Connection>,
        callback: Vec<Obj>,
        selection: Rc<Selection>,
        ignore_deletes: bool,
    ) -> Rc<Watch> {
        let of_callback = Rc::clone(connection);
        let run = move |(status, value)| of_callback.run_callback(&callback, [Obj::text(status), value]);
        Rc::new(Watch {
            connection: Rc::clone(connection),
            selection,
            ignore_deletes,
            consumer: RefCell::default(),
            turns: Turns::new(NESTED_CALLBACKS, Rc::new(run)),
            troubled: Cell::new(false),
        })
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
                let wanted = self.selection.takes(entry.key);
                if wanted && (!self.ignore_deletes || entry.operation == Operation::Put) {
                    self.troubled.set(false);
                    self.show("", entry.dict(self.connection.coding(), message.payload()));
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
        self.turns.push((status, value));
    }
}
