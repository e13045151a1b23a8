//! Many messages by one request (NATS ADR-31).

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::api::{JetStream, open_or_error, options_body, stream_name};
use super::stored::message_dict;
use crate::bridge::errors::{Result, shown};
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::classes::connection::receive::prefix;
use crate::classes::connection::subscriptions::NESTED_CALLBACKS;
use crate::client::{Argument, Batch, Fault, Stored, Task, Turns};
use crate::rules::direct::{BATCH, BATCH_OPTIONS, LAST_OPTIONS, PAGE, SEQ, START_TIME, UP_TO_SEQ, UP_TO_TIME};
use crate::rules::option::named;
use crate::rules::subject::{Role, check_subject};
use crate::tcl::{Obj, Reply};

/// Method names, as errors have them.
const GET_BATCH: &str = "stream_get_batch";
const GET_LAST: &str = "stream_get_last";

/// A subject to read, wildcards allowed.
pub(super) fn filter(subject: &str) -> Result<String> {
    let fits = check_subject(subject, Role::Subscribe, true);
    if fits { Ok(subject.to_string()) } else { Err(Argument::Subject(subject.to_string()).into()) }
}

/// `stream_get_batch stream ?-batch n? ?-seq n|-start_time t? ?-subject filter? ?-max_bytes n? ?-callback prefix?`
pub(super) fn stream_get_batch(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let options = &call.options;
    if options.given(SEQ).is_some() && options.given(START_TIME).is_some() {
        return Err(Argument::Exclusive(SEQ, START_TIME).into());
    }
    let mut body = Map::new();
    if let Some(subject) = options.given_text(const { named(BATCH_OPTIONS, "subject") }) {
        body.insert("next_by_subj".into(), filter(subject)?.into());
    }
    match options.given_text(START_TIME) {
        Some(time) => body.insert("start_time".into(), time.into()),
        None => body.insert("seq".into(), options.given_sequence(SEQ).unwrap_or(1).max(1).into()),
    };
    let callback = options.given(const { named(BATCH_OPTIONS, "callback") });
    let callback = callback.map(|given| prefix(&given.obj)).transpose()?;
    let most = options.int(BATCH) as u64;
    let max_bytes = options.given_int(const { named(BATCH_OPTIONS, "max_bytes") }).map(|bytes| bytes as u64);
    let batch = Batch { most, body, max_bytes: max_bytes.filter(|bytes| *bytes > 0) };
    open_or_error(js)?;
    let js = Rc::clone(js);
    let Some(callback) = callback else {
        return block(call.interp, async move {
            let mut messages = Vec::new();
            js.api.batch(GET_BATCH, &name, batch, &mut |stored| messages.push(message_dict(&js, &stored))).await?;
            Ok(Obj::list(&messages))
        });
    };
    js.api.needs(GET_BATCH, crate::rules::direct::BATCHES_SINCE)?;
    call_back(&js, name, batch, callback);
    Ok(Reply::Empty)
}

/// Invokes the callback with each message, and at the end with none.
fn call_back(js: &Rc<JetStream>, name: String, batch: Batch, callback: Vec<Obj>) {
    let connection = Rc::clone(&js.connection);
    let run = move |args: [Obj; 2]| connection.run_callback(&callback, args);
    let turns = Turns::released(NESTED_CALLBACKS, Rc::new(run));
    let (reader, to) = (Rc::clone(js), Rc::clone(&turns));
    let work = async move {
        let mut each = |stored: Stored| to.push([message_dict(&reader, &stored), Obj::empty()]);
        reader.api.batch(GET_BATCH, &name, batch, &mut each).await
    };
    let (home, over) = (Rc::clone(&js.connection.home), RefCell::new(Some(turns)));
    Task::spawn(
        work,
        Box::new(move |outcome| {
            let Some(turns) = over.take() else { return };
            match outcome {
                Ok(()) => turns.push([Obj::empty(), Obj::empty()]),
                // As for other callbacks: who closes the connection knows that nothing more comes.
                Err(Fault::ClosedWaiting | Fault::Closed) => {}
                Err(fault) => turns.push([Obj::empty(), shown(&home, &fault, str::to_string).0]),
            }
        }),
    );
}

/// `stream_get_last stream subjects ?-up_to_seq n|-up_to_time t? ?-batch n?`
pub(super) fn stream_get_last(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let name = stream_name(&call.args[0])?;
    let subjects = call.args[1].as_list().ok_or_else(|| Argument::Subject(call.args[1].to_text()))?;
    let subjects = subjects.iter().map(|subject| filter(&subject.as_text())).collect::<Result<Vec<_>>>()?;
    let options = &call.options;
    if options.given(UP_TO_SEQ).is_some() && options.given(UP_TO_TIME).is_some() {
        return Err(Argument::Exclusive(UP_TO_SEQ, UP_TO_TIME).into());
    }
    let mut bound = options_body(LAST_OPTIONS, options, false)?;
    bound.retain(|name, _| name != PAGE.name.as_str());
    // For the server 0 is no limit; nothing was there before the first message.
    let nothing = bound.get(UP_TO_SEQ.as_str()).and_then(Json::as_u64) == Some(0);
    let page = options.int(PAGE) as u64;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        if subjects.is_empty() || nothing {
            return Ok(Obj::empty());
        }
        let last = js.api.last_messages(GET_LAST, &name, &subjects, bound, page).await?;
        Ok(Obj::list(&last.messages.values().map(|stored| message_dict(&js, stored)).collect::<Vec<_>>()))
    })
}
