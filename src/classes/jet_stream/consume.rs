//! `consume` and `fetch` of dialect 2.

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
use crate::classes::connection::requests::{cancel, end_error};
use crate::classes::connection::state::Connection;
use crate::client::{Answer, Fault};
use crate::engine::{CallId, End, Level};
use crate::tcl::{Obj, Reply};

/// `consume stream consumer ?-option value ...?`
pub(super) fn consume(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let pull = Pull::read(js, call)?;
    if let Some(callback) = call.options.given(CALLBACK) {
        let callback = prefix(&callback.obj)?;
        // The ID is only known once the request is under way; no answer can come before this call has returned.
        let own = Rc::new(Own { fetches: Rc::downgrade(&js.fetches), id: Cell::new(0) });
        let of_handler = Rc::clone(&own);
        let run = move |connection: &Rc<Connection>, answer| pulled(connection, of_handler.id.get(), &callback, answer);
        let id = js.connection.call_back(pull.spec, run)?;
        own.id.set(id);
        js.fetches.insert(id);
        return Ok(Obj::int(id as i64).into());
    }
    let calling = js.connection.call(pull.spec)?;
    let (connection, fault) = (pull.connection, Pull::timed_out(pull.stream, pull.consumer, pull.subject));
    let work = async move {
        let mut messages = Vec::new();
        loop {
            match calling.next().await {
                Answer::Reply(message) => messages.push(dict_in(connection.coding(), &message, 0)),
                Answer::End(end) => {
                    log_end(&connection, calling.id(), &end);
                    return (status_dict(&end), ended(&connection, end, messages, fault));
                }
            }
        }
    };
    block_then(call.interp, work, finish(pull.status))
}

/// An asynchronous pull, known to its object until the handler is dropped.
struct Own {
    fetches: Weak<Fetches>,
    id: Cell<CallId>,
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(fetches) = self.fetches.upgrade() {
            fetches.remove(self.id.get());
        }
    }
}

fn ended(connection: &Connection, end: End, messages: Vec<Obj>, timed_out: Fault) -> Result<Obj> {
    let none = messages.is_empty();
    match end {
        End::Full => Ok(Obj::list(&messages)),
        End::Closed => Err(end_error(&End::Closed, "")),
        End::Refused(_) if none => Err(end_error(&end, "")),
        End::Status(status) if none && status.status() == Some(StatusCode::NO_RESPONDERS) => {
            let info = connection.engine().server_info();
            if info.is_some_and(|info| info.jetstream) {
                Err(timed_out.into())
            } else {
                Err(end_error(&End::NoResponders(status), ""))
            }
        }
        End::Timeout if none => Err(timed_out.into()),
        End::Lost if none => Err(end_error(&End::Lost, "")),
        _ => Ok(Obj::list(&messages)),
    }
}

fn log_end(connection: &Connection, id: u64, end: &End) {
    match end {
        End::Status(message) => connection.log(Level::Debug, || {
            format!("Pull request {id} got status message {}", message.status().map_or(0, |status| status.as_u16()))
        }),
        End::Timeout => connection.log(Level::Debug, || format!("Pull request {id} timed out")),
        _ => {}
    }
}

fn pulled(connection: &Rc<Connection>, id: u64, callback: &[Obj], answer: Answer) {
    let (timed_out, message) = match answer {
        Answer::Reply(message) => (false, dict_in(connection.coding(), &message, 0)),
        Answer::End(end) => {
            log_end(connection, id, &end);
            match end {
                End::Status(status) => (true, dict_in(connection.coding(), &status, 0)),
                End::Timeout | End::Lost | End::Refused(_) => (true, Obj::empty()),
                End::Closed | End::Full | End::Stalled | End::Pong(_) | End::NoResponders(_) => return,
            }
        }
    };
    connection.run_callback(callback, [truth(timed_out), message]);
}

/// `cancel_pull_request reqID`
pub(super) fn cancel_pull_request(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    cancel(&js.connection, &call.args[0])
}
