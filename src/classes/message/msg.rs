//! `nats::msg`: messages as dicts with the keys `header data subject reply sub_id`.

use super::dict::{keys, part, update};
use super::header;
use crate::bridge::command::Command;
use crate::bridge::errors::Result;
use crate::bridge::messages;
use crate::bridge::options::bare_name;
use crate::client::Argument;
use crate::tcl::{Call, Obj};

/// Header with the reason of a marker (NATS ADR-43).
const MARKER_REASON: &str = "Nats-Marker-Reason";

/// The subcommands.
pub(super) static COMMANDS: &[Command] = &[
    Command {
        name: "create",
        usage: "subject ?-data payload? ?-reply replysubj?",
        words: (1, usize::MAX),
        options: &[],
        help: "a new message; payload and reply subject are empty by default",
        run: create,
    },
    Command {
        name: "set",
        usage: "varName field value",
        words: (3, 3),
        options: &[],
        help: "sets `-data`, `-subject` or `-reply` of the message in a variable; other fields are `ErrInvalidArg`",
        run: set,
    },
    Command {
        name: "subject",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "the subject",
        run: |call| part(&call.args()[0], &keys().subject),
    },
    Command {
        name: "data",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "the payload",
        run: |call| part(&call.args()[0], &keys().data),
    },
    Command {
        name: "reply",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "the reply subject, empty if there is none",
        run: |call| part(&call.args()[0], &keys().reply),
    },
    Command {
        name: "no_responders",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "1 if the server says that nobody listens (status 503), else 0",
        run: |call| flag(header::is_first(&call.args()[0], &keys().status, |status| status == "503")),
    },
    Command {
        name: "idle_heartbeat",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "1 for an idle heartbeat (status 100, no payload), else 0",
        run: |call| flag(is_control(&call.args()[0], "Idle")),
    },
    Command {
        name: "flow_control",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "1 for a flow control request (status 100, no payload), else 0",
        run: |call| flag(is_control(&call.args()[0], "Flow")),
    },
    Command {
        name: "marker",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "the reason, such as `MaxAge`, of a marker that the server left for the last message of a subject (`-subject_delete_marker_ttl`); empty for other messages",
        run: |call| header::first_of(&call.args()[0], MARKER_REASON),
    },
    Command {
        name: "seq",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "sequence number of a message from `stream_msg_get`; others have none: `ErrInvalidArg`",
        run: |call| part(&call.args()[0], &keys().seq),
    },
    Command {
        name: "timestamp",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "time of a message from `stream_msg_get`, ISO text as the server gives it; others have none: `ErrInvalidArg`",
        run: |call| part(&call.args()[0], &keys().time),
    },
];

fn create(call: &Call) -> Result<Obj> {
    let args = call.args();
    let options = &args[1..];
    if options.len() % 2 == 1 {
        return Err(Argument::OptionWithoutValue(options[options.len() - 1].to_text()).into());
    }
    let (mut data, mut reply) = (Obj::empty(), Obj::empty());
    // Not read by an option table: that makes a string of each value, which a payload of bytes should not get.
    for pair in options.chunks_exact(2) {
        match bare_name(&pair[0].as_text()) {
            "data" => data = pair[1].clone(),
            "reply" => reply = pair[1].clone(),
            other => return Err(Argument::UnknownOption(other.to_string()).into()),
        }
    }
    let empty = Obj::empty();
    Ok(messages::dict(&empty, &data, &args[0].as_text(), &reply.as_text(), &empty))
}

fn set(call: &Call) -> Result<Obj> {
    let [variable, field, value] = call.args() else { return Err(call.wrong_args("varName field value").into()) };
    let name = field.as_text();
    let key = match bare_name(&name) {
        "data" => &keys().data,
        "subject" => &keys().subject,
        "reply" => &keys().reply,
        other => return Err(Argument::MessageField(other.to_string()).into()),
    };
    update(call.interp, variable, |message| {
        message.put(key, value);
        Ok(())
    })
}

/// Tcl's 1 or 0.
fn flag(answer: bool) -> Result<Obj> {
    Ok(Obj::int(i64::from(answer)))
}

/// Whether this is a control message: status 100, no payload, and a description that begins so (ADR-9, ADR-4).
fn is_control(message: &Obj, description: &str) -> bool {
    header::is_first(message, &keys().status, |status| status == "100")
        && header::is_first(message, &keys().description, |text| text.starts_with(description))
        && message.get(&keys().data).is_none_or(|data| data.byte_count() == Some(0))
}
