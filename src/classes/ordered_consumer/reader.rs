//! Ordered consumers whose messages a script takes as it likes.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::state::{CLASS_NAME, Ordered};
use crate::bridge::birth;
use crate::bridge::delivery::behind_arrivals;
use crate::bridge::dialect;
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::options::{Options, bad_value};
use crate::bridge::task::block;
use crate::classes::jet_stream::api::{JetStream, open_or_error, stream_name};
use crate::classes::messages::{self, options};
use crate::client::messages::{Origin, Source, Wish};
use crate::client::{Argument, Fault};
use crate::rules::jetstream_convert_body::body;
use crate::rules::option::{Kind, Name, Preset, int, named, text};
use crate::rules::ordered_options::{ORDERED_OPTIONS, TAKING, wished_config};
use crate::rules::version::Version;
use crate::tcl::{Instance, Reply};

const MODE: Name = named(ORDERED_OPTIONS, "mode");
const FILTER: Name = named(ORDERED_OPTIONS, "filter_subject");
const FILTERS: Name = named(ORDERED_OPTIONS, "filter_subjects");
const THRESHOLD: Name = named(ORDERED_OPTIONS, "inactive_threshold");
const MAX_MSGS: Name = int(ORDERED_OPTIONS, "max_msgs").name;
const MAX_BYTES: Name = named(ORDERED_OPTIONS, "max_bytes");
const HEARTBEAT: Preset<i64> = int(ORDERED_OPTIONS, "idle_heartbeat");
const POLICY: Preset<&'static str> = text(ORDERED_OPTIONS, "deliver_policy");

/// Time of a pull in ms, unless heartbeats are rare.
const EXPIRES: i64 = 30_000;

/// First version whose servers take the name of a consumer that is not durable.
const NAMED: Version = Version(2, 9, 0);

/// The options that say what is delivered, as the server takes them.
///
/// # Errors
/// `ErrInvalidArg`
pub(super) fn wish(options: &Options) -> Result<Map<String, Json>> {
    if options.given(FILTER).is_some() && options.given(FILTERS).is_some() {
        return Err(Argument::Exclusive(FILTER, FILTERS).into());
    }
    let taking = |name: &str| TAKING.contains(&name);
    let mut given = options.values();
    given.retain(|(index, _)| !taking(ORDERED_OPTIONS[*index].name));
    let mut config = body(ORDERED_OPTIONS, &given, true).map_err(Argument::Value)?;
    config.retain(|name, _| !taking(name));
    // The server would take its own default, of seconds.
    if let Some(given) = options.given(THRESHOLD)
        && config.get(THRESHOLD.as_str()).and_then(Json::as_i64) == Some(0)
    {
        return Err(bad_value(THRESHOLD.as_str(), Kind::PosMillis, &given.obj).into());
    }
    Ok(config)
}

/// `ordered_consumer stream ?-option value ...?`
pub(crate) fn ordered_consumer(js: &Rc<JetStream>, call: &Invocation) -> Result<Reply> {
    let stream = stream_name(&call.args[0])?;
    let given = &call.options;
    let pushed = given.given_text(MODE) == Some("push");
    for name in [MAX_MSGS, MAX_BYTES] {
        if pushed && given.given(name).is_some() {
            return Err(Argument::PullOnly(name).into());
        }
    }
    let wished = wish(given)?;
    let heartbeat = given.int(HEARTBEAT);
    let expires = EXPIRES.max(heartbeat.saturating_mul(2));
    let (settings, mut plan) = options::read_paced(js, given, expires, heartbeat)?;
    (plan.renews, plan.pushed) = (true, pushed);
    let moves = matches!(given.text(POLICY), "new" | "last");
    let wish = Wish { config: wished_config(wished, pushed.then_some(heartbeat)), moves };
    open_or_error(js)?;
    if !js.api.is_at_least(NAMED) {
        return Err(Fault::TooOld { method: "ordered_consumer", since: NAMED, server: js.api.server_version() }.into());
    }
    let dies = dialect::of(call.interp).children_die;
    let js = Rc::clone(js);
    block(call.interp, async move {
        let origin = Origin { api: Rc::clone(&js.api), stream, behind_arrivals };
        let reader = messages::reader(&js, settings, |tell| Source::of_wish(origin, wish, plan, tell));
        reader.source()?.begin().await?;
        let kept = js.connection.home.live().ok_or(Fault::Closed)?;
        let ordered = Rc::new(Ordered::new(&js.connection, None));
        // Nobody else sets it.
        let _ = ordered.reader.set(Rc::clone(&reader));
        let born = birth::make(kept.interp(), CLASS_NAME, Rc::clone(&ordered) as Rc<dyn Instance>)?;
        let name = born.handle.name(kept.interp());
        reader.title.replace(format!("Ordered consumer {}", name.to_text()));
        reader.born(kept.interp(), &born)?;
        if dies && !js.family.adopt(&js.connection.home, born.handle) {
            return Err(Fault::Closed.into());
        }
        Ok(name)
    })
}
