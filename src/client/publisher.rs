//! Publishing with a window: acknowledgements are counted on the I/O thread, and only what somebody waits for comes to this one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::api::pub_ack;
use super::conn::Client;
use super::fault::{Fault, Waiting};
use super::task::Slot;
use crate::engine::{CallId, Counted, Message, Outcome, Outgoing, Repeat, Settled, Sink};
use crate::rules::flat::{self, Scalar};
use crate::rules::window::Window;
use crate::tcl::event::Timer;

/// How a publisher works.
pub(crate) struct Setting {
    /// Its window, empty.
    pub window: Window,
    /// Time for each acknowledgement.
    pub timeout: Option<Duration>,
    /// How messages are repeated.
    pub repeat: Repeat,
    /// Of how many acknowledgements one is told; 0 for none.
    pub ack_every: u64,
    /// Failures are told.
    pub tells_failures: bool,
}

/// A message that was not stored, as far as is known.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Number of the message.
    pub number: u64,
    /// Its subject.
    pub subject: String,
    /// Reason.
    pub fault: Fault,
}

/// What somebody asked to be told.
pub(crate) enum News {
    /// An acknowledgement, and the number of its message.
    Ack(u64, Message),
    /// A failure.
    Failed(Failure),
}

/// Counts since the publisher was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages acknowledged.
    pub acked: u64,
    /// Messages that failed.
    pub failed: u64,
    /// Acknowledged ones that the stream had already.
    pub duplicates: u64,
}

/// Greatest number of failures that are kept for a script that does not read them.
const KEPT_FAILURES: usize = 10_000;

/// What both threads share.
struct Tally {
    window: Window,
    counts: Counts,
    failures: Vec<Failure>,
    news: VecDeque<News>,
    ack_every: u64,
    tells_failures: bool,
    /// Somebody waits for room in the window, for a message of up to this size.
    wants_room: Option<u64>,
    /// Somebody waits until nothing is pending.
    wants_end: bool,
    /// The Tcl thread has been told of the news.
    told: bool,
    /// Nobody is interested any more.
    unheard: bool,
}

/// Whether an acknowledgement is that of a duplicate; the fault if it is none.
fn is_duplicate(message: &Message) -> Result<bool, Fault> {
    if let Some(members) = flat::members(message.payload()) {
        let has = |name: &str| members.iter().any(|(member, _)| *member == name);
        if has("stream") && has("seq") && !has("error") {
            return Ok(members.contains(&("duplicate", Scalar::Bool(true))));
        }
    }
    let ack = pub_ack(message)?;
    Ok(ack.get("duplicate").and_then(serde_json::Value::as_bool).unwrap_or(false))
}

impl Tally {
    /// Counts a message that is settled; true if the Tcl thread has to be told.
    fn settle(&mut self, settled: &Settled<'_>) -> bool {
        self.window.leave(settled.size);
        let outcome = match settled.outcome {
            Outcome::Reply(message) => is_duplicate(message).map(|duplicate| (duplicate, message)),
            Outcome::End(end) => Err(Fault::of_end(end, Waiting::Request(settled.subject.to_string()))),
        };
        match outcome {
            Ok((duplicate, message)) => {
                self.counts.acked += 1;
                self.counts.duplicates += u64::from(duplicate);
                if self.ack_every > 0 && self.counts.acked.is_multiple_of(self.ack_every) && !self.unheard {
                    self.news.push_back(News::Ack(settled.number, message.clone()));
                }
            }
            Err(fault) => {
                self.counts.failed += 1;
                let failure = Failure { number: settled.number, subject: settled.subject.to_string(), fault };
                if self.tells_failures && !self.unheard {
                    self.news.push_back(News::Failed(failure.clone()));
                }
                if self.failures.len() < KEPT_FAILURES {
                    self.failures.push(failure);
                }
            }
        }
        let room = self.wants_room.is_some_and(|size| self.window.is_worth_a_wake(size));
        let end = self.wants_end && self.window.pending() == 0;
        let news = !self.news.is_empty() && !self.told;
        self.wants_room = self.wants_room.filter(|_| !room);
        self.wants_end &= !end;
        self.told |= news;
        (room || end || news) && !self.unheard
    }
}

/// A publisher on its Tcl thread.
pub(crate) struct Publisher {
    client: Rc<Client>,
    owner: CallId,
    tally: Arc<Mutex<Tally>>,
    sink: Sink,
    timeout: Option<Duration>,
    repeat: Repeat,
    last: Cell<u64>,
    waiting: RefCell<Vec<Rc<Slot<()>>>>,
    ended: Cell<bool>,
}

