//! A request from its arrival to its reply.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::state::{Endpoint, Service};
use crate::bridge::errors::{Error, Result};
use crate::bridge::messages::{dict_in, with_payload};
use crate::classes::connection::subscriptions::{Sink, Subscription};
use crate::client::Fault;
use crate::engine::{Code, Headers, Level, Message, Publication, Sub, SubId, SubSpec, Subject};
use crate::rules::service::{BAD_REQUEST, CODE_HEADER, ERROR_HEADER, ERROR_WORD, INTERNAL, TOO_LARGE, description, is_code};
use crate::tcl::coroutine::{self, BREAK, Coroutine, Outcome};
use crate::tcl::event::later;
use crate::tcl::{Interp, Obj};

thread_local! {
    /// The requests whose handlers are at work on this thread, by their coroutines.
    static RUNNING: RefCell<FxHashMap<Coroutine, Weak<Request>>> = RefCell::default();
    /// Number of the latest coroutine.
    static LATEST: Cell<u64> = const { Cell::new(0) };
}

/// A request whose handler is at work.
pub(super) struct Request {
    /// The service.
    pub service: Rc<Service>,
    endpoint: Rc<Endpoint>,
    message: Message,
    began: Instant,
    /// Whether the handler has replied by itself.
    responded: Cell<bool>,
}

/// An error reply.
struct Failure {
    code: String,
    description: String,
    data: Option<Obj>,
    /// Message and return options, where the handler did not choose the reply.
    unexpected: Option<(Obj, Obj)>,
}

impl Failure {
    fn new(code: &str, text: &str) -> Failure {
        Failure { code: code.to_string(), description: description(text).to_string(), data: None, unexpected: None }
    }

    fn unexpected(text: &str) -> Failure {
        let mut options = Obj::dict();
        for (name, value) in [("-code", "1"), ("-level", "0"), ("-errorcode", "NONE"), ("-errorinfo", text)] {
            options.put_text(name, &Obj::text(value));
        }
        Failure { unexpected: Some((Obj::text(text), options)), ..Failure::new(INTERNAL, text) }
    }

    /// The reply to an error of the handler.
    fn of_error(message: Obj, options: Obj) -> Failure {
        let words = options.get(&Obj::text("-errorcode")).and_then(|code| code.as_list()).unwrap_or_default();
        let text = message.to_text();
        match words.as_slice() {
            [word, code, rest @ ..] if &*word.as_text() == ERROR_WORD && is_code(&code.as_text()) => {
                Failure { data: rest.first().cloned(), ..Failure::new(&code.as_text(), &text) }
            }
            _ => Failure { unexpected: Some((message, options)), ..Failure::new(INTERNAL, &text) },
        }
    }
}

fn is_too_large(fault: &Fault) -> bool {
    matches!(fault, Fault::Engine(problem) if problem.code == Code::MaxPayload)
}

/// Subscribes for an endpoint.
pub(super) fn subscribe(service: &Rc<Service>, endpoint: &Rc<Endpoint>) -> std::result::Result<(SubId, Arc<Sub>), Fault> {
    let connection = &service.connection;
    let engine = connection.engine();
    let place = &endpoint.place;
    let id = engine.subscribe(SubSpec {
        subject: place.subject.clone(),
        queue: Some(place.queue.clone()).filter(|queue| !queue.is_empty()),
        max_msgs: None,
        discard: false,
        pending_msgs_limit: endpoint.pending_msgs_limit,
    })?;
    let of = || (Rc::downgrade(service), Rc::downgrade(endpoint));
    let (taker, room, end) = (of(), of(), of());
    let both = |(service, endpoint): &(Weak<Service>, Weak<Endpoint>)| Some((service.upgrade()?, endpoint.upgrade()?));
    connection.subscriptions.add(
        id,
        Subscription::into_sink(Sink {
            take: Box::new(move |message| {
                if let Some((service, endpoint)) = both(&taker) {
                    take(service, endpoint, message, id);
                }
            }),
            has_room: Box::new(move || {
                both(&room).is_none_or(|(service, endpoint)| service.load.has_room() && endpoint.load.has_room())
            }),
            ended: Box::new(move || {
                let Some((service, endpoint)) = both(&end) else { return };
                if let Some(live) = endpoint.live.borrow().as_ref().filter(|live| live.id == id) {
                    live.ended.set(true);
                }
                service.step();
            }),
        }),
    );
    let sub = engine.subscription(id).ok_or(Fault::Closed)?;
    Ok((id, sub))
}

fn take(service: Rc<Service>, endpoint: Rc<Endpoint>, message: Message, sub: SubId) {
    let Some(kept) = service.connection.home.live() else { return };
    let interp = kept.interp();
    service.load.change(1);
    endpoint.load.change(1);
    let words = endpoint.handler.words(service.connection.coding(), &message, sub);
    let request = Rc::new(Request { service, endpoint, message, began: Instant::now(), responded: Cell::new(false) });
    let words = match words {
        Ok(words) => words,
        Err(text) => return request.end(Some(Failure::new(BAD_REQUEST, &text))),
    };
    let pool = Rc::clone(&request.service.pool);
    let known: Rc<Cell<Option<Coroutine>>> = Rc::default();
    let (weak, of) = (Rc::downgrade(&request), Rc::clone(&known));
    let begun = move |coroutine| {
        known.set(Some(coroutine));
        RUNNING.with_borrow_mut(|running| running.insert(coroutine, weak));
    };
    let over = move |_: Interp, outcome| {
        if let Some(coroutine) = of.take() {
            RUNNING.with_borrow_mut(|running| running.remove(&coroutine));
        }
        let failure = request.failure(outcome);
        request.end(failure);
    };
    coroutine::start(interp, &pool, name, words, Box::new(begun), Box::new(over));
}

