//! Publish, subscribe, unsubscribe.

use std::rc::Rc;

use super::receive::prefix;
use super::state::Connection;
use super::subscriptions::Subscription;
use crate::bridge::errors::Result;
use crate::bridge::messages::{check, headers_out, parts, publication};
use crate::bridge::method::Invocation;
use crate::bridge::options::Options;
use crate::client::Fault;
use crate::engine::{Code, Headers, SubSpec};
use crate::rules::connection::{PUBLISH_OPTIONS, SUBSCRIBE_OPTIONS, UNSUBSCRIBE_OPTIONS};
use crate::rules::option::named;
use crate::rules::subject::Role;
use crate::tcl::{Obj, Reply};

fn send(connection: &Connection, subject: &Obj, payload: &Obj, reply: &str, headers: Option<Headers>) -> Result<Reply> {
    let sent = publication(&connection.latest, connection.coding(), subject, payload, reply, headers, |publication| {
        connection.engine().publish(publication)
    });
    match sent? {
        // The engine has already closed, which the variable does not show yet: the message is dropped like all that were waiting.
        Err(problem) if problem.code == Code::ConnectionClosed => {}
        other => other?,
    }
    Ok(Reply::Empty)
}

/// `publish subject message ?-reply subject? ?-header dict?`; older scripts give the reply subject as a bare third word.
pub(super) fn publish(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    let words = call.args;
    let (reply, options) = match words {
        [_, _] => (None, None),
        [_, _, reply] => (Some(reply.to_text()), None),
        _ => {
            let options = Options::parse(call.interp, PUBLISH_OPTIONS, &words[2..])?;
            (options.given_text(const { named(PUBLISH_OPTIONS, "reply") }).map(str::to_string), Some(options))
        }
    };
    connection.open_or_error()?;
    let headers = match options.as_ref().and_then(|options| options.given(const { named(PUBLISH_OPTIONS, "header") })) {
        Some(given) => headers_out(&given.obj)?,
        None => None,
    };
    send(connection, &words[0], &words[1], reply.as_deref().unwrap_or_default(), headers)
}

/// `publish_msg msg`
pub(super) fn publish_msg(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let parts = parts(&call.args[0])?;
    send(connection, &parts.subject, &parts.data, &parts.reply, parts.headers)
}

/// `subscribe subject ?-callback prefix? ?-queue group? ?-max_msgs n? ?-dictmsg bool? ?-post bool?`
pub(super) fn subscribe(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let subject = call.args[0].to_text();
    let coding = connection.coding();
    check(coding, &subject, Role::Subscribe)?;
    let queue = call
        .options
        .given_text(const { named(SUBSCRIBE_OPTIONS, "queue") })
        .filter(|queue| !queue.is_empty())
        .map(str::to_string);
    if let Some(queue) = &queue {
        check(coding, queue, Role::Queue)?;
    }
    let callback = match call.options.given(const { named(SUBSCRIBE_OPTIONS, "callback") }) {
        Some(given) => prefix(&given.obj)?,
        None => Vec::new(),
    };
    let max_msgs =
        call.options.given_int(const { named(SUBSCRIBE_OPTIONS, "max_msgs") }).filter(|max| *max > 0).map(|max| max as u64);
    let spec = SubSpec { subject, queue, max_msgs, discard: callback.is_empty(), pending_msgs_limit: None };
    let id = match connection.engine().subscribe(spec) {
        Err(problem) if connection.client.is_behind(&problem) => connection.engine().unsent_subscription(),
        made => made?,
    };
    let dicts = call
        .options
        .given_flag(const { named(SUBSCRIBE_OPTIONS, "dictmsg") })
        .unwrap_or_else(|| connection.settings.borrow().dictmsg());
    connection.subscriptions.add(id, Subscription::new(callback, dicts, max_msgs));
    Ok(Obj::int(id as i64).into())
}

/// `unsubscribe subID ?-max_msgs n?`
pub(super) fn unsubscribe(connection: &Rc<Connection>, call: &Invocation) -> Result<Reply> {
    connection.open_or_error()?;
    let unknown = || Fault::NoSubscription(call.args[0].to_text());
    let id = call.args[0].as_int().filter(|id| *id > 0).ok_or_else(unknown)? as u64;
    let subscription = connection.subscriptions.find(id).ok_or_else(unknown)?;
    let max =
        call.options.given_int(const { named(UNSUBSCRIBE_OPTIONS, "max_msgs") }).filter(|max| *max > 0).map(|max| max as u64);
    let max = subscription.limit(max);
    match connection.engine().unsubscribe(id, max) {
        // Nothing of it is queued here: it has ended.
        Err(problem) if problem.code == Code::BadSubscription && subscription.is_silent() => return Err(unknown().into()),
        // It has already ended there: what is still queued is counted here.
        Err(problem) if matches!(problem.code, Code::BadSubscription | Code::ConnectionClosed) => {}
        other => other?,
    }
    Ok(Reply::Empty)
}
