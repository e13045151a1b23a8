//! Options of `messages` and of the methods of `nats::messages`.

use super::option::{Kind, Opt, preset, row};
use super::pull::PRIORITY_OPTIONS;

/// Options of `messages`.
pub(crate) const MESSAGES_OPTIONS: &[Opt] = &[
    row("callback", Kind::Command, "called with each message; without it `next` and `each` take them"),
    preset("max_msgs", Kind::Count, "500", "most messages that are asked for and not yet taken by the script; not 0"),
    row("max_bytes", Kind::Count, "the same in bytes, in place of `-max_msgs`; not 0"),
    row(
        "threshold",
        Kind::Count,
        "ask for more when less than this is outstanding, in messages or bytes; from 1 to the limit, by default half of it, rounded up",
    ),
    preset("expires", Kind::Count, "30000", "ms that the server may keep a request; at least 1000"),
    row(
        "idle_heartbeat",
        Kind::Count,
        "ms between heartbeats of the server while nothing comes, at most half of `-expires`; by default half of it, within 500 and 30000",
    ),
    row("stop_after", Kind::Count, "end after so many messages, and never ask for more; not 0"),
    PRIORITY_OPTIONS[0],
    PRIORITY_OPTIONS[1],
    PRIORITY_OPTIONS[2],
    PRIORITY_OPTIONS[3],
    preset(
        "ack",
        Kind::Enum(&["none", "auto", "sync"]),
        "none",
        "what happens to a message after the callback or a body of `each`: nothing, `ack`, or `ack_sync`",
    ),
    row(
        "nak_delay",
        Kind::Delay,
        "with `-ack` `auto` or `sync`, delay of the redelivery after an error in the callback or body; by default none",
    ),
    preset(
        "keep_alive",
        Kind::Bool,
        "false",
        "while a callback or body runs, tell the server every third of `ack_wait` that the message is being processed, even while Tcl is busy; for at most ten times `ack_wait`",
    ),
    preset("concurrency", Kind::Count, "1", "so many callbacks at a time, if more than 1 each in a coroutine of its own; not 0"),
    row("batch", Kind::Count, "the callback gets a list of what is there, at most so many messages; not 0"),
    row("batch_wait", Kind::Count, "ms to wait for a full `-batch`, which it needs; by default none"),
    row("events", Kind::Command, "called with an event and a text"),
    preset("check", Kind::Bool, "true", "look up the consumer first. `false`: for accounts without that permission"),
    preset(
        "recreate",
        Kind::Bool,
        "false",
        "make a consumer that is gone anew, with its configuration, from the message after its last known ack floor; not with `-check false`",
    ),
];

/// Options of `next`.
pub(crate) const NEXT_OPTIONS: &[Opt] = &[row("timeout", Kind::Timeout, "how long to wait; without it, or with 0, for ever")];

/// Options of `drain`.
pub(crate) const DRAIN_OPTIONS: &[Opt] =
    &[row("timeout", Kind::Timeout, "limit of the round trip, by default the JetStream object's; 0 waits for ever")];

/// Options of `stop`.
pub(crate) const STOP_OPTIONS: &[Opt] =
    &[preset("nak", Kind::Bool, "false", "give the buffered messages back, so that others get them at once")];
