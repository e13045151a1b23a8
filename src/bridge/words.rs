//! The words of dialect 2: error codes and texts, all of them.

use super::vocabulary::Words;
use crate::client::{Argument, Fault, Waiting};
use crate::rules::option::Kind;

/// Dialect 2.
pub static DIALECT_2: Words = Words { named: &[], fault, argument };

pub(super) fn fault(fault: &Fault) -> (&'static str, String) {
    match fault {
        Fault::Closed => ("ErrConnectionClosed", "No connection to NATS server".into()),
        Fault::Forked => (
            "ErrConnectionClosed",
            "No connection to NATS server: it belongs to the process that this one was forked from".into(),
        ),
        Fault::ClosedWaiting => ("ErrConnectionClosed", "Connection closed".into()),
        Fault::Lost(Waiting::Ping) => ("ErrConnectionClosed", "Connection lost".into()),
        Fault::Lost(_) => ("ErrTimeout", "Connection lost".into()),
        Fault::Timeout(waiting) => ("ErrTimeout", timeout(waiting)),
        Fault::NoResponders(_) | Fault::NoRespondersToMany(_) | Fault::NoJetStream => {
            ("ErrNoResponders", "No responders available for request".into())
        }
        Fault::ReplyNotJson => ("ErrProtocol", "Invalid JSON in a JetStream response".into()),
        Fault::ReplyIncomplete => ("ErrProtocol", "Invalid JetStream response".into()),
        Fault::NotAnAck => ("ErrInvalidJSAck", "Invalid acknowledgement of a published message".into()),
        Fault::NotSupported { option, since, server } => {
            ("ErrNotSupported", format!("The option -{option} needs nats-server {since} or newer; the server is {server}"))
        }
        Fault::NoSubscription(id) => ("ErrBadSubscription", format!("Invalid subscription ID {id}")),
        Fault::NotJetStreamMessage { .. } => ("ErrNotJSMessage", "Not a JetStream message".into()),
        Fault::BucketNotFound(bucket) | Fault::BucketGone(bucket) => ("BucketNotFound", format!("Bucket {bucket} not found")),
        Fault::KeyNotFound { key, .. } => ("KeyNotFound", format!("Key {key} not found")),
        Fault::KeyDeleted(key) => ("KeyNotFound", format!("Key {key} was deleted or purged")),
        Fault::OtherKey { expected, found } => ("KeyNotFound", format!("Expected {expected}, got {found}")),
        Fault::NoKeys(bucket) => ("KeyNotFound", format!("No keys found in bucket {bucket}")),
        Fault::ConsumerNotActive(start) => ("ErrConsumerNotActive", reset(*start, "ErrConsumerNotActive")),
        Fault::ConsumerSequenceMismatch(start) => ("ErrConsumerSequenceMismatch", reset(*start, "ErrConsumerSequenceMismatch")),
        Fault::WrongLastSequence(error) => ("WrongLastSequence", error.description.clone()),
        Fault::ReadOnly => ("KvReadOnly", "KV has been created in read-only mode".into()),
        Fault::InvalidTime(text) => ("InvalidTime", format!("Invalid time {text}")),
        Fault::Engine(_) | Fault::Argument(_) | Fault::Api(_) | Fault::NeitherCreatedNorUpdated(..) => {
            unreachable!("has words already")
        }
    }
}

/// What an ordered consumer tells when it is made anew.
fn reset(start: u64, cause: &str) -> String {
    format!("reset with opt_start_seq = {start} due to {cause}")
}

fn timeout(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Request(subject) | Waiting::Replies(subject) => format!("Request to {subject} timed out"),
        Waiting::Ping => "PING timeout".into(),
        Waiting::Pull { stream, consumer, .. } => format!("Consume timeout! stream={stream} consumer={consumer}"),
        Waiting::Bucket(bucket) | Waiting::Gathering { bucket, .. } => format!("Reading the bucket {bucket} timed out"),
    }
}

pub(super) fn argument(argument: &Argument) -> (&'static str, String) {
    let code = match argument {
        Argument::Subject(_) | Argument::Reply(_) => "ErrBadSubject",
        Argument::Queue(_) => "ErrBadQueueName",
        Argument::Value(bad) if matches!(bad.kind, Kind::Timeout | Kind::Delay) => "ErrBadTimeout",
        _ => "ErrInvalidArg",
    };
    (code, argument_text(argument))
}

