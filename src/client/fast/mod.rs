//! Fast batches: what goes to a stream without an end, in a window of acknowledgements that stand for many messages each. They are
//! counted on the I/O thread, and only what somebody waits for comes to this one.

mod side;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;

use super::api::Api;
use super::argument::Argument;
use super::fault::Fault;
use super::task::Slot;
use crate::engine::{CallId, Message, Outgoing, Publication, Subject};
use crate::rules::fast::{Claim, End as Ended, Fast as Machine, News, Phase, Setting};
use crate::rules::fast_answer::prefix;
use side::{Side, State, fault, unknown};

/// The acknowledgement of a batch, and whether it is about all of its messages.
pub(crate) struct Acked {
    /// The server's words.
    pub ack: Message,
    /// All messages.
    pub complete: bool,
}

/// A batch on its Tcl thread.
pub(crate) struct Fast {
    api: Rc<Api>,
    inbox: String,
    side: Arc<Side>,
    owner: CallId,
    call: Cell<Option<CallId>>,
    waiting: RefCell<Vec<Rc<Slot<()>>>>,
    /// Its object is gone.
    abandoned: Cell<bool>,
}

/// Outcome of an attempt to send.
enum Sent {
    /// Under this number.
    Yes(u64),
    /// Later.
    Wait,
}

impl Fast {
    /// A batch without messages; `tell` gets the news, in an event of the mailbox, and must not run scripts.
    pub(crate) fn new(api: &Rc<Api>, setting: Setting, tell: Option<Box<dyn Fn(News)>>) -> Rc<Fast> {
        let engine = api.client.engine();
        let inbox = engine.new_inbox();
        let state = State {
            machine: Machine::new(setting),
            subject: None,
            ack: None,
            fault: None,
            news: VecDeque::new(),
            tells: tell.is_some(),
            waited_for: false,
            told: false,
        };
        let prefix = prefix(&inbox, setting.flow, setting.tolerant);
        let fast = Rc::new(Fast {
            api: Rc::clone(api),
            inbox,
            side: Arc::new(Side { state: Mutex::new(state), prefix }),
            owner: engine.new_owner(),
            call: Cell::new(None),
            waiting: RefCell::default(),
            abandoned: Cell::new(false),
        });
        let weak = Rc::downgrade(&fast);
        let run = move || {
            let Some(fast) = weak.upgrade() else { return };
            let news = {
                let mut state = fast.side.lock();
                state.told = false;
                std::mem::take(&mut state.news)
            };
            if let Some(tell) = &tell {
                news.into_iter().for_each(tell);
            }
            fast.wake();
        };
        api.client.calls().own(fast.owner, Rc::new(run));
        fast
    }

    /// Lets those who wait look again.
    fn wake(&self) {
        self.side.lock().waited_for = false;
        let waiting = self.waiting.take();
        waiting.iter().for_each(|slot| slot.push(()));
    }

    /// Waits for a change, which `waited_for` has asked for.
    async fn change(&self) {
        let slot = Slot::new();
        self.waiting.borrow_mut().push(Rc::clone(&slot));
        if let Some(call) = self.call.get() {
            self.api.client.engine().mind_time(call);
        }
        slot.next().await;
    }

    /// The highest number that is acknowledged.
    pub(crate) fn acked(&self) -> u64 {
        self.side.lock().machine.acked()
    }

    /// Why a message was refused so that the batch ended; otherwise what the server says of a batch that is over.
    pub(crate) fn cause(&self) -> Fault {
        self.side.lock().machine.cause().cloned().map_or_else(unknown, Fault::from)
    }

    /// Whether nothing was sent yet.
    pub(crate) fn is_new(&self) -> bool {
        *self.side.lock().machine.phase() == Phase::New
    }

    /// [`Fault::Closed`] if nothing can be sent any more.
    fn open_or_fault(&self) -> Result<(), Fault> {
        if self.abandoned.get() { Err(Fault::Closed) } else { self.api.client.open_or_fault() }
    }

    /// Why a message comes too late.
    fn lateness(&self) -> Fault {
        let state = self.side.lock();
        match state.machine.phase() {
            Phase::Ending | Phase::Over(Ended::Stored { asked: true, .. }) => Argument::BatchOver.into(),
            Phase::Over(end) if !matches!(end, Ended::Stored { .. }) => fault(&state, end),
            _ => state.machine.cause().cloned().map_or_else(unknown, Fault::from),
        }
    }

    /// Sends what a claim says.
    fn go(&self, claim: Claim, p: &Publication<'_>) -> Result<Sent, Fault> {
        let (seq, op, at_once) = match claim {
            Claim::Go { seq, op, at_once } => (seq, op, at_once),
            Claim::Wait => return Ok(Sent::Wait),
            Claim::Empty => return Err(Argument::BatchEmpty.into()),
            Claim::Late => return Err(self.lateness()),
        };
        let engine = self.api.client.engine();
        let mut digits = itoa::Buffer::new();
        let reply = [self.side.prefix.as_str(), digits.format(seq), op.ending()];
        let gone = match self.call.get() {
            Some(call) => engine.say(call, p, &reply, at_once),
            None => {
                // A first message that could not go out has left its own.
                self.side.lock().subject = Some(p.subject.clone());
                let talk = Arc::clone(&self.side);
                engine.begin_talk(p, &self.inbox, &reply, self.owner, talk).map(|call| self.call.set(Some(call)))
            }
        };
        if let Err(problem) = gone {
            self.side.lock().machine.unsent(op);
            // Somebody else may wait for the room that this message had.
            self.wake();
            return Err(problem.into());
        }
        self.side.lock().machine.sent(seq);
        Ok(Sent::Yes(seq))
    }

