//! Consumers one after the other: the first one, and others in the place of those that are lost.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::source::{Source, Told};
use crate::client::codes::{CONSUMER_NOT_FOUND, STREAM_NOT_FOUND};
use crate::client::conn::State;
use crate::client::fault::Fault;
use crate::client::task::{Task, pause};
use crate::engine::Problem;
use crate::rules::consumption::Loss;

/// Timeout in ms of requests for further consumers, where the JetStream object has none.
const TIMEOUT: i64 = 5000;

/// Pauses in ms between the attempts to remove a consumer that may not have been made yet.
const LATE_MAKING: [u64; 5] = [50, 100, 250, 500, 1000];

/// Whether a consumer that was not removed because of this may still be made.
fn may_come(fault: &Fault) -> bool {
    fault.err_code() == Some(CONSUMER_NOT_FOUND) || matches!(fault, Fault::Timeout(_))
}

impl Source {
    /// Makes the first consumer.
    ///
    /// # Errors
    /// As [`crate::client::Api::ask`].
    pub(crate) async fn begin(self: &Rc<Self>) -> Result<(), Fault> {
        self.create(self.origin.api.timeout).await?;
        // Another stream of this name can be told later, if this one is known; nobody has to wait for that.
        let source = Rc::clone(self);
        let work = async move {
            let _ = source.look_at_stream().await;
        };
        Task::spawn(work, Box::new(|()| ()));
        Ok(())
    }

    /// What the server said when it made the present consumer.
    pub(crate) fn info(&self) -> Json {
        self.keeper.as_ref().map_or(Json::Null, |keeper| keeper.info.borrow().clone())
    }

    /// Name of the present consumer; empty while there is none.
    pub(crate) fn name(&self) -> String {
        let machine = self.machine.borrow();
        if machine.is_away() || machine.is_over() { String::new() } else { self.place.borrow().consumer.clone() }
    }

    /// Whether the server delivers without being asked.
    pub(super) fn is_pushed(&self) -> bool {
        self.machine.borrow().is_pushed()
    }

    /// The consumer is lost: another one is made, while there is a connection.
    pub(super) fn lost(self: &Rc<Self>, loss: Loss) {
        let Some(keeper) = &self.keeper else { return self.begin_remaking() };
        self.leave_off();
        self.inbox.take();
        self.remove();
        if let Some(fault) = keeper.lost(loss) {
            (self.tell)(Told::Trouble(fault));
        }
        // A trace of the script may have ended it.
        if self.machine.borrow().is_over() || self.origin.api.client.state() != State::Connected {
            return;
        }
        let task = Task::spawn(renew(Rc::clone(self)), Box::new(|()| ()));
        keeper.task.replace(Some(task));
    }

    /// Ends the attempt to make another consumer, which the return of the connection begins anew.
    pub(super) fn leave_off(&self) {
        if let Some(remaking) = &self.remaking {
            remaking.leave_off();
        }
        let task = self.keeper.as_ref().and_then(|keeper| keeper.task.take());
        if let Some(task) = task {
            task.cancel();
        }
    }

    /// The end of all consumers; why, if not for the reason of the end.
    pub(super) fn give_up(&self) -> Option<Fault> {
        self.leave_off();
        self.remove();
        self.keeper.as_ref().and_then(|keeper| keeper.cause.take())
    }

    /// Nothing comes to the present inbox: whoever makes a consumer for it hears of that, otherwise it is the end.
    pub(super) fn refused(self: &Rc<Self>, problem: Problem) {
        match &self.keeper {
            Some(keeper) if self.is_pushed() || keeper.unanswered.get() => {
                keeper.deaf.replace(Some(problem));
            }
            _ => {
                self.machine.borrow_mut().end(&problem.text);
                self.refusal.replace(Some(problem));
                self.act();
            }
        }
    }