fn argument_text(argument: &Argument) -> String {
    match argument {
        Argument::Subject(subject) => format!("Invalid subject {subject}"),
        Argument::Reply(subject) => format!("Invalid reply {subject}"),
        Argument::Queue(group) => format!("Invalid queue {group}"),
        Argument::StreamName(name) => format!("Invalid stream name {name}"),
        Argument::ConsumerName(name) => format!("Invalid consumer name {name}"),
        Argument::BucketName(name) => format!("Bucket \"{name}\" is not valid bucket name"),
        Argument::KeyName(key) => format!("Key \"{key}\" is not valid key name"),
        Argument::UnknownOption(name) => format!("Unknown option {name}"),
        Argument::UnknownTlsOption(name) => format!("Unknown option {name} in tls_opts"),
        Argument::WsHeaders(text) => text.clone(),
        Argument::InvalidOption(name) => format!("Invalid option {name}"),
        Argument::OptionWithoutValue(name) => format!("Missing value for option {name}"),
        Argument::Value(bad) => format!("Invalid value for the {} option {} : {}", bad.kind.word(), bad.name, bad.value),
        Argument::Enum { name, value, allowed } => {
            format!("Invalid value for the enum {name} : {value}; allowed values: {}", allowed.join(" "))
        }
        Argument::Required(name) => format!("The option -{name} is required"),
        Argument::OneRequired(names) => format!("One of the options {} is required", listed(names)),
        Argument::Exclusive(one, other) => format!("The options -{one} and -{other} exclude each other"),
        Argument::Conflict(one, other) => format!("-{one} conflicts with -{other}"),
        Argument::Needs(one, other) => format!("-{one} requires -{other}"),
        Argument::TwoNames(name, durable) => format!("The options -name {name} and -durable_name {durable} differ"),
        Argument::HistoryTooSmall => "history must be greater than 0".into(),
        Argument::HistoryTooLarge => "history must not be greater than 64".into(),
        Argument::ConfigNotJson => "The configuration is not a valid JSON object".into(),
        Argument::RequestId(id) => format!("Invalid request ID {id}"),
        Argument::FetchId(id) => format!("Invalid fetch ID {id}"),
        Argument::DirectGet => "Invalid request".into(),
        Argument::NoOrigins => "List of KV origins is required".into(),
        Argument::NotBoolean { name, value } => format!("{name} = {value} is not a boolean"),
        Argument::MirrorIsBucket => "Mirror name must not be KV".into(),
        Argument::MirrorOptions => "-mirror_name and -mirror_domain are not allowed".into(),
        Argument::Variable(name) => format!("Variable {name} is local to a procedure or no array"),
        Argument::WatchId(id) => format!("Invalid watch ID {id}"),
        Argument::NotOfClass { given, class } => format!("{given} is not a {class}"),
        Argument::PoolInUse => "The server pool can only be set while the connection is closed".into(),
        Argument::PayloadNotBytes => {
            "The payload has a character over 255, which is no byte: encode it, or set -utf8_convert".into()
        }
        Argument::MessageNotDict => "Not a message: not a dict".into(),
        Argument::MessageWithout(field) => format!("The message has no {field}"),
        Argument::MessageWithoutSubject => "Not a message: it has no subject".into(),
        Argument::MessageField(field) => format!("Invalid field {field}: must be -data, -subject or -reply"),
        Argument::HeaderNotDict => "Invalid header: not a dict".into(),
        Argument::HeaderName(name) => format!("Invalid header name {name}"),
        Argument::HeaderValuesNotList(name) => format!("Invalid values of header {name}: not a list"),
        Argument::HeaderValue { name, value } => format!("Invalid value of header {name}: {value}"),
        Argument::HeaderWithoutValue(name) => format!("Missing value for header {name}"),
        Argument::Time(text) => format!("Invalid time {text}"),
        Argument::TimeOutOfRange(text) => format!("Time out of range {text}"),
        Argument::MadeByMethod => "objects of this class are made by methods of others".into(),
        Argument::ConstructedAlready => "the constructor has run already".into(),
        Argument::NotConstructed => "the object is not initialised: its constructor did not call next".into(),
        Argument::NotMethod => "not a method call".into(),
    }
}

/// `-a, -b and -c`
fn listed(names: &[&str]) -> String {
    let Some((last, rest)) = names.split_last() else { return String::new() };
    let rest: Vec<String> = rest.iter().map(|name| format!("-{name}")).collect();
    format!("{} and -{last}", rest.join(", "))
}