    /// Publishes if there is room: the number of the message.
    ///
    /// # Errors
    /// Those of the engine's publish; what ended the batch.
    pub(crate) fn try_publish(&self, p: &Publication<'_>) -> Result<Option<u64>, Fault> {
        self.open_or_fault()?;
        let claim = {
            let mut state = self.side.lock();
            let claim = state.machine.claim(Instant::now());
            state.waited_for |= claim == Claim::Wait;
            claim
        };
        match self.go(claim, p)? {
            Sent::Yes(seq) => Ok(Some(seq)),
            Sent::Wait => Ok(None),
        }
    }

    /// Publishes when there is room; the first message waits until the server has taken the batch on.
    ///
    /// # Errors
    /// As [`Fast::try_publish`].
    pub(crate) async fn publish(&self, message: &Outgoing) -> Result<u64, Fault> {
        loop {
            if let Some(seq) = self.try_publish(&message.as_publication())? {
                if seq == 1 {
                    self.taken_on().await?;
                }
                return Ok(seq);
            }
            self.change().await;
        }
    }

    /// Waits for the first answer.
    async fn taken_on(&self) -> Result<(), Fault> {
        loop {
            self.open_or_fault()?;
            {
                let mut state = self.side.lock();
                match state.machine.phase() {
                    Phase::Starting => state.waited_for = true,
                    Phase::Over(end) if !matches!(end, Ended::Stored { .. }) => return Err(fault(&state, end)),
                    _ => return Ok(()),
                }
            }
            self.change().await;
        }
    }

    /// Ends the batch, with a last message or without: the acknowledgement. That of a batch that the server ended is given every
    /// time.
    ///
    /// # Errors
    /// As [`Fast::try_publish`]; [`Argument::BatchEmpty`].
    pub(crate) async fn commit(&self, message: Option<&Outgoing>) -> Result<Acked, Fault> {
        loop {
            if let Some(acked) = self.ended_early() {
                return Ok(acked);
            }
            match self.try_end(message)? {
                Sent::Yes(_) => break,
                Sent::Wait => self.change().await,
            }
        }
        loop {
            {
                let mut state = self.side.lock();
                state.waited_for = true;
                if let Phase::Over(end) = state.machine.phase() {
                    return match (end, &state.ack) {
                        (Ended::Stored { complete, .. }, Some(ack)) => Ok(Acked { ack: ack.clone(), complete: *complete }),
                        _ => Err(fault(&state, end)),
                    };
                }
            }
            self.open_or_fault()?;
            self.change().await;
        }
    }

    fn try_end(&self, message: Option<&Outgoing>) -> Result<Sent, Fault> {
        self.open_or_fault()?;
        let claim = {
            let mut state = self.side.lock();
            let claim = state.machine.finish(message.is_some(), Instant::now());
            state.waited_for |= claim == Claim::Wait;
            claim
        };
        let empty = self.side.lock().subject.clone().unwrap_or_else(|| Subject::from(""));
        let empty = Outgoing { subject: empty, reply: None, headers: None, payload: Bytes::new() };
        self.go(claim, &message.unwrap_or(&empty).as_publication())
    }

    /// Asks for the end without waiting for it, if there is something to end.
    pub(crate) fn end_soon(&self) {
        let _ = self.try_end(None);
    }

    /// Whether the end of the last message is known, and that it was not stored.
    pub(crate) fn has_failed(&self) -> bool {
        let state = self.side.lock();
        matches!(state.machine.phase(), Phase::Over(end) if !matches!(end, Ended::Stored { complete: true, .. } | Ended::Timeout))
    }

    /// Ends the batch if nobody has, and waits until the server stores nothing more of it, as far as that can be known.
    pub(crate) async fn settled(&self) {
        while let Ok(Sent::Wait) = self.try_end(None) {
            self.change().await;
        }
        loop {
            if self.open_or_fault().is_err() {
                return;
            }
            {
                let mut state = self.side.lock();
                if matches!(state.machine.phase(), Phase::New | Phase::Over(_)) {
                    return;
                }
                state.waited_for = true;
            }
            self.change().await;
        }
    }

    fn ended_early(&self) -> Option<Acked> {
        let state = self.side.lock();
        let early = matches!(state.machine.phase(), Phase::Over(Ended::Stored { asked: false, .. }));
        state.ack.clone().filter(|_| early).map(|ack| Acked { ack, complete: false })
    }

    /// Nobody is interested any more: what was published goes on its way, and the server forgets the batch.
    pub(crate) fn abandon(&self) {
        self.abandoned.set(true);
        {
            let mut state = self.side.lock();
            state.tells = false;
            state.news.clear();
            state.fault.get_or_insert(Fault::Closed);
            state.machine.give_up();
        }
        if let Some(call) = self.call.take() {
            self.api.client.engine().cancel(call);
        }
        self.api.client.calls().disown(self.owner);
        self.wake();
    }
}

impl Drop for Fast {
    fn drop(&mut self) {
        self.abandon();
    }
}