    /// Looks whether the stream is the one that was read so far; a user who may not look does without.
    async fn look_at_stream(self: &Rc<Self>) -> Result<(), Fault> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        let ms = self.patience();
        let place = keeper.order.borrow().place();
        let seen = match keeper.access.stream_state(&self.origin.api.with_timeout(ms), &self.origin.stream).await {
            // An account that imports a part of the API only, unless there is no JetStream, which the next request tells.
            Err(Fault::NoJetStream) => None,
            seen => seen?,
        };
        let changed = seen.is_some_and(|(created, last_seq)| keeper.order.borrow_mut().stream(&created, last_seq, place));
        if changed {
            self.event("stream_changed", String::new(), None);
        }
        Ok(())
    }

    pub(super) fn patience(&self) -> i64 {
        if self.origin.api.timeout > 0 { self.origin.api.timeout } else { TIMEOUT }
    }

    /// Makes a consumer; `ms` is the timeout, 0 waits for ever.
    async fn create(self: &Rc<Self>, ms: i64) -> Result<(), Fault> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        keeper.deaf.take();
        self.take_inbox()?;
        let inbox = self.inbox.borrow().as_ref().filter(|_| self.is_pushed()).map(|inbox| inbox.subject.as_str().to_string());
        let api = &self.origin.api;
        let (name, rest, body) = keeper.creation(api, &self.origin.stream, inbox.as_deref());
        // Known before the answer, so that it can be removed even if the answer is lost.
        keeper.name.replace(name.clone());
        keeper.unanswered.set(true);
        let outcome = api.ask_within(&rest, body, ms).await;
        let outcome = match keeper.deaf.take() {
            // Nothing would ever come to an inbox that is refused.
            Some(problem) => Err(problem.into()),
            None => outcome,
        };
        match outcome {
            Ok((_, reply)) => {
                let stream_seq = reply.pointer("/delivered/stream_seq").and_then(Json::as_u64).unwrap_or_default();
                let now = Instant::now();
                keeper.order.borrow_mut().made(now, stream_seq);
                keeper.info.replace(reply);
                keeper.alive.set(now);
                keeper.unanswered.set(false);
                keeper.flow_asked.set(false);
                keeper.flow_told.set(None);
                self.turn_to(&name);
                Ok(())
            }
            Err(fault) => {
                self.inbox.take();
                if matches!(fault, Fault::Api(_)) {
                    keeper.name.take();
                    keeper.unanswered.set(false);
                }
                Err(fault)
            }
        }
    }

    /// Removes the consumer from the server without waiting for that. Where that cannot be, the server removes it by itself when
    /// it has not been used for a time.
    fn remove(&self) {
        let Some(keeper) = &self.keeper else { return };
        let name = keeper.name.take();
        let unanswered = keeper.unanswered.take();
        keeper.flow.take();
        let api = &self.origin.api;
        if name.is_empty() || keeper.access.keeps_consumers() || api.client.state() != State::Connected {
            return;
        }
        let rest = format!("CONSUMER.DELETE.{}.{name}", self.origin.stream);
        let (api, access) = (api.with_timeout(self.patience()), Rc::clone(&keeper.access));
        let work = async move {
            for wait in LATE_MAKING {
                match api.ask(&rest, String::new()).await {
                    // The server works on several requests at a time: the making may be behind its removal, also where that was
                    // not answered in time.
                    Err(fault) if unanswered && may_come(&fault) => pause(Duration::from_millis(wait)).await,
                    Err(fault) if fault.is_refusal() => return access.keep_consumers(),
                    _ => return,
                }
            }
        };
        Task::spawn(work, Box::new(|()| ()));
    }
}

/// Makes a consumer, trying until there is one or no point in trying.
async fn renew(source: Rc<Source>) {
    let Some(keeper) = &source.keeper else { return };
    loop {
        let wait = keeper.order.borrow().patience(Instant::now());
        if let Some(wait) = wait {
            pause(wait).await;
        }
        let made = match source.look_at_stream().await {
            Ok(()) if source.machine.borrow().is_over() => return,
            Ok(()) => source.create(source.patience()).await,
            Err(fault) => Err(fault),
        };
        let Err(fault) = made else { break };
        let missing = fault.err_code() == Some(STREAM_NOT_FOUND);
        source.remove();
        if keeper.order.borrow_mut().failed(Instant::now(), missing, Duration::ZERO) {
            let reason = match &fault {
                Fault::Api(error) => error.description.clone(),
                _ => String::new(),
            };
            keeper.cause.replace(Some(Fault::StreamNotFound(reason.clone())));
            source.machine.borrow_mut().end(&reason);
            return source.act();
        }
        (source.tell)(Told::Trouble(fault));
        if source.machine.borrow().is_over() {
            return;
        }
    }
    source.machine.borrow_mut().renewed(Instant::now());
    source.event("recreated", source.name(), None);
    source.act();
}
