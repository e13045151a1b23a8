//! `fetch` of dialect 3: a pull that tells why it delivered nothing, and that belongs to its object.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use async_nats::StatusCode;

use super::api::JetStream;
use super::fetches::Fetches;
use super::pull::{CALLBACK, Pull, finish, status_dict};
use crate::bridge::errors::Result;
use crate::bridge::keys::truth;
use crate::bridge::messages::dict_in;
use crate::bridge::method::Invocation;
use crate::bridge::task::block_then;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::requests::end_error;
use crate::classes::connection::state::Connection;
use crate::client::{Answer, Argument};
use crate::engine::{CallId, End, Level};
use crate::tcl::{Obj, Reply};

/// A running fetch, known to its object until the handler is dropped.
struct Running {
    fetches: Weak<Fetches>,
    id: Cell<CallId>,
    callback: Vec<Obj>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(fetches) = self.fetches.upgrade() {
            fetches.remove(self.id.get());
        }
    }
}

/// `fetch stream consumer ?-option value ...?`
pub(super) fn fetch(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let pull = Pull::read(js, call)?;
    if let Some(callback) = call.options.given(CALLBACK) {
        let running =
            Rc::new(Running { fetches: Rc::downgrade(&js.fetches), id: Cell::new(0), callback: prefix(&callback.obj)? });
        let of_handler = Rc::clone(&running);
        let run = move |connection: &Rc<Connection>, answer| of_handler.answered(connection, answer);
        // The ID is only known once the request is under way; no answer can come before this call has returned.
        let id = js.connection.call_back(pull.spec, run)?;
        running.id.set(id);
        js.fetches.insert(id);
        return Ok(Obj::int(id as i64).into());
    }
    let calling = js.connection.call(pull.spec)?;
    let js = Rc::clone(js);
    let (stream, consumer, subject, question) = (pull.stream, pull.consumer, pull.subject, pull.question);
    let work = async move {
        let mut messages = Vec::new();
        let end = loop {
            match calling.next().await {
                Answer::Reply(message) => messages.push(dict_in(js.connection.coding(), &message, 0)),
                Answer::End(end) => break end,
            }
        };
        log_end(&js.connection, "Sync", calling.id(), &end);
        let status = status_dict(&end);
        let result = match end {
            End::Refused(_) if messages.is_empty() => Err(end_error(&end, &subject)),
            End::Closed | End::Lost => Err(end_error(&end, &subject)),
            End::Status(status) if status.status() == Some(StatusCode::NO_RESPONDERS) && messages.is_empty() => {
                Err(js.api.why_empty(stream, consumer, subject, question.ms()).await.into())
            }
            End::Timeout if messages.is_empty() => Err(js.api.why_empty(stream, consumer, subject, question.ms()).await.into()),
            _ => Ok(Obj::list(&messages)),
        };
        (status, result)
    };
    block_then(call.interp, work, finish(pull.status))
}

impl Running {
    fn answered(&self, connection: &Rc<Connection>, answer: Answer) {
        let (over, message) = match answer {
            Answer::Reply(message) => (false, dict_in(connection.coding(), &message, 0)),
            Answer::End(end) => {
                log_end(connection, "Async", self.id.get(), &end);
                match end {
                    End::Status(status) if status.status() != Some(StatusCode::NO_RESPONDERS) => {
                        (true, dict_in(connection.coding(), &status, 0))
                    }
                    End::Status(_) | End::Timeout | End::Lost | End::NoResponders(_) | End::Refused(_) => (true, Obj::empty()),
                    End::Closed | End::Full | End::Stalled | End::Pong(_) => return,
                }
            }
        };
        connection.run_callback(&self.callback, [truth(over), message]);
    }
}

fn log_end(connection: &Connection, form: &str, id: CallId, end: &End) {
    match end {
        End::Status(message) => connection.log(Level::Debug, || {
            format!("{form} pull request {id} got status message {}", message.status().map_or(0, |status| status.as_u16()))
        }),
        End::Timeout => connection.log(Level::Debug, || format!("{form} pull request {id} timed out")),
        _ => {}
    }
}

/// `cancel_pull_request fetchID`
pub(super) fn cancel_pull_request(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let word = &call.args[0];
    let id = word.as_int().and_then(|id| CallId::try_from(id).ok());
    let ours = id.is_some_and(|id| js.fetches.remove(id) && js.connection.cancel(id));
    if ours { Ok(Reply::Empty) } else { Err(Argument::FetchId(word.to_text()).into()) }
}
