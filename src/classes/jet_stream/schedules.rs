//! Schedules: messages of a stream that make others later.

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, json};

use super::api::{JetStream, Shape, open_or_error, shaped, stream_name};
use super::batch::filter;
use super::publish::{ack_dict, stored};
use crate::bridge::errors::Result;
use crate::bridge::messages::{headers_out, outgoing};
use crate::bridge::method::{Invocation, Method, row};
use crate::bridge::options::{Options, bad_value};
use crate::bridge::task::block;
use crate::client::Argument;
use crate::engine::{Headers, Outgoing};
use crate::rules::direct::LAST_OPTIONS;
use crate::rules::option::{Kind, Name, int, named};
use crate::rules::schedule::{
    DESCRIBED, LEVEL, NEXT, PURGE, REPEATING_LEVEL, ROLLUP, SCHEDULE_OPTIONS, SCHEDULER, SOURCE, TARGET, TIME_ZONE, TTL, WHEN,
    at, every,
};
use crate::rules::ttl;
use crate::tcl::{Obj, Reply};

/// The rows.
pub(super) const METHODS: &[Method<JetStream>] = &[
    row(
        "schedule",
        "subject -target subject ?-option value ...?",
        (1, 1),
        SCHEDULE_OPTIONS,
        "Publishes a schedule, which makes messages later; it replaces an earlier one of the subject. Exactly one of `-at -in -every -cron`. The pubAck dict. Level 2. Errors: ErrInvalidArg, ErrNotSupported, ErrNoResponders, ErrJSResponse.",
        schedule,
    ),
    row(
        "unschedule",
        "stream subject",
        (2, 2),
        &[],
        "Removes the schedules of a subject, wildcards allowed: their number. Errors: ErrBadSubject, ErrNotSupported, ErrJSResponse.",
        unschedule,
    ),
    row(
        "schedules",
        "stream ?filter?",
        (1, 2),
        &[],
        "List of dicts `subject seq schedule target ...` of the schedules of a stream, or of those on matching subjects. The stream must have `-allow_direct`. Errors: ErrBadSubject, ErrNotSupported, ErrJSResponse.",
        schedules,
    ),
    row(
        "replace_schedule",
        "subject schedule message",
        (3, 3),
        &[],
        "Stores a message and removes the schedule on the subject `schedule` in one step: the pubAck dict. Errors: ErrNotSupported, ErrNoResponders, ErrJSResponse.",
        replace_schedule,
    ),
];

const AT: Name = named(SCHEDULE_OPTIONS, "at");
const IN: Name = named(SCHEDULE_OPTIONS, "in");
const EVERY: Name = named(SCHEDULE_OPTIONS, "every");
const CRON: Name = named(SCHEDULE_OPTIONS, "cron");
const ZONE: Name = named(SCHEDULE_OPTIONS, "timezone");

/// When a schedule is due; one of the options is needed.
const DUE: &[Name] = &[AT, IN, EVERY, CRON];

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The word that says when, and the level that it needs.
fn due(options: &Options) -> Result<(String, u32)> {
    let given: Vec<Name> = DUE.iter().copied().filter(|name| options.given(*name).is_some()).collect();
    match given[..] {
        [] => return Err(Argument::OneRequired(DUE).into()),
        [_] => {}
        [one, other, ..] => return Err(Argument::Exclusive(one, other).into()),
    }
    if options.given(ZONE).is_some() && options.given(CRON).is_none() {
        return Err(Argument::Needs(ZONE, CRON).into());
    }
    let time = |text: &str| at(text).map_err(|_| Argument::Time(text.to_string()));
    if let Some(text) = options.given_text(AT) {
        return Ok((time(text)?, LEVEL));
    }
    if let Some(ms) = options.given_int(IN) {
        return Ok((time(&now().saturating_add(ms).to_string())?, LEVEL));
    }
    if let Some(ms) = options.given_int(EVERY) {
        let word = every(ms).ok_or_else(|| bad_value(EVERY.as_str(), Kind::Count, &Obj::int(ms)))?;
        return Ok((word, REPEATING_LEVEL));
    }
    Ok((options.given_text(CRON).unwrap_or_default().to_string(), REPEATING_LEVEL))
}

