//! Handles of calls: dropping one ends the call.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::calls::{Answer, Calls, Handler};
use super::conn::Client;
use super::fault::Fault;
use super::task::{Slot, Task};
use crate::engine::{CallId, End, Mode, Problem, Publication, Pulse, RequestSpec, Wait};
use crate::tcl::event::later;

/// A timeout in ms, 0 for none, as the engine takes it.
pub(crate) fn timeout(ms: i64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms as u64))
}

/// A call whose answers a task awaits. Dropped before its end, it is cancelled.
pub(crate) struct Calling {
    client: Rc<Client>,
    id: CallId,
    slot: Rc<Slot<Answer>>,
    /// Whether the first reply ends the call.
    single: bool,
    ended: Cell<bool>,
}

impl Calling {
    fn new(client: &Rc<Client>, id: CallId, slot: Rc<Slot<Answer>>, single: bool) -> Calling {
        Calling { client: Rc::clone(client), id, slot, single, ended: Cell::new(false) }
    }

    /// The number of the call.
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// The next answer; none comes after an [`Answer::End`].
    pub(crate) async fn next(&self) -> Answer {
        let answer = self.slot.next().await;
        if self.single || matches!(answer, Answer::End(_)) {
            self.ended.set(true);
        }
        answer
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.client.calls().remove(self.id);
        if !self.ended.get() {
            self.client.engine().cancel(self.id);
        }
    }
}

/// The tasks that await round trips which will not return.
pub(crate) struct Astray(Vec<Rc<Slot<Answer>>>);

impl Astray {
    /// Ends their wait.
    pub(crate) fn end(self) {
        for slot in self.0 {
            slot.push(Answer::End(End::Lost));
        }
    }
}

/// Calls made when no server was left, which the script could not know yet.
pub(crate) struct Unheard {
    calls: Rc<Calls>,
    ids: Vec<CallId>,
}

impl Unheard {
    /// Ends them, each in an event of its own.
    pub(crate) fn end(self, end: fn() -> End) {
        for id in self.ids {
            let calls = Rc::clone(&self.calls);
            later(Box::new(move || calls.answer(id, Answer::End(end()))));
        }
    }
}

/// A subscription of the library itself; dropped, it ends.
pub(crate) struct Listening {
    client: Rc<Client>,
    id: CallId,
}

impl Listening {
    /// Unsubscribes; what is on its way still comes.
    pub(crate) fn leave(&self) {
        self.client.engine().leave(self.id);
    }

    /// Publishes a message whose refusal comes as the end, [`End::Refused`].
    ///
    /// # Errors
    /// Those of the engine's publish.
    pub(crate) fn publish(&self, p: &Publication<'_>) -> Result<(), Problem> {
        self.client.engine().publish_for(self.id, p)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.client.calls().remove(self.id) {
            self.client.engine().cancel(self.id);
        }
    }
}

impl Client {
    /// Subscribes for the library itself: everything that comes, statuses included, goes to `run`, and so does the end of the
    /// connection, as [`Answer::End`].
    ///
    /// # Errors
    /// [`Fault::Closed`].
    pub(crate) fn listen(self: &Rc<Self>, subject: &str, run: Handler) -> Result<Listening, Fault> {
        self.open_or_fault()?;
        let id = self.made(self.engine().listen(subject))?;
        self.calls().listen(id, run);
        Ok(Listening { client: Rc::clone(self), id })
    }

    /// The number of a call that the engine has taken, or refused because no server is left: if the status does not show that yet,
    /// the call ends when it does, like those that were pending.
    pub(super) fn made(&self, taken: Result<CallId, Problem>) -> Result<CallId, Fault> {
        match taken {
            Err(problem) if self.is_behind(&problem) => {
                let id = self.engine().unsent_call();
                self.unheard().borrow_mut().push(id);
                Ok(id)
            }
            taken => Ok(taken?),
        }
    }

