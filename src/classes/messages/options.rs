//! Options of `messages`, checked among themselves and by the consumer's configuration.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::bridge::errors::Result;
use crate::bridge::options::{Options, bad_value};
use crate::classes::connection::receive::prefix;
use crate::classes::jet_stream::api::JetStream;
use crate::classes::priority::{self, MIN_ACK_PENDING, MIN_PENDING, PRIORITY};
use crate::client::Argument;
use crate::rules::jetstream_consumers::nak;
use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::messages::MESSAGES_OPTIONS;
use crate::rules::option::{Kind, Name, Preset, flag, int, named, text};
use crate::rules::pull::BATCH_BY_BYTES;
use crate::rules::pull_plan::Plan;
use crate::rules::pull_status::Limit;
use crate::tcl::Obj;

const MAX_MSGS: Preset<i64> = int(MESSAGES_OPTIONS, "max_msgs");
const MAX_BYTES: Name = named(MESSAGES_OPTIONS, "max_bytes");
const THRESHOLD: Name = named(MESSAGES_OPTIONS, "threshold");
const EXPIRES: Preset<i64> = int(MESSAGES_OPTIONS, "expires");
const IDLE_HEARTBEAT: Name = named(MESSAGES_OPTIONS, "idle_heartbeat");
const STOP_AFTER: Name = named(MESSAGES_OPTIONS, "stop_after");
const CALLBACK: Name = named(MESSAGES_OPTIONS, "callback");
const EVENTS: Name = named(MESSAGES_OPTIONS, "events");
const CONCURRENCY: Preset<i64> = int(MESSAGES_OPTIONS, "concurrency");
const BATCH: Name = named(MESSAGES_OPTIONS, "batch");
const BATCH_WAIT: Name = named(MESSAGES_OPTIONS, "batch_wait");
const NAK_DELAY: Name = named(MESSAGES_OPTIONS, "nak_delay");
const ACK: Preset<&'static str> = text(MESSAGES_OPTIONS, "ack");
const KEEP_ALIVE: Preset<bool> = flag(MESSAGES_OPTIONS, "keep_alive");
const CHECK: Preset<bool> = flag(MESSAGES_OPTIONS, "check");
const RECREATE: Preset<bool> = flag(MESSAGES_OPTIONS, "recreate");

/// Shortest time of a pull in ms.
const SHORTEST: i64 = 1_000;

/// Shortest and longest time between heartbeats in ms, if the script does not say.
const HEARTBEATS: (i64, i64) = (500, 30_000);

/// Time that a server gives for an acknowledgement if nobody says otherwise.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// What happens to a message after the script has dealt with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    None,
    Auto,
    Sync,
}

/// How messages are acknowledged.
pub(super) struct Answers {
    pub(super) ack: Ack,
    /// Payload of a negative acknowledgement.
    pub(super) nak: String,
}

/// What concerns the script's side.
pub(crate) struct Settings {
    pub(super) callback: Option<Vec<Obj>>,
    pub(super) events: Option<Vec<Obj>>,
    pub(super) answers: Rc<Answers>,
    pub(super) keep_alive: bool,
    pub(super) ack_wait: Duration,
    pub(super) concurrency: u64,
    /// Most messages of a list; `None` if there are no lists.
    pub(super) batch: Option<usize>,
    /// Time in ms to wait for a full list.
    pub(super) batch_wait: Option<u64>,
    pub(super) check: bool,
}

impl Settings {
    /// Whether the object acknowledges messages.
    pub(super) fn acknowledges(&self) -> bool {
        self.answers.ack != Ack::None
    }
}

/// A count that is not 0.
fn count(name: Name, value: Option<i64>) -> Result<Option<u64>> {
    match value {
        Some(0) => Err(Argument::Value(BadValue { name: name.to_string(), kind: Kind::Count, value: "0".into() }).into()),
        value => Ok(value.map(|value| value as u64)),
    }
}

/// Reads the options of `messages`.
///
/// # Errors
/// `ErrInvalidArg`, `ErrBadTimeout`, `ErrNotSupported`.
pub(super) fn read(js: &JetStream, options: &Options) -> Result<(Settings, Plan)> {
    let expires = options.int(EXPIRES);
    if expires < SHORTEST {
        return Err(Argument::ExpiresTooShort(expires).into());
    }
    let (shortest, longest) = HEARTBEATS;
    let heartbeat = options.given_int(IDLE_HEARTBEAT).unwrap_or((expires / 2).clamp(shortest, longest));
    let (settings, mut plan) = read_paced(js, options, expires, heartbeat)?;
    plan.recreates = options.flag(RECREATE);
    if plan.recreates && !settings.check {
        return Err(Argument::Needs(RECREATE.name, CHECK.name).into());
    }
    Ok((settings, plan))
}

