//! Handling of what the engine delivers: statuses, errors, ends of calls, messages.

use std::rc::Rc;

use super::state::Connection;
use crate::bridge::delivery::{self, Receiver};
use crate::bridge::errors::{Result, to_tcl};
use crate::bridge::options::bad_value;
use crate::client::{Answer, Astray, Fault, State};
use crate::engine::{Code, End, Event, Level, Message, Problem, ServerEntry, Status, SubId, UrlAuth};
use crate::rules::option::Kind;
use crate::tcl::Obj;

impl Receiver for Connection {
    fn event(self: Rc<Self>, event: Event) {
        match event {
            Event::Reply { call, message } => self.client.calls().answer(call, Answer::Reply(message)),
            Event::End { call, end } => self.client.calls().answer(call, Answer::End(end)),
            Event::Settled { owner } => self.client.calls().settled(owner),
            // Traces and loggers may delete the interpreter, which nobody else keeps here.
            event => {
                let _kept = self.home.live();
                self.take(event);
            }
        }
    }

    fn message(self: Rc<Self>, sub: SubId, message: Message) {
        if self.subscriptions.deliver(&self.callbacks, self.coding(), sub, message) {
            delivery::release(self.key, sub);
        }
    }

    fn sub_end(&self, sub: SubId) {
        self.subscriptions.remove(sub);
    }

    fn has_room(&self, sub: SubId) -> bool {
        self.subscriptions.has_room(sub)
    }

    fn last(&self) {
        self.client.calls().abandon();
    }

    fn abandon(&self) {
        crate::tcl::Instance::close(self);
    }
}

impl Connection {
    fn take(&self, event: Event) {
        match event {
            Event::Status { epoch, status, error } if epoch == self.client.epoch() => self.status_changed(status, error),
            Event::Error { epoch, problem } if epoch == self.client.epoch() => {
                self.client.tell(&problem);
                self.report(&problem);
            }
            Event::Status { .. } | Event::Error { .. } => {}
            Event::Info(info) => {
                let dialect = self.settings.borrow().dialect();
                self.variables.set_server_info(&info, dialect);
            }
            Event::Log { at, level, text } => self.log_at(at, level, || text),
            Event::AskDelay { ticket, server } => self.ask_delay(ticket, &server),
            Event::Reply { .. } | Event::End { .. } | Event::Settled { .. } => {}
        }
    }

    fn status_changed(&self, status: Status, error: Option<Problem>) {
        // A trace on `last_error` may disconnect: then the status has been set, and this transition is stale.
        let epoch = self.client.epoch();
        let over = || self.client.epoch() != epoch;
        let keeps_pings = self.settings.borrow().dialect().losses.keep_pings;
        let astray = || keeps_pings.then(|| self.client.take_round_trips());
        match status {
            Status::Connected => {
                self.variables.set_last_error(None);
                if over() {
                    return;
                }
                let (waiting, pings) = (self.client.take_connecting(), astray());
                self.set_state(State::Connected);
                waiting.end(&Ok(()));
                pings.into_iter().for_each(Astray::end);
            }
            Status::Reconnecting => {
                if let Some(problem) = &error {
                    self.report(problem);
                }
                if !over() {
                    self.set_state(State::Reconnecting);
                }
            }
            Status::Closed { dropped } => {
                self.subscriptions.forget();
                // The error of the last server stays.
                if let Some(problem) = error.as_ref().filter(|problem| problem.code != Code::NoServers) {
                    self.report(problem);
                }
                if over() {
                    return;
                }
                self.log(Level::Error, || "No servers available for connection".to_string());
                if dropped > 0 && !over() {
                    self.log(Level::Warn, || format!("{dropped} unsent messages dropped"));
                }
                // A logger is a script too.
                if over() {
                    return;
                }
                let (waiting, pings, unheard) = (self.client.take_connecting(), astray(), self.client.take_unheard());
                self.set_state(State::Closed);
                waiting.end(&Err(error.map_or(Fault::Closed, Fault::from)));
                pings.into_iter().for_each(Astray::end);
                unheard.end(|| End::Lost);
            }
        }
    }

    fn ask_delay(&self, ticket: u64, server: &ServerEntry) {
        let mut words = self.settings.borrow().custom_delay();
        let Some(kept) = self.home.live().filter(|_| !words.is_empty()) else {
            return self.engine().answer_delay(ticket, None);
        };
        let interp = kept.interp();
        words.push(server_dict(server));
        let wait = match interp.ask(&words) {
            Ok(value) => match value.as_int().filter(|ms| *ms >= 0) {
                Some(ms) => Some(std::time::Duration::from_millis(ms as u64)),
                None => {
                    let bad = bad_value("custom_reconnect_delay", Kind::Timeout, &value);
                    interp.background_error(&to_tcl(interp, bad));
                    None
                }
            },
            Err(error) => {
                interp.background_error(&error);
                None
            }
        };
        self.engine().answer_delay(ticket, wait);
    }
}

/// Splits a command prefix.
///
/// # Errors
/// `ErrInvalidArg` if it is no list.
pub(crate) fn prefix(word: &Obj) -> Result<Vec<Obj>> {
    word.as_list().ok_or_else(|| bad_value("callback", Kind::Command, word).into())
}

/// A server of the pool: `scheme host port discovered reconnects last_attempt` and its credentials.
pub(crate) fn server_dict(server: &ServerEntry) -> Obj {
    let mut dict = Obj::dict();
    dict.put_text("scheme", &Obj::text(server.scheme));
    dict.put_text("host", &Obj::text(&server.host));
    dict.put_text("port", &Obj::int(i64::from(server.port)));
    dict.put_text("discovered", &Obj::bool(server.discovered));
    dict.put_text("reconnects", &Obj::int(server.reconnects as i64));
    dict.put_text("last_attempt", &Obj::int(server.last_attempt as i64));
    match &server.auth {
        UrlAuth::None => {}
        UrlAuth::Token(token) => dict.put_text("auth_token", &Obj::text(token)),
        UrlAuth::User(user, password) => {
            dict.put_text("user", &Obj::text(user));
            dict.put_text("password", &Obj::text(password));
        }
    }
    dict
}