impl Publisher {
    /// A publisher; `tell` gets the news, in an event of the mailbox, and must not run scripts.
    pub(crate) fn new(client: &Rc<Client>, setting: Setting, tell: impl Fn(News) + 'static) -> Rc<Publisher> {
        let tally = Arc::new(Mutex::new(Tally {
            window: setting.window,
            counts: Counts::default(),
            failures: Vec::new(),
            news: VecDeque::new(),
            ack_every: setting.ack_every,
            tells_failures: setting.tells_failures,
            wants_room: None,
            wants_end: false,
            told: false,
            unheard: false,
        }));
        let counting = Arc::clone(&tally);
        let sink: Sink = Arc::new(move |settled| lock(&counting).settle(settled));
        let publisher = Rc::new(Publisher {
            client: Rc::clone(client),
            owner: client.engine().new_owner(),
            tally,
            sink,
            timeout: setting.timeout,
            repeat: setting.repeat,
            last: Cell::new(0),
            waiting: RefCell::default(),
            ended: Cell::new(false),
        });
        let weak = Rc::downgrade(&publisher);
        let run = move || {
            let Some(publisher) = weak.upgrade() else { return };
            let news = {
                let mut tally = publisher.tally();
                tally.told = false;
                std::mem::take(&mut tally.news)
            };
            news.into_iter().for_each(&tell);
            publisher.wake();
        };
        client.calls().own(publisher.owner, Rc::new(run));
        publisher
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }

    /// Lets those who wait look again.
    fn wake(&self) {
        let waiting = self.waiting.take();
        waiting.iter().for_each(|slot| slot.push(()));
    }

    fn open_or_fault(&self) -> Result<(), Fault> {
        if self.ended.get() { Err(Fault::Closed) } else { self.client.open_or_fault() }
    }

    /// Publishes if there is room: the number of the message, or the message back.
    ///
    /// # Errors
    /// [`Fault::Closed`] and those of the engine's publish.
    pub(crate) fn try_publish(&self, message: Outgoing) -> Result<Result<u64, Outgoing>, Fault> {
        self.open_or_fault()?;
        let size = message.payload.len() as u64;
        {
            let mut tally = self.tally();
            if !tally.window.enter(size) {
                return Ok(Err(message));
            }
        }
        let number = self.last.get() + 1;
        let counted = Counted { owner: self.owner, number, size, sink: Arc::clone(&self.sink) };
        if let Err(problem) = self.client.engine().request_counted(message, self.timeout, self.repeat, counted) {
            self.tally().window.leave(size);
            // Somebody else may wait for the room that this message had.
            self.wake();
            return Err(problem.into());
        }
        self.last.set(number);
        Ok(Ok(number))
    }

    /// Waits for room for a message of this size, or for the end of the connection.
    pub(crate) async fn room(&self, size: u64) {
        let slot = Slot::new();
        {
            let mut tally = self.tally();
            if tally.window.is_worth_a_wake(size) {
                return;
            }
            tally.wants_room = tally.wants_room.max(Some(size));
        }
        self.waiting.borrow_mut().push(Rc::clone(&slot));
        slot.next().await;
    }

    /// Waits until nothing is pending, `ms` at most if that is not 0.
    ///
    /// # Errors
    /// [`Fault::Timeout`]; [`Fault::Forked`] and [`Fault::Closed`] if nothing can come any more.
    pub(crate) async fn flush(&self, ms: u64) -> Result<Counts, Fault> {
        let slot = Slot::new();
        let late = Rc::new(Cell::new(false));
        let (told, expired) = (Rc::clone(&slot), Rc::clone(&late));
        let _timer = (ms > 0).then(|| {
            Timer::after(
                ms,
                Box::new(move || {
                    expired.set(true);
                    told.push(());
                }),
            )
        });
        loop {
            {
                let mut tally = self.tally();
                if tally.window.pending() == 0 {
                    return Ok(tally.counts);
                }
                tally.wants_end = true;
            }
            if self.ended.get() {
                return Err(Fault::Closed);
            }
            if let Err(fault @ Fault::Forked) = self.client.open_or_fault() {
                return Err(fault);
            }
            if late.get() {
                return Err(Fault::Timeout(Waiting::Acknowledgements));
            }
            self.waiting.borrow_mut().push(Rc::clone(&slot));
            slot.next().await;
        }
    }

    /// Number of messages without an acknowledgement.
    pub(crate) fn pending(&self) -> u64 {
        self.tally().window.pending()
    }

    /// Takes the failures that are kept.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        std::mem::take(&mut self.tally().failures)
    }

    /// Nobody is interested any more: what is pending goes on unheard.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        {
            let mut tally = self.tally();
            tally.unheard = true;
            tally.news.clear();
        }
        self.client.calls().disown(self.owner);
        self.wake();
    }
}

/// Locks a mutex; a panic elsewhere must not cause another one here.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
