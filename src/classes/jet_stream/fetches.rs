//! The running fetches of an object, those with a callback.

use std::cell::RefCell;
use std::collections::HashSet;

use crate::classes::connection::state::Connection;
use crate::engine::CallId;

/// Their IDs.
#[derive(Default)]
pub(crate) struct Fetches(RefCell<HashSet<CallId>>);

impl Fetches {
    /// Adds one.
    pub(crate) fn insert(&self, id: CallId) {
        self.0.borrow_mut().insert(id);
    }

    /// Removes one; false if it was not there.
    pub(crate) fn remove(&self, id: CallId) -> bool {
        self.0.borrow_mut().remove(&id)
    }

    /// Ends all of them silently.
    pub(crate) fn cancel(&self, connection: &Connection) {
        let all = self.0.take();
        for id in all {
            connection.cancel(id);
        }
    }
}