    /// Takes the calls that the engine has refused though the status was another one. Must be called before the status is set.
    pub(crate) fn take_unheard(&self) -> Unheard {
        Unheard { calls: Rc::clone(self.calls()), ids: self.unheard().take() }
    }

    /// Subscribes for the answers to pulls: all but heartbeats go to `run`, and the time of the last sign of life is kept.
    ///
    /// # Errors
    /// [`Fault::Closed`].
    pub(crate) fn listen_to_pulls(self: &Rc<Self>, subject: &str, run: Handler) -> Result<(Listening, Arc<Pulse>), Fault> {
        self.open_or_fault()?;
        let (id, pulse) = self.engine().listen_to_pulls(subject)?;
        self.calls().listen(id, run);
        Ok((Listening { client: Rc::clone(self), id }, pulse))
    }

    /// Sends a request whose answers a task awaits.
    ///
    /// # Errors
    /// [`Fault::Closed`], and those of the engine's publish.
    pub(crate) fn call(self: &Rc<Self>, spec: RequestSpec) -> Result<Calling, Fault> {
        self.open_or_fault()?;
        let single = matches!(spec.mode, Mode::Shared | Mode::Patient | Mode::Repeated(_));
        let id = self.made(self.engine().request(spec))?;
        Ok(Calling::new(self, id, self.calls().await_answers(id), single))
    }

    /// Sends a request whose answers go to a callback.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn call_back(&self, spec: RequestSpec, run: Handler) -> Result<CallId, Fault> {
        self.open_or_fault()?;
        let left = match spec.mode {
            Mode::Shared | Mode::Patient | Mode::Repeated(_) => 1,
            Mode::Own { max } | Mode::Pull { max, .. } | Mode::Gather { max, .. } => max,
        };
        let id = self.made(self.engine().request(spec))?;
        self.calls().call_back(id, left, run);
        Ok(id)
    }

    /// Sends a round trip.
    pub(crate) fn round_trip(self: &Rc<Self>, timeout: Option<Duration>) -> Calling {
        let id = self.engine().ping(Wait::For(timeout));
        Calling::new(self, id, self.calls().await_return(id), false)
    }

    /// Sends a round trip that settles a silence of this length: on a slow link its answer is behind what still comes, so it is awaited as
    /// long as anything does.
    pub(crate) fn probe(self: &Rc<Self>, silence: Duration) -> Calling {
        let id = self.engine().ping(Wait::WhileReceiving(silence));
        Calling::new(self, id, self.calls().await_return(id), false)
    }

    /// Runs `then` when it is clear whether a silence of this length, which began at `since`, is the server's: behind all that it had sent by
    /// now, or when nothing at all comes any more. `behind` runs work when everything that has arrived has been handled.
    pub(crate) fn settle(
        self: &Rc<Self>,
        silence: Duration,
        since: Instant,
        behind: fn(Box<dyn FnOnce()>),
        then: Box<dyn FnOnce()>,
    ) {
        if self.engine().received_at() <= since {
            // The script may have kept away from the event loop, or a lot may be queued.
            return behind(then);
        }
        let trip = self.probe(silence);
        let work = async move {
            trip.next().await;
        };
        Task::spawn(work, Box::new(move |()| behind(then)));
    }

    /// Takes the round trips under way, which were sent on a connection that no longer exists. Must be called before
    /// the status is set, since a trace may begin another one.
    pub(crate) fn take_round_trips(&self) -> Astray {
        let taken = self.calls().take_round_trips();
        taken.iter().for_each(|(id, _)| {
            self.engine().cancel(*id);
        });
        Astray(taken.into_iter().map(|(_, slot)| slot).collect())
    }

    /// Ends an asynchronous request without calling back; false if there is none with this ID.
    pub(crate) fn cancel(&self, id: CallId) -> bool {
        let known = self.calls().cancel(id);
        if known {
            self.engine().cancel(id);
        }
        known
    }
}
