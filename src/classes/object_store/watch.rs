//! A running watch: an ordered consumer of metas whose infos go to a callback.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::info::info_dict;
use crate::bridge::errors::reason_text;
use crate::classes::connection::state::Connection;
use crate::client::Turns;
use crate::client::object::{Entry, Store, last_of_each};
use crate::client::watch::{Consumer, Delivered};
use crate::rules::object::has_two_places;
use crate::tcl::Obj;

/// A running watch.
pub(super) struct Watch {
    pub(super) connection: Rc<Connection>,
    pub(super) store: Rc<Store>,
    pub(super) ignore_deletes: bool,
    pub(super) pattern: Option<Obj>,
    pub(super) consumer: RefCell<Option<Consumer>>,
    /// Status and info of callbacks still to be run.
    pub(super) turns: Rc<Turns<(&'static str, Obj)>>,
    /// Whether the callback was told of trouble, and not yet of its end.
    pub(super) troubled: Cell<bool>,
    /// Infos at the beginning, from the first one on whose name may come again: it has two places. `None` if all are wanted, and later.
    pub(super) held: RefCell<Option<Vec<Entry>>>,
}

impl Watch {
    /// Ends it: no further callback, no consumer.
    pub(super) fn end(&self) {
        let consumer = self.consumer.take();
        self.turns.end();
        drop(consumer);
    }

    /// Takes what the consumer delivers.
    pub(super) fn take(&self, item: Delivered) {
        match item {
            Delivered::Message { message, revision, timestamp, .. } => {
                self.troubled.set(false);
                let Some(entry) = self.store.meta_of(&message, revision, timestamp) else { return };
                match &mut *self.held.borrow_mut() {
                    Some(held) if !held.is_empty() || has_two_places(entry.meta.name()) => held.push(entry),
                    _ => self.show_entry(&entry),
                }
            }
            Delivered::CaughtUp => {
                let held = self.held.take().unwrap_or_default();
                last_of_each(held).iter().for_each(|entry| self.show_entry(entry));
                self.show("end_of_initial_data", Obj::empty());
            }
            Delivered::Quiet => {
                if self.troubled.replace(false) {
                    self.show("ok", Obj::empty());
                }
            }
            Delivered::Trouble(reason) => {
                self.troubled.set(true);
                self.show("error", Obj::text(&reason_text(&self.connection.home, &reason)));
            }
            Delivered::Failed(_) | Delivered::Ended(_) => {}
        }
    }

    fn show_entry(&self, entry: &Entry) {
        let fits = self.pattern.as_ref().is_none_or(|glob| Obj::text(entry.meta.name()).matches(glob));
        if fits && !(self.ignore_deletes && entry.meta.is_deleted()) {
            self.show("", info_dict(&self.store.bucket, entry));
        }
    }

    fn show(&self, status: &'static str, value: Obj) {
        self.turns.push((status, value));
    }
}