/// Reads the options of `messages`, or of a method that has some of them by the same names. Pulls take `expires` ms, with so many
/// ms between heartbeats.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_paced(js: &JetStream, options: &Options, expires: i64, heartbeat: i64) -> Result<(Settings, Plan)> {
    let plan = plan(options, expires, heartbeat)?;
    let nak_delay = options.given_text(NAK_DELAY);
    let bad_delay = || {
        Argument::Value(BadValue {
            name: NAK_DELAY.to_string(),
            kind: Kind::Delay,
            value: nak_delay.unwrap_or_default().to_string(),
        })
    };
    let batch = count(BATCH, options.given_int(BATCH))?;
    let batch_wait = options.given_int(BATCH_WAIT);
    if batch_wait.is_some() && batch.is_none() {
        return Err(Argument::Needs(BATCH_WAIT, BATCH).into());
    }
    let words = |name| options.given(name).map(|given| prefix(&given.obj)).transpose();
    let callback = words(CALLBACK)?;
    if callback.is_none() {
        for needy in [BATCH, CONCURRENCY.name] {
            if options.given(needy).is_some() {
                return Err(Argument::Needs(needy, CALLBACK).into());
            }
        }
    }
    js.api.knows(options.table(), &options.values(), false)?;
    let ack = match options.text(ACK) {
        "auto" => Ack::Auto,
        "sync" => Ack::Sync,
        _ => Ack::None,
    };
    let settings = Settings {
        callback,
        events: words(EVENTS)?,
        answers: Rc::new(Answers { ack, nak: nak(nak_delay).map_err(|_| bad_delay())? }),
        keep_alive: options.flag(KEEP_ALIVE),
        ack_wait: ACK_WAIT,
        concurrency: count(CONCURRENCY.name, Some(options.int(CONCURRENCY)))?.unwrap_or(1),
        batch: batch.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
        batch_wait: batch_wait.filter(|ms| *ms > 0).map(|ms| ms as u64),
        check: options.flag(CHECK),
    };
    if nak_delay.is_some() && ack == Ack::None {
        return Err(Argument::Needs(NAK_DELAY, ACK.name).into());
    }
    Ok((settings, plan))
}

fn plan(options: &Options, expires: i64, heartbeat: i64) -> Result<Plan> {
    let max_bytes = count(MAX_BYTES, options.given_int(MAX_BYTES))?;
    if max_bytes.is_some() && options.given(MAX_MSGS.name).is_some() {
        return Err(Argument::Exclusive(MAX_BYTES, MAX_MSGS.name).into());
    }
    let max_msgs = count(MAX_MSGS.name, Some(options.int(MAX_MSGS)))?.unwrap_or(1);
    let limit = max_bytes.unwrap_or(max_msgs);
    let threshold = options.given_int(THRESHOLD).map_or(limit.div_ceil(2), |given| given as u64);
    if threshold == 0 || threshold > limit {
        return Err(Argument::Threshold { threshold, limit }.into());
    }
    // The wire counts in ns.
    if expires > i64::MAX / 1_000_000 {
        // Where there is no `-expires`, the time follows from the heartbeat.
        let given = |name: Name| options.given(name).map(|given| (name, &given.obj));
        if let Some((name, word)) = given(EXPIRES.name).or_else(|| given(IDLE_HEARTBEAT)) {
            return Err(bad_value(name.as_str(), Kind::Count, word).into());
        }
    }
    count(IDLE_HEARTBEAT, Some(heartbeat))?;
    if heartbeat > expires / 2 {
        return Err(Argument::HeartbeatTooLong { heartbeat, expires }.into());
    }
    Ok(Plan {
        max_msgs: if max_bytes.is_some() { BATCH_BY_BYTES as u64 } else { max_msgs },
        max_bytes,
        threshold,
        expires: Duration::from_millis(expires as u64),
        heartbeat: Duration::from_millis(heartbeat as u64),
        stop_after: count(STOP_AFTER, options.given_int(STOP_AFTER))?,
        priority: priority::read(options)?,
        renews: false,
        recreates: false,
        pushed: false,
    })
}

/// Compares the options with the consumer's configuration, and takes its limits.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn check(info: &Json, consumer: &str, settings: &mut Settings, plan: &mut Plan) -> Result<()> {
    let config = &info["config"];
    if config["deliver_subject"].as_str().is_some_and(|subject| !subject.is_empty()) {
        return Err(Argument::PushConsumer(consumer.to_string()).into());
    }
    let groups: Vec<String> = config["priority_groups"]
        .as_array()
        .map(|groups| groups.iter().filter_map(Json::as_str).map(str::to_string).collect())
        .unwrap_or_default();
    let fits = match &plan.priority.group {
        None => groups.is_empty(),
        Some(group) => groups.contains(group),
    };
    if !fits {
        return Err(Argument::Group { consumer: consumer.to_string(), groups }.into());
    }
    let policy = config["priority_policy"].as_str().unwrap_or("none");
    for (name, given, needs) in [
        (MIN_PENDING, plan.priority.min_pending, "overflow"),
        (MIN_ACK_PENDING, plan.priority.min_ack_pending, "overflow"),
        (PRIORITY, plan.priority.priority, "prioritized"),
    ] {
        if given.is_some() && policy != needs {
            return Err(Argument::PriorityPolicy { name, policy: needs }.into());
        }
    }
    let number = |name: &str| config[name].as_u64().filter(|number| *number > 0);
    if let Some(nanos) = number("ack_wait") {
        settings.ack_wait = Duration::from_nanos(nanos);
    }
    let limits = [
        number("max_batch").map(Limit::Batch),
        number("max_bytes").map(Limit::Bytes),
        number("max_expires").map(|nanos| Limit::Expires(Duration::from_nanos(nanos))),
    ];
    limits.into_iter().flatten().for_each(|limit| plan.observe(limit));
    Ok(())
}
