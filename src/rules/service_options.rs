//! Options of services and their methods.

use super::option::{Kind, Opt, preset, row};
use super::service_args::FORMS;

/// Options of `service`.
pub(crate) const SERVICE_OPTIONS: &[Opt] = &[
    row("description", Kind::Str, "shown by INFO"),
    row("metadata", Kind::StrMap, "texts by name, shown by PING, INFO and STATS"),
    preset("queue", Kind::Str, "q", "queue group of the endpoints; empty: none, so that each instance answers each request"),
    row(
        "stats_data",
        Kind::Command,
        "`prefix endpoint` is called for each STATS; its result is the endpoint's `data`: JSON, or a text that becomes a JSON string",
    ),
    preset("api_prefix", Kind::SubjectPrefix, "$SRV", "what the control subjects begin with"),
    row(
        "on_error",
        Kind::Command,
        "`prefix service endpoint message options` is invoked for each handler that fails, besides the error reply",
    ),
    row(
        "on_stop",
        Kind::Command,
        "`prefix service reason` is invoked once, at the end: `stopped`, `closed` (the connection, for good) or the text of an error",
    ),
    preset("concurrency", Kind::Count, "0", "handlers of the service that may run at the same time; 0 no limit"),
];

/// Options of `endpoint`.
pub(crate) const ENDPOINT_OPTIONS: &[Opt] = &[
    row("subject", Kind::NonEmpty, "used in place of the name; wildcards are allowed. The prefixes of groups are put before it"),
    row("queue", Kind::Str, "queue group, in place of the group's or the service's; empty: none"),
    row("metadata", Kind::StrMap, "texts by name, shown by INFO"),
    row(
        "pending_msgs_limit",
        Kind::Int,
        "requests that may wait for a handler, in place of the connection's option; more are dropped, and counted as errors",
    ),
    preset("concurrency", Kind::Count, "0", "handlers of the endpoint that may run at the same time; 0 no limit"),
    row("proc", Kind::NonEmpty, "a command, usually a procedure, that handles the requests; resolved in the caller's namespace"),
    row(
        "callback",
        Kind::Command,
        "command prefix that handles the requests: `prefix message`, a [message](core.md#messages-and-headers) dict",
    ),
    row(
        "args",
        Kind::Enum(FORMS),
        "what the payload is to `-proc` or `args body`: `raw` one argument, `list` a Tcl list of arguments, `dict` a JSON object of arguments by name, `none` nothing",
    ),
];

/// Options of `group`.
pub(crate) const GROUP_OPTIONS: &[Opt] =
    &[row("queue", Kind::Str, "queue group of the group's endpoints, in place of the one above; empty: none")];

/// Options of `stop`.
pub(crate) const STOP_OPTIONS: &[Opt] = &[preset(
    "timeout",
    Kind::Timeout,
    "30000",
    "ms for running handlers and requests that have arrived; 0: none of them is waited for",
)];