/// A name that no other coroutine has.
fn name() -> String {
    LATEST.set(LATEST.get() + 1);
    format!("::nats::service::request{}", LATEST.get())
}

/// The request that the coroutine is at work on.
pub(super) fn running(interp: Interp) -> Option<Rc<Request>> {
    let coroutine = coroutine::current(interp)?;
    RUNNING.with_borrow(|running| running.get(&coroutine).and_then(Weak::upgrade))
}

impl Request {
    /// The request as a message dict.
    pub(super) fn dict(&self) -> Obj {
        let id = self.endpoint.live.borrow().as_ref().map_or(0, |live| live.id);
        dict_in(self.service.connection.coding(), &self.message, id)
    }

    /// A reply by the handler itself.
    ///
    /// # Errors
    /// As `publish`.
    pub(super) fn respond(&self, data: &Obj, headers: &[(String, String)]) -> Result<()> {
        self.send(data, headers)?;
        // One that was refused is none: the result of the handler may still be sent.
        self.responded.set(true);
        Ok(())
    }

    fn send(&self, data: &Obj, headers: &[(String, String)]) -> Result<()> {
        let connection = &self.service.connection;
        let Some(reply) = self.message.reply() else { return Ok(()) };
        let subject = Subject::from(reply);
        let sent = with_payload(connection.coding(), data, |payload| {
            connection.engine().publish(&Publication { subject: &subject, reply: None, headers, payload })
        })?;
        Ok(sent?)
    }

    /// Replies with the result of the handler, unless it has failed.
    fn failure(&self, outcome: Outcome) -> Option<Failure> {
        match outcome {
            Outcome::Done(_) if self.responded.get() => None,
            Outcome::Done(result) => self.reply(&result),
            Outcome::Left(BREAK) => None,
            Outcome::Left(code) => Some(Failure::unexpected(&format!("the handler ended with code {code}"))),
            Outcome::Deleted => Some(Failure::unexpected("handler was deleted")),
            Outcome::Failed(message, options) => Some(Failure::of_error(message, options)),
        }
    }

    fn reply(&self, result: &Obj) -> Option<Failure> {
        match self.send(result, &[]) {
            Ok(()) => None,
            Err(Error::Fault(fault)) => match fault {
                fault if is_too_large(&fault) => Some(Failure::unexpected(TOO_LARGE)),
                Fault::Engine(problem) => {
                    self.service.connection.log(Level::Debug, || format!("A reply was dropped: {}", problem.text));
                    None
                }
                _ => Some(Failure::unexpected("the reply has a character over 255, which is no byte")),
            },
            Err(_) => None,
        }
    }

    /// Sends an error reply; the failure that the requester has been told.
    fn tell(&self, failure: Failure) -> Failure {
        let headers = |failure: &Failure| -> Headers {
            [(ERROR_HEADER, &failure.description), (CODE_HEADER, &failure.code)]
                .map(|(name, value)| (name.to_string(), value.clone()))
                .to_vec()
        };
        let data = failure.data.clone().unwrap_or_else(Obj::empty);
        let told = match self.send(&data, &headers(&failure)) {
            Ok(()) => return failure,
            Err(Error::Fault(fault)) if is_too_large(&fault) => {
                Failure { unexpected: failure.unexpected, ..Failure::new(INTERNAL, TOO_LARGE) }
            }
            // A payload that is no bytes is left out.
            Err(_) => failure,
        };
        let _ = self.send(&Obj::empty(), &headers(&told));
        told
    }

    fn end(self: &Rc<Self>, failure: Option<Failure>) {
        let (service, endpoint) = (&self.service, &self.endpoint);
        let failure = failure.map(|failure| self.tell(failure));
        let time = self.began.elapsed().as_nanos() as u64;
        endpoint.count(|counts| {
            counts.requests += 1;
            counts.time += time;
            if let Some(failure) = &failure {
                counts.fail(&failure.code, &failure.description);
            }
        });
        service.load.change(-1);
        endpoint.load.change(-1);
        service.release(endpoint);
        service.step();
        if let Some((message, options)) = failure.and_then(|failure| failure.unexpected) {
            let request = Rc::clone(self);
            // The coroutine is still there: what runs in it could not yield.
            later(Box::new(move || request.complain(message, options)));
        }
    }

    fn complain(&self, message: Obj, options: Obj) {
        let (service, name) = (&self.service, &self.endpoint.place.name);
        match &service.settings.on_error {
            Some(prefix) => {
                let command = service.command.get().cloned().unwrap_or_else(Obj::empty);
                service.connection.run_callback(prefix, [command, Obj::text(name), message, options]);
            }
            None => service.connection.log(Level::Warn, || {
                format!("Endpoint {name} of the service {} failed: {}", service.identity.name, description(&message.as_text()))
            }),
        }
    }
}
