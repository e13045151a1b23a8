//! Calls and a subscription whose answers one task awaits, in the order in which they come.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::calling::Listening;
use super::calls::Answer;
use super::conn::{Client, Observer, State};
use super::fault::Fault;
use super::task::{Slot, Task};
use crate::engine::{CallId, End, RequestSpec};
use crate::tcl::event::Timer;

/// Number under which comes that all was read that the server had sent when the time was over.
const SETTLED: CallId = CallId::MAX;
/// Number under which comes that there is a connection again: what was pushed meanwhile is lost.
const RETURNED: CallId = SETTLED - 1;
/// Number under which comes what the subscription brings.
const PUSHED: CallId = SETTLED - 2;
/// Number below that under which comes that the time of the first wait is over; those of later ones follow.
const LATE: CallId = 1 << 62;

/// What ends a wait.
pub(crate) enum Next {
    /// An answer; [`Answer::End`] ends a call, or the subscription.
    Came(Answer),
    /// Nothing came for too long, and nothing is on its way.
    Silence,
    /// The connection was lost and is back: the calls outlive that, but not the subscription.
    Returned,
}

/// A subscription, and what tells that the connection is back.
struct Ear {
    _listening: Listening,
    _observer: Rc<Observer>,
}

/// Such calls. Dropped, those that have not ended are cancelled, and the subscription ends.
pub(crate) struct Callings {
    client: Rc<Client>,
    slot: Rc<Slot<(CallId, Answer)>>,
    pending: Vec<CallId>,
    ear: Option<Ear>,
    /// Number of waits.
    waits: CallId,
}

impl Callings {
    /// None yet.
    pub(crate) fn new(client: &Rc<Client>) -> Callings {
        Callings { client: Rc::clone(client), slot: Slot::new(), pending: Vec::new(), ear: None, waits: 0 }
    }

    /// Sends another request, of a mode that tells its end.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn call(&mut self, spec: RequestSpec) -> Result<(), Fault> {
        self.client.open_or_fault()?;
        let id = self.client.made(self.client.engine().request(spec))?;
        self.client.calls().await_among(id, &self.slot);
        self.pending.push(id);
        Ok(())
    }

    /// Takes what comes to this subject, too; a status is an end.
    ///
    /// # Errors
    /// As [`Client::listen`].
    pub(crate) fn listen(&mut self, subject: &str) -> Result<(), Fault> {
        let (to, back) = (Rc::clone(&self.slot), Rc::clone(&self.slot));
        let take = move |answer| {
            let answer = match answer {
                Answer::Reply(message) if message.status().is_some() => Answer::End(End::Status(message)),
                answer => answer,
            };
            to.push((PUSHED, answer));
        };
        let observer: Rc<Observer> = Rc::new(move |state| {
            if state == State::Connected {
                back.push((RETURNED, Answer::End(End::Lost)));
            }
        });
        self.client.observe(&observer);
        self.ear = Some(Ear { _listening: self.client.listen(subject, Rc::new(take))?, _observer: observer });
        Ok(())
    }

    /// The next answer, if it comes within so many ms, or is on its way by then.
    pub(crate) async fn next_within(&mut self, ms: u64) -> Next {
        let (since, most) = (Instant::now(), Duration::from_millis(ms));
        self.waits += 1;
        let (late, over) = (Rc::clone(&self.slot), LATE + self.waits);
        let _timer = Timer::after(ms, Box::new(move || late.push((over, Answer::End(End::Timeout)))));
        let mut settling = Settling(None);
        loop {
            let (mark, answer) = self.slot.next().await;
            match (mark, &settling.0) {
                (RETURNED, _) => return Next::Returned,
                (SETTLED, Some(_)) => return Next::Silence,
                (SETTLED, None) => {}
                (mark, None) if mark == over && self.client.engine().received_at() > since => settling = self.settle(most),
                (mark, None) if mark == over => return Next::Silence,
                // That of an earlier wait may have fired when its answer was there.
                (mark, _) if (LATE..PUSHED).contains(&mark) => {}
                _ => {
                    if mark != PUSHED && matches!(answer, Answer::End(_)) {
                        self.client.calls().remove(mark);
                        self.pending.retain(|pending| *pending != mark);
                    }
                    return Next::Came(answer);
                }
            }
        }
    }

    /// Something came, if not an answer: on a slow link one may be on its way.
    fn settle(&self, silence: Duration) -> Settling {
        let (trip, slot) = (self.client.probe(silence), Rc::clone(&self.slot));
        let work = async move { trip.next().await };
        Settling(Some(Task::spawn(work, Box::new(move |answer| slot.push((SETTLED, answer))))))
    }
}

impl Drop for Callings {
    fn drop(&mut self) {
        for id in &self.pending {
            self.client.calls().remove(*id);
            self.client.engine().cancel(*id);
        }
    }
}

/// A round trip that nobody awaits any more when this is dropped.
struct Settling(Option<Rc<Task>>);

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.cancel();
        }
    }
}
