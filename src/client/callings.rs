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

/// What the task awaits.
enum Item {
    /// An answer to a call.
    Answer(CallId, Answer),
    /// What the subscription brings.
    Pushed(Answer),
    /// The time of this wait is over.
    Late(u64),
    /// All was read that the server had sent when the time of this wait was over.
    Settled(u64),
    /// There is a connection again: what was pushed meanwhile is lost.
    Returned,
}

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
    items: Rc<Slot<Item>>,
    /// Puts answers among the items.
    take: Rc<dyn Fn(CallId, Answer)>,
    pending: Vec<CallId>,
    ear: Option<Ear>,
    /// Number of the present wait: what an earlier one has left behind is stale.
    wait: u64,
}

impl Callings {
    /// None yet.
    pub(crate) fn new(client: &Rc<Client>) -> Callings {
        let items: Rc<Slot<Item>> = Slot::new();
        let to = Rc::clone(&items);
        let take = Rc::new(move |id, answer| to.push(Item::Answer(id, answer)));
        Callings { client: Rc::clone(client), items, take, pending: Vec::new(), ear: None, wait: 0 }
    }

    /// Sends another request, of a mode that tells its end.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) fn call(&mut self, spec: RequestSpec) -> Result<(), Fault> {
        self.client.open_or_fault()?;
        let id = self.client.made(self.client.engine().request(spec))?;
        self.client.calls().await_among(id, &self.take);
        self.pending.push(id);
        Ok(())
    }

    /// Takes what comes to this subject, too; a status is an end.
    ///
    /// # Errors
    /// As [`Client::listen`].
    pub(crate) fn listen(&mut self, subject: &str) -> Result<(), Fault> {
        let (to, back) = (Rc::clone(&self.items), Rc::clone(&self.items));
        let take = move |answer| {
            to.push(Item::Pushed(match answer {
                Answer::Reply(message) if message.status().is_some() => Answer::End(End::Status(message)),
                answer => answer,
            }));
        };
        let observer: Rc<Observer> = Rc::new(move |state| {
            match state {
                State::Connected => back.push(Item::Returned),
                // Nobody tells a subscription.
                State::Closed => back.push(Item::Pushed(Answer::End(End::Closed))),
                State::Connecting | State::Reconnecting => {}
            }
        });
        self.client.observe(&observer);
        self.ear = Some(Ear { _listening: self.client.listen(subject, Rc::new(take))?, _observer: observer });
        Ok(())
    }

    /// The next answer, if it comes within so many ms, or is on its way by then.
    pub(crate) async fn next_within(&mut self, ms: u64) -> Next {
        let (since, most) = (Instant::now(), Duration::from_millis(ms));
        self.wait += 1;
        let (late, wait) = (Rc::clone(&self.items), self.wait);
        let _timer = Timer::after(ms, Box::new(move || late.push(Item::Late(wait))));
        // Ends with the wait.
        let mut _settling = None;
        loop {
            match self.items.next().await {
                // Something came, if not an answer: on a slow link one may be on its way.
                Item::Late(of) if of == wait && self.client.engine().received_at() > since => _settling = Some(self.settle(most)),
                Item::Late(of) | Item::Settled(of) if of == wait => return Next::Silence,
                Item::Late(_) | Item::Settled(_) => {}
                Item::Returned => return Next::Returned,
                Item::Pushed(answer) => return Next::Came(answer),
                Item::Answer(id, answer) => {
                    if matches!(answer, Answer::End(_)) {
                        self.client.calls().remove(id);
                        self.pending.retain(|pending| *pending != id);
                    }
                    return Next::Came(answer);
                }
            }
        }
    }

    /// Has it told when all was read that the server has sent by now.
    fn settle(&self, silence: Duration) -> Settling {
        let (trip, items, wait) = (self.client.probe(silence), Rc::clone(&self.items), self.wait);
        let work = async move { trip.next().await };
        Settling(Task::spawn(work, Box::new(move |_| items.push(Item::Settled(wait)))))
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
struct Settling(Rc<Task>);

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