/// `schedule subject -target subject ...`
fn schedule(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let options = &call.options;
    options.required(const { named(SCHEDULE_OPTIONS, "target") })?;
    let (when, level) = due(options)?;
    let text = |name: Name| options.given_text(name).map(str::to_string);
    let rollup = options.given_flag(const { named(SCHEDULE_OPTIONS, "rollup") }).unwrap_or(false);
    let made: Headers = [
        (WHEN, Some(when)),
        (TARGET, text(const { named(SCHEDULE_OPTIONS, "target") })),
        (SOURCE, text(const { named(SCHEDULE_OPTIONS, "source") })),
        (TTL, text(const { named(SCHEDULE_OPTIONS, "ttl") })),
        (ROLLUP, rollup.then(|| "sub".to_string())),
        (TIME_ZONE, text(ZONE)),
        (ttl::HEADER, text(const { named(SCHEDULE_OPTIONS, "publish_ttl") })),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_string(), value?)))
    .collect();
    let mut headers = match options.given(const { named(SCHEDULE_OPTIONS, "header") }) {
        Some(given) => headers_out(&given.obj)?.unwrap_or_default(),
        None => Headers::new(),
    };
    if let Some((name, _)) = headers.iter().find(|(name, _)| made.iter().any(|(other, _)| other == name)) {
        return Err(Argument::HeaderTwice(name.clone()).into());
    }
    headers.extend(made);
    let data = options.given(const { named(SCHEDULE_OPTIONS, "data") }).map_or_else(Obj::empty, |given| given.obj.clone());
    let message = outgoing(&js.connection.latest, js.connection.coding(), &call.args[0], &data, "", Some(headers))?;
    publish(js, call, "schedule", level, message)
}

/// Publishes a message that needs a level: its acknowledgement.
fn publish(js: &Rc<JetStream>, call: &Invocation, method: &'static str, level: u32, message: Outgoing) -> Result<Reply> {
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level(&format!("The method {method}"), level).await?;
        Ok(ack_dict(&stored(&js, message).await?)?)
    })
}

/// `unschedule stream subject`
fn unschedule(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let body = json!({"filter": filter(&call.args[1].as_text())?}).to_string();
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level("The method unschedule", LEVEL).await?;
        let (message, reply) = js.api.ask(&format!("STREAM.PURGE.{stream}"), body).await?;
        shaped(&message, reply, Shape::Purged)
    })
}

/// `schedules stream ?filter?`
fn schedules(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let wanted = call.args.get(1).map_or_else(|| Ok(">".to_string()), |subject| filter(&subject.as_text()))?;
    open_or_error(js)?;
    let js = Rc::clone(js);
    block(call.interp, async move {
        js.api.needs_level("The method schedules", LEVEL).await?;
        let page = int(LAST_OPTIONS, "batch").default as u64;
        let last = js.api.last_messages("schedules", &stream, &[wanted], Map::new(), page).await?;
        let mut all = Vec::new();
        for stored in last.messages.into_values() {
            let header = |wanted: &str| stored.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| Obj::text(value));
            if header(WHEN).is_none() {
                continue;
            }
            let mut dict = Obj::dict();
            dict.put_text("subject", &Obj::text(&stored.subject));
            dict.put_text("seq", &Obj::uint(stored.seq));
            for (name, wanted) in DESCRIBED {
                if let Some(value) = header(wanted) {
                    dict.put_text(name, &value);
                }
            }
            all.push(dict);
        }
        Ok(Obj::list(&all))
    })
}

/// `replace_schedule subject schedule message`
fn replace_schedule(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    js.connection.open_or_error()?;
    let headers = vec![(SCHEDULER.to_string(), call.args[1].to_text()), (NEXT.to_string(), PURGE.to_string())];
    let coding = js.connection.coding();
    let message = outgoing(&js.connection.latest, coding, &call.args[0], &call.args[2], "", Some(headers))?;
    publish(js, call, "replace_schedule", LEVEL, message)
}
