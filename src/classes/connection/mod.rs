//! `nats::connection`: the table of its methods.

mod lifecycle;
mod log;
mod messaging;
pub(crate) mod receive;
pub(crate) mod requests;
mod settings;
pub(crate) mod state;
pub(crate) mod subscriptions;
mod variables;

use crate::bridge::method::{ANY, Method, constructor, raw, row};
use crate::classes::service::{call, service, service_remote};
use crate::rules::connection::{
    CONNECTION_OPTIONS, CONSTRUCTOR_OPTIONS, PING_OPTIONS, PUBLISH_OPTIONS, REQUEST_MSG_OPTIONS, REQUEST_OPTIONS,
    SUBSCRIBE_OPTIONS, UNSUBSCRIBE_OPTIONS,
};
use crate::rules::jetstream_streams::JET_STREAM_OPTIONS;
use crate::rules::service_options::SERVICE_OPTIONS;
use crate::rules::service_remote::{CALL_OPTIONS, DISCOVER_OPTIONS, REMOTE_OPTIONS};
use crate::tcl::Class;
use state::Connection;

/// The class.
pub(crate) static CLASS: Class<Method<Connection>> = Class {
    name: "::nats::connection",
    constructor: constructor(
        "?name? ?-logger obj? ?-log_chan channel? ?-log_level level?",
        (0, 1),
        CONSTRUCTOR_OPTIONS,
        "Makes a connection object, closed. Errors: ErrInvalidArg.",
        lifecycle::construct,
    ),
    methods: &[&[
        raw(
            "cget",
            "option",
            (1, 1),
            CONNECTION_OPTIONS,
            "The value of an option, or with `-status` the status. Errors: `ErrInvalidArg` (`Invalid option <name>`).",
            lifecycle::cget,
        ),
        raw(
            "configure",
            "?option? ?value option value ...?",
            (0, ANY),
            CONNECTION_OPTIONS,
            "Without words a dict of all options, names without dash. With one word as `cget`. Otherwise sets options; empty result. Errors: `ErrInvalidArg`, `ErrBadTimeout`; nothing is changed then.",
            lifecycle::configure,
        ),
        raw(
            "reset",
            "?option ...?",
            (0, ANY),
            CONNECTION_OPTIONS,
            "Resets the named options to their defaults; `-servers` empties the pool. Without arguments it does nothing. Errors: `ErrInvalidArg`.",
            lifecycle::reset,
        ),
        row(
            "connect",
            "?-async?",
            (0, ANY),
            &[],
            "Tries each server of the pool once; empty result. Errors: ErrNoServers, that of a single server.",
            lifecycle::connect,
        ),
        row("disconnect", "", (0, 0), &[], "Sends what was published, then closes; empty result.", lifecycle::disconnect),
        raw(
            "publish",
            "subject message ?-reply subject?",
            (2, ANY),
            PUBLISH_OPTIONS,
            "Queues a message, bytes or text; empty result. Errors: ErrConnectionClosed, ErrBadSubject, ErrMaxPayload, ErrHeadersNotSupported, ErrReconnectBufExceeded.",
            messaging::publish,
        ),
        row(
            "publish_msg",
            "msg",
            (1, 1),
            &[],
            "Publishes a [message](#messages-and-headers) with its headers and reply subject. Results and errors as `publish`.",
            messaging::publish_msg,
        ),
        row(
            "subscribe",
            "subject ?-option value ...?",
            (1, 1),
            SUBSCRIBE_OPTIONS,
            "Subscription ID, a whole number. Errors: ErrConnectionClosed, ErrBadSubject, ErrBadQueueName, ErrInvalidArg.",
            messaging::subscribe,
        ),
        row(
            "unsubscribe",
            "subID ?-max_msgs n?",
            (1, 1),
            UNSUBSCRIBE_OPTIONS,
            "Ends a subscription, at once or after n messages; empty result. Errors: ErrConnectionClosed, ErrBadSubscription.",
            messaging::unsubscribe,
        ),
        row(
            "request",
            "subject message ?-option value ...?",
            (2, 2),
            REQUEST_OPTIONS,
            "The reply (payload, dict, or list of dicts with -max_msgs), or with -callback a request ID. Errors: ErrTimeout, ErrNoResponders, ErrConnectionClosed and those of publish.",
            requests::request,
        ),
        row(
            "request_msg",
            "msg ?-option value ...?",
            (1, 1),
            REQUEST_MSG_OPTIONS,
            "As `request`, of a [message](#messages-and-headers), with the options `-timeout`, `-callback`, `-dictmsg` and `-max_msgs`. A reply subject in the message is ignored with a `warn` line.",
            requests::request_msg,
        ),
        row(
            "cancel_request",
            "reqID",
            (1, 1),
            &[],
            "Cancels an asynchronous request: its callback is not invoked any more. Empty result. Errors: `ErrInvalidArg` (unknown or finished: `Invalid request ID <id>`).",
            requests::cancel_request,
        ),
        row(
            "ping",
            "?-timeout ms?",
            (0, 0),
            PING_OPTIONS,
            "Round trip with the server: true. Errors: ErrConnectionClosed, ErrTimeout.",
            lifecycle::ping,
        ),
        row(
            "rtt",
            "?-timeout ms?",
            (0, 0),
            PING_OPTIONS,
            "*New.* The time of a round trip in milliseconds, with a fraction: from sending the PING to the PONG, without the time that the script was busy. `-timeout` and errors as for `ping`.",
            lifecycle::rtt,
        ),
        row(
            "inbox",
            "",
            (0, 0),
            &[],
            "A new unique subject: the inbox prefix, a dot, and 22 random letters and digits.",
            lifecycle::inbox,
        ),
        row(
            "current_server",
            "",
            (0, 0),
            &[],
            "List of host (as configured) and port. Errors: `ErrConnectionClosed`.",
            lifecycle::current_server,
        ),
        row(
            "all_servers",
            "",
            (0, 0),
            &[],
            "List of [server dicts](#the-server-pool), the current server last.",
            lifecycle::all_servers,
        ),
        row(
            "server_info",
            "",
            (0, 0),
            &[],
            "Dict of the server's INFO; empty before the first connection.",
            lifecycle::server_info,
        ),
        row(
            "statistics",
            "",
            (0, 0),
            &[],
            "Dict in_msgs in_bytes out_msgs out_bytes reconnects dropped outbox_bytes.",
            lifecycle::statistics,
        ),
        row(
            "jet_stream",
            "?-timeout ms? ?-domain domain?",
            (0, 0),
            JET_STREAM_OPTIONS,
            "A new nats::jet_stream object. Errors: ErrInvalidArg, ErrBadTimeout.",
            lifecycle::jet_stream,
        ),
        row(
            "service",
            "name version ?-option value ...?",
            (2, 2),
            SERVICE_OPTIONS,
            "*New.* A new [nats::service](services.md) object. Errors: `ErrInvalidArg`, `ErrConnectionClosed`.",
            service,
        ),
        row(
            "call",
            "subject data ?-option value ...?",
            (2, 2),
            CALL_OPTIONS,
            "*New.* A `request` whose error reply is an error: `ErrService code`, its payload in the options dict under `-data`. The payload of the reply, or with -callback a request ID. Errors: those of `request`.",
            call::call,
        ),
        raw(
            "service_ping",
            "?name? ?id? ?-option value ...?",
            (0, ANY),
            DISCOVER_OPTIONS,
            "*New.* List of dicts: the services that answer, each with its `rtt` in ms. Errors: `ErrConnectionClosed`.",
            call::ping,
        ),
        raw(
            "service_info",
            "?name? ?id? ?-option value ...?",
            (0, ANY),
            DISCOVER_OPTIONS,
            "*New.* The same with their endpoints.",
            call::info,
        ),
        raw(
            "service_stats",
            "?name? ?id? ?-option value ...?",
            (0, ANY),
            DISCOVER_OPTIONS,
            "*New.* The same with what the endpoints have done.",
            call::stats,
        ),
        row(
            "service_remote",
            "name ?-version pattern?",
            (1, 1),
            REMOTE_OPTIONS,
            "*New.* An object whose methods are the endpoints of a service elsewhere. Errors: `ErrNoResponders` (no such service), `ErrInvalidArg`.",
            service_remote,
        ),
    ]],
};
