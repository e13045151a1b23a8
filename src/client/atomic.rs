//! Atomic batches: messages that a stream stores all at once, or not at all.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;

use super::api::{Api, parse, pub_ack, response_error};
use super::argument::Argument;
use super::conn::State;
use super::deadline::Deadline;
use super::fault::{Fault, Waiting};
use crate::engine::{Headers, Message, Outgoing, Subject};
use crate::rules::atomic::{Commit, MOST, headers};

/// A batch that is being written.
pub(crate) struct Atomic {
    api: Rc<Api>,
    id: String,
    /// Every how many messages an answer is awaited; 0 for the first only.
    ack_every: u64,
    size: Cell<u64>,
    last: RefCell<Option<Subject>>,
    over: Cell<bool>,
    /// Number of reconnections when the stream had accepted the batch.
    reconnects: Cell<Option<u64>>,
    /// The end of the time for all of it; without one each answer has the object's timeout.
    deadline: Option<Deadline>,
}

impl Atomic {
    /// A batch without messages; with a deadline for all of it, if that is given.
    pub(crate) fn new(api: &Rc<Api>, ack_every: u64, deadline: Option<Deadline>) -> Rc<Atomic> {
        Rc::new(Atomic {
            api: Rc::clone(api),
            id: api.client.engine().new_token(),
            ack_every,
            size: Cell::new(0),
            last: RefCell::default(),
            over: Cell::new(false),
            reconnects: Cell::new(None),
            deadline,
        })
    }

    /// Number of its messages.
    pub(crate) fn size(&self) -> u64 {
        self.size.get()
    }

    /// Sends nothing more: the server forgets the batch after a while.
    pub(crate) fn discard(&self) {
        self.over.set(true);
    }

    /// [`Argument::BatchOver`] for a batch that has ended, [`Argument::BatchTooLarge`] for one that is full.
    ///
    /// # Errors
    /// Those; [`Fault::Closed`] if the connection was lost meanwhile, and some messages with it.
    pub(crate) fn check(&self, room: bool) -> Result<(), Fault> {
        if self.over.get() {
            return Err(Argument::BatchOver.into());
        }
        if room && self.size.get() >= MOST {
            return Err(Argument::BatchTooLarge.into());
        }
        let client = &self.api.client;
        client.open_or_fault()?;
        let same = |reconnects| client.state() == State::Connected && client.engine().statistics().reconnects == reconnects;
        if self.reconnects.get().is_some_and(|reconnects| !same(reconnects)) {
            self.discard();
            return Err(Fault::Closed);
        }
        Ok(())
    }

    /// Adds a message.
    ///
    /// # Errors
    /// Those of [`Atomic::check`] and of a publish; [`Fault::Api`] if the stream refuses the batch, which is over then.
    pub(crate) async fn add(&self, message: Outgoing) -> Result<(), Fault> {
        self.check(true)?;
        let size = self.size.get() + 1;
        let awaited = size == 1 || self.ack_every > 0 && size.is_multiple_of(self.ack_every);
        let message = self.under_number(message, size, Commit::No);
        if !awaited {
            self.api.client.engine().publish(&message.as_publication())?;
            self.taken(size, message.subject);
            return Ok(());
        }
        self.taken(size, message.subject.clone());
        let outcome = match self.ask(message).await {
            Ok(answer) if answer.payload().is_empty() => Ok(()),
            // Anything but nothing is a refusal, or no answer of a stream that has batches.
            Ok(answer) => Err(parse(&answer).ok().as_ref().and_then(response_error).unwrap_or(Fault::NotAnAck)),
            Err(fault) => Err(fault),
        };
        if outcome.is_err() {
            self.discard();
        } else if size == 1 {
            self.reconnects.set(Some(self.api.client.engine().statistics().reconnects));
        }
        outcome
    }

    /// Ends the batch with a last message, or without one: the acknowledgement of all.
    ///
    /// # Errors
    /// As [`Atomic::add`]; [`Argument::BatchEmpty`].
    pub(crate) async fn commit(&self, message: Option<Outgoing>) -> Result<Message, Fault> {
        self.check(message.is_some())?;
        let last = self.last.borrow().clone();
        let (message, commit) = match (message, last) {
            (Some(message), _) => (message, Commit::Stored),
            (None, Some(subject)) => (Outgoing { subject, reply: None, headers: None, payload: Bytes::new() }, Commit::End),
            (None, None) => return Err(Argument::BatchEmpty.into()),
        };
        let size = self.size.get() + 1;
        if commit == Commit::Stored {
            self.taken(size, message.subject.clone());
        }
        // What were added meanwhile would be stored nowhere.
        self.discard();
        let answer = self.ask(self.under_number(message, size, commit)).await?;
        pub_ack(&answer)?;
        Ok(answer)
    }

    fn taken(&self, size: u64, subject: Subject) {
        self.size.set(size);
        self.last.replace(Some(subject));
    }

    fn under_number(&self, message: Outgoing, number: u64, commit: Commit) -> Outgoing {
        let mut all: Headers = headers(&self.id, number, commit);
        all.extend(message.headers.unwrap_or_default());
        Outgoing { headers: Some(all), ..message }
    }

    async fn ask(&self, message: Outgoing) -> Result<Message, Fault> {
        let subject = message.subject.as_str().to_string();
        if self.deadline.is_some_and(Deadline::is_over) {
            return Err(Fault::Timeout(Waiting::Request(subject)));
        }
        let ms = self.deadline.map_or(self.api.timeout, Deadline::left);
        self.api.exchange(&subject, message.payload, message.headers, ms).await
    }
}
