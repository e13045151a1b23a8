//! Calls whose outcome is counted on the I/O thread, without an event for each.

use super::CallId;
use super::listener::{End, Event, Listener};
use super::message::Message;
use std::fmt;
use std::sync::Arc;

/// Outcome of a counted call.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// A reply.
    Reply(&'a Message),
    /// An end without a reply.
    End(&'a End),
}

/// A counted call that is over.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// Number that its owner gave it.
    pub number: u64,
    /// Size that its owner gave it.
    pub size: u64,
    /// Subject of its message.
    pub subject: &'a str,
    /// How it ended.
    pub outcome: Outcome<'a>,
}

/// Counts the calls that are over; true if the owner has to be told. Called on the I/O thread or inside of a call of
/// [`super::Conn`], with locks of the engine held.
pub type Sink = Arc<dyn Fn(&Settled<'_>) -> bool + Send + Sync>;

/// Where the outcome of a call is counted.
#[derive(Clone)]
pub struct Counted {
    /// Number of the owner, by [`super::Conn::new_owner`], for [`Event::Settled`].
    pub owner: CallId,
    /// Number of the call among those of its owner.
    pub number: u64,
    /// Size of its message as the owner counts it.
    pub size: u64,
    /// Counts it.
    pub sink: Sink,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("owner", &self.owner).field("number", &self.number).finish_non_exhaustive()
    }
}

impl Counted {
    /// The call is over; gives the event that tells its owner, if that is wanted.
    pub(super) fn settle(&self, subject: &str, outcome: Outcome<'_>) -> Option<Event> {
        let settled = Settled { number: self.number, size: self.size, subject, outcome };
        (self.sink)(&settled).then_some(Event::Settled { owner: self.owner })
    }

    /// [`Counted::settle`], telling at once.
    pub(super) fn tell(&self, listener: &dyn Listener, subject: &str, outcome: Outcome<'_>) {
        if let Some(event) = self.settle(subject, outcome) {
            listener.event(event);
        }
    }
}
