//! What the engine delivers: statuses, errors, ends of calls, messages.

use std::rc::Rc;

use super::state::{Answer, Connection, State, Subscription, end_connects};
use crate::bridge::delivery::{self, Receiver};
use crate::bridge::errors::{Error, Result, to_tcl};
use crate::bridge::messages::{dict_in, payload_in};
use crate::bridge::options::bad_value;
use crate::client::Fault;
use crate::engine::{Code, Event, Level, Message, Problem, ServerEntry, Status, SubId, UrlAuth};
use crate::rules::option::Kind;
use crate::tcl::Obj;

/// Callbacks of one subscription or watch that may be on the stack: beyond, Tcl's own limit of nested evaluations comes near. Other
/// subscriptions go on: one of them may be what the callbacks wait for.
pub const NESTED_CALLBACKS: u32 = 32;

impl Receiver for Connection {
    fn event(self: Rc<Self>, event: Event) {
        match event {
            Event::Reply { call, message } => self.answer(call, Answer::Reply(message)),
            Event::End { call, end } => self.answer(call, Answer::End(end)),
            // Traces and loggers may delete the interpreter, which nobody else keeps here.
            event => {
                let _kept = self.home.live();
                self.take(event);
            }
        }
    }

    fn message(self: Rc<Self>, sub: SubId, message: Message) {
        let subscription = self.subscriptions.borrow().get(&sub).cloned();
        if let Some(subscription) = subscription {
            self.deliver(sub, &subscription, &message);
        }
    }

    fn sub_end(&self, sub: SubId) {
        let ended = self.subscriptions.borrow_mut().remove(&sub);
        drop(ended);
    }

    fn has_room(&self, sub: SubId) -> bool {
        // Nothing is on the stack in most cases.
        self.depth.get() < NESTED_CALLBACKS
            || self.subscriptions.borrow().get(&sub).is_none_or(|s| s.depth.get() < NESTED_CALLBACKS)
    }

    fn abandon(&self) {
        crate::tcl::Instance::close(self);
    }
}

impl Connection {
    fn take(&self, event: Event) {
        match event {
            Event::Status { epoch, status, error } if epoch == self.epoch.get() => self.status_changed(status, error),
            Event::Error { epoch, problem } if epoch == self.epoch.get() => {
                self.loss_told.set(false);
                self.report(&problem);
            }
            Event::Status { .. } | Event::Error { .. } => {}
            Event::Info(info) => self.set_server_info(&info),
            Event::Log { at, level, text } => self.log_at(at, level, || text),
            Event::AskDelay { ticket, server } => self.ask_delay(ticket, &server),
            Event::Reply { .. } | Event::End { .. } => {}
        }
    }

    fn status_changed(&self, status: Status, error: Option<Problem>) {
        // A trace on `last_error` may disconnect: then the status has been set, and this transition means nothing any more.
        let epoch = self.epoch.get();
        let over = || self.epoch.get() != epoch;
        match status {
            Status::Connected => {
                self.set_last_error(None);
                if over() {
                    return;
                }
                let waiting = self.connecting.take();
                self.set_state(State::Connected);
                end_connects(waiting, &Ok(()));
            }
            Status::Reconnecting => {
                if let Some(problem) = &error {
                    self.report(problem);
                    self.loss_told.set(true);
                }
                if !over() {
                    self.set_state(State::Reconnecting);
                }
            }
            Status::Closed => {
                self.forget_subscriptions();
                // Where several servers were tried in vain, the last one's error stays.
                if let Some(problem) = error.as_ref().filter(|problem| problem.code != Code::NoServers) {
                    self.note_end(problem);
                }
                if over() {
                    return;
                }
                self.log(Level::Error, || "No servers available for connection".to_string());
                // A logger is a script too.
                if over() {
                    return;
                }
                let waiting = self.connecting.take();
                self.set_state(State::Closed);
                end_connects(waiting, &Err(error.map_or_else(|| Fault::Closed.into(), Error::from)));
            }
        }
    }

    fn deliver(&self, id: u64, subscription: &Subscription, message: &Message) {
        if subscription.over.get() {
            return;
        }
        let count = subscription.count.get() + 1;
        subscription.count.set(count);
        if subscription.max.get().is_some_and(|max| count >= max) {
            subscription.over.set(true);
        }
        if subscription.callback.is_empty() {
            return;
        }
        let coding = self.coding();
        let mut words = self.words.take();
        words.extend_from_slice(&subscription.callback);
        words.push(subject_value(subscription, message.subject()));
        words.push(if subscription.dicts { dict_in(coding, message, id) } else { payload_in(coding, message.payload()) });
        words.push(message.reply().map_or_else(|| self.empty.clone(), Obj::text));
        let Some(kept) = self.home.live() else { return };
        subscription.depth.set(subscription.depth.get() + 1);
        self.depth.set(self.depth.get() + 1);
        kept.interp().call_back(&words);
        self.depth.set(self.depth.get() - 1);
        subscription.depth.set(subscription.depth.get() - 1);
        words.clear();
        self.words.set(words);
        delivery::release(self.key, id);
    }

    fn ask_delay(&self, ticket: u64, server: &ServerEntry) {
        let mut words = self.settings.borrow().custom_delay();
        let Some(kept) = self.home.live().filter(|_| !words.is_empty()) else {
            return self.engine.answer_delay(ticket, None);
        };
        let interp = kept.interp();
        words.push(server_dict(server));
        let wait = match interp.call(&words) {
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
        self.engine.answer_delay(ticket, wait);
    }

    /// Runs a callback at global level.
    pub fn run_callback(&self, prefix: &[Obj], args: impl IntoIterator<Item = Obj>) {
        if let Some(kept) = self.home.live() {
            let mut words = self.words.take();
            words.extend_from_slice(prefix);
            words.extend(args);
            kept.interp().call_back(&words);
            words.clear();
            self.words.set(words);
        }
    }
}

fn subject_value(subscription: &Subscription, subject: &str) -> Obj {
    let mut latest = subscription.subject.borrow_mut();
    if let Some(value) = latest.as_ref().filter(|value| value.raw_str() == subject.as_bytes()) {
        return value.clone();
    }
    let value = Obj::text(subject);
    *latest = Some(value.clone());
    value
}

/// Splits a command prefix.
///
/// # Errors
/// `ErrInvalidArg` if it is no list.
pub fn prefix(word: &Obj) -> Result<Vec<Obj>> {
    word.as_list().ok_or_else(|| bad_value("callback", Kind::Command, word).into())
}

/// A server of the pool: `scheme host port discovered reconnects last_attempt` and its credentials.
pub fn server_dict(server: &ServerEntry) -> Obj {
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
