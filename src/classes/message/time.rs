//! `nats::timestamp` and the commands that convert the server's times.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::bridge::command::Command;
use crate::bridge::errors::Result;
use crate::bridge::options;
use crate::client::{Argument, Fault};
use crate::rules::option::{Kind, Opt, row};
use crate::rules::time::{isotime_to_msec, msec_to_isotime};
use crate::tcl::clock::local_offset;
use crate::tcl::{Call, Interp, Obj};

/// The commands.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "timestamp",
        usage: "",
        words: (0, 0),
        options: &[],
        help: "the local time, such as `2022-11-22T13:31:35.451`",
        run: |_| Ok(Obj::text(&local_time(SystemTime::now()))),
    },
    Command {
        name: "isotime_to_msec",
        usage: "isotime",
        words: (1, 1),
        options: &[],
        help: "ms since the epoch of an ISO time: fraction of any length, `Z` or an offset, UTC without; else `ErrInvalidArg`",
        run: |call| {
            let text = call.args()[0].as_text();
            isotime_to_msec(&text).map(Obj::int).map_err(|_| Argument::Time(text.to_string()).into())
        },
    },
    Command {
        name: "msec_to_isotime",
        usage: "msec ?tz?",
        words: (1, 2),
        options: &[],
        help: "ISO time without designator of ms since the epoch, in UTC or a zone as `clock format -timezone` takes it",
        run: to_isotime,
    },
];

/// Commands of dialect 2 only.
pub(crate) static OLD_COMMANDS: &[Command] = &[Command {
    name: "time_to_millis",
    usage: "isotime",
    words: (1, 1),
    options: &[],
    help: "`isotime_to_msec` for older scripts: what is no time is the error `NATS InvalidTime`",
    run: |call| {
        let text = call.args()[0].as_text();
        isotime_to_msec(&text).map(Obj::int).map_err(|_| Fault::InvalidTime(text.to_string()).into())
    },
}];

/// The argument of `msec_to_isotime`, read as options are.
const MSEC: Opt = row("msec", Kind::Int, "ms since the epoch");

/// The local time as log lines have it: `2022-11-22T13:31:35.451`.
///
/// The zone is that of the environment.
pub(crate) fn local_time(at: SystemTime) -> String {
    let ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    msec_to_isotime(ms, local_offset(ms.div_euclid(1000))).unwrap_or_default()
}

fn to_isotime(call: &Call) -> Result<Obj> {
    let (value, _) = options::read(call.interp, &MSEC, &call.args()[0])?;
    let ms = options::clamp(&value);
    let utc = msec_to_isotime(ms, 0).map_err(|_| Argument::TimeOutOfRange(call.args()[0].to_text()))?;
    match call.args().get(1) {
        Some(zone) if !matches!(&*zone.as_text(), "UTC" | ":UTC") => in_zone(call.interp, ms, Some(zone)),
        _ => Ok(Obj::text(&utc)),
    }
}

/// The time by clock(n), which knows the zones; in the system's zone if none is given.
fn in_zone(interp: Interp, ms: i64, zone: Option<&Obj>) -> Result<Obj> {
    let mut words = ["::clock", "format"].map(Obj::text).to_vec();
    words.push(Obj::int(ms.div_euclid(1_000)));
    words.extend(["-format", "%Y-%m-%dT%H:%M:%S"].map(Obj::text));
    if let Some(zone) = zone {
        words.extend([Obj::text("-timezone"), zone.clone()]);
    }
    let seconds = interp.call(&words)?;
    Ok(Obj::text(&format!("{}.{:03}", seconds.as_text(), ms.rem_euclid(1_000))))
}
