//! The words of dialect 2: error codes and texts, all of them.

use super::codes::{Word, word};
use super::vocabulary::Words;
use crate::client::{Argument, Fault, Part, Waiting};
use crate::rules::option::{Kind, Name};

/// Dialect 2.
pub(super) static DIALECT_2: Words = Words { named: &[], fault, argument };

const CLOSED: Word = word("ErrConnectionClosed");
const TIMEOUT: Word = word("ErrTimeout");
const NOT_SUPPORTED: Word = word("ErrNotSupported");
const PROTOCOL: Word = word("ErrProtocol");
const BUCKET_NOT_FOUND: Word = word("BucketNotFound");
const KEY_NOT_FOUND: Word = word("KeyNotFound");
const KV_CODEC: Word = word("KvCodec");
const OBJECT_CORRUPT: Word = word("ObjectCorrupt");
const NOT_ACTIVE: Word = word("ErrConsumerNotActive");
const MISMATCH: Word = word("ErrConsumerSequenceMismatch");

pub(super) fn fault(fault: &Fault) -> (Word, String) {
    match fault {
        Fault::Closed => (CLOSED, "No connection to NATS server".into()),
        Fault::Forked => (CLOSED, "No connection to NATS server: it belongs to the process that this one was forked from".into()),
        Fault::ClosedWaiting => (CLOSED, "Connection closed".into()),
        Fault::Lost(Waiting::Ping | Waiting::Many(_)) => (CLOSED, "Connection lost".into()),
        Fault::Lost(_) => (TIMEOUT, "Connection lost".into()),
        Fault::Timeout(waiting) => (TIMEOUT, timeout(waiting)),
        Fault::NoResponders(_) | Fault::NoRespondersToMany(_) | Fault::NoJetStream => {
            (const { word("ErrNoResponders") }, "No responders available for request".into())
        }
        Fault::ReplyNotJson => (PROTOCOL, "Invalid JSON in a JetStream response".into()),
        Fault::ReplyIncomplete => (PROTOCOL, "Invalid JetStream response".into()),
        Fault::NotAnAck => (const { word("ErrInvalidJSAck") }, "Invalid acknowledgement of a published message".into()),
        Fault::NotSupported { option, since, server } => {
            (NOT_SUPPORTED, format!("The option -{option} needs nats-server {since} or newer; the server is {server}"))
        }
        Fault::TooOld { method, since, server: Some(server) } => {
            (NOT_SUPPORTED, format!("{method} needs nats-server {since} or newer; the server is {server}"))
        }
        Fault::TooOld { method, since, server: None } => {
            (NOT_SUPPORTED, format!("{method} needs nats-server {since} or newer; the server is older"))
        }
        Fault::NoDirectAccess(stream) => {
            (NOT_SUPPORTED, format!("Nobody answers direct gets of stream {stream}: there is none, or it does not allow them"))
        }
        Fault::LevelTooLow { what, needed, level } => (
            NOT_SUPPORTED,
            format!("{what} needs a server with JetStream API level {needed} or higher; the server's level is {level}"),
        ),
        Fault::WindowFull => (const { word("ErrWindowFull") }, "The window of the publisher is full".into()),
        Fault::NoSubscription(id) => (const { word("ErrBadSubscription") }, format!("Invalid subscription ID {id}")),
        Fault::NotJetStreamMessage { .. } => (const { word("ErrNotJSMessage") }, "Not a JetStream message".into()),
        Fault::BucketNotFound(bucket) | Fault::BucketGone(bucket) => (BUCKET_NOT_FOUND, format!("Bucket {bucket} not found")),
        Fault::KeyNotFound { key, .. } => (KEY_NOT_FOUND, format!("Key {key} not found")),
        Fault::KeyDeleted(key) => (KEY_NOT_FOUND, format!("Key {key} was deleted or purged")),
        Fault::OtherKey { expected, found } => (KEY_NOT_FOUND, format!("Expected {expected}, got {found}")),
        Fault::NoKeys(bucket) => (KEY_NOT_FOUND, format!("No keys found in bucket {bucket}")),
        Fault::ConsumerNotActive(start) => reset(*start, NOT_ACTIVE),
        Fault::ConsumerSequenceMismatch(start) => reset(*start, MISMATCH),
        Fault::StreamNotFound(text) => (const { word("ErrStreamNotFound") }, text.clone()),
        Fault::ConsumeEnded(reason) => (const { word("ErrConsumeEnded") }, reason.clone()),
        Fault::WrongLastSequence(error) => (const { word("WrongLastSequence") }, error.description.clone()),
        Fault::ObjectNotFound(name) => (const { word("ObjectNotFound") }, format!("Object {name} not found")),
        Fault::ObjectExists(name) => (const { word("ObjectExists") }, format!("Object {name} exists")),
        Fault::ObjectCorrupt { name, expected, computed } => {
            (OBJECT_CORRUPT, format!("Object {name} is corrupt: expected {expected}, got {computed}"))
        }
        Fault::ChunksGone(there) => (OBJECT_CORRUPT, format!("Chunks are missing: {there} are there")),
        Fault::BadObjectMeta(name) => (const { word("BadObjectMeta") }, format!("Object {name} has bad metadata")),
        Fault::BucketIsMirror { bucket, origin } => {
            (const { word("BucketIsMirror") }, format!("Bucket {bucket} is a mirror of stream {origin}: write to that one"))
        }
        Fault::LinkIsBucket(name) => (const { word("LinkIsBucket") }, format!("Object {name} is a link to a bucket")),
        Fault::LinkToLink(name) => (const { word("LinkToLink") }, format!("Object {name} is a link itself")),
        Fault::Codec { bucket, key, part: Part::Key, reason } => {
            (KV_CODEC, format!("The key {key} of bucket {bucket} cannot be decoded: {reason}"))
        }
        Fault::Codec { bucket, key, part: Part::Value, reason } => {
            (KV_CODEC, format!("The value of key {key} in bucket {bucket} cannot be decoded: {reason}"))
        }
        Fault::ReadOnly => (const { word("KvReadOnly") }, "KV has been created in read-only mode".into()),
        Fault::InvalidTime(text) => (const { word("InvalidTime") }, format!("Invalid time {text}")),
        Fault::Engine(_)
        | Fault::Argument(_)
        | Fault::Service { .. }
        | Fault::Api(_)
        | Fault::NeitherCreatedNorUpdated(..)
        | Fault::Partial(_) => {
            unreachable!("has words already")
        }
    }
}

/// Code and text of an ordered consumer that is made anew.
fn reset(start: u64, cause: Word) -> (Word, String) {
    (cause, format!("reset with opt_start_seq = {start} due to {cause}"))
}

fn timeout(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Request(subject) | Waiting::Replies(subject) | Waiting::Many(subject) => {
            format!("Request to {subject} timed out")
        }
        Waiting::Ping => "PING timeout".into(),
        Waiting::Acknowledgements => "Acknowledgements timed out".into(),
        Waiting::Pull { stream, consumer, .. } => format!("Consume timeout! stream={stream} consumer={consumer}"),
        Waiting::Bucket(bucket) | Waiting::Gathering { bucket, .. } => format!("Reading the bucket {bucket} timed out"),
    }
}

pub(super) fn argument(argument: &Argument) -> (Word, String) {
    let code = match argument {
        Argument::Subject(_) | Argument::Reply(_) => const { word("ErrBadSubject") },
        Argument::Queue(_) => const { word("ErrBadQueueName") },
        Argument::Value(bad) if matches!(bad.kind, Kind::Timeout | Kind::Delay) => const { word("ErrBadTimeout") },
        _ => const { word("ErrInvalidArg") },
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
        Argument::ObjectName => "Invalid object name: it is empty".into(),
        Argument::OpenMode(mode) => format!("Invalid mode {mode}: must be r or w"),
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
        Argument::Threshold { threshold, limit } => format!("-threshold {threshold} is not between 1 and {limit}"),
        Argument::ExpiresTooShort(ms) => format!("-expires {ms} is less than 1000 ms"),
        Argument::PushConsumer(name) => format!("{name} is a push consumer"),
        Argument::Group { consumer, groups } if groups.is_empty() => format!("The consumer {consumer} has no priority groups"),
        Argument::Group { consumer, groups } => {
            format!("The consumer {consumer} needs -group with one of: {}", groups.join(" "))
        }
        Argument::PriorityPolicy { name, policy } => format!("-{name} is for consumers of the priority policy {policy}"),
        Argument::PullOnly(name) => format!("-{name} is for -mode pull"),
        Argument::WithoutMode => "The ordered consumer was made without -mode".into(),
        Argument::HasCallback => "The messages go to the callback".into(),
        Argument::HeartbeatTooLong { heartbeat, expires } => {
            format!("-idle_heartbeat {heartbeat} is more than half of the {expires} ms that the server waits")
        }
        Argument::TwoNames(name, durable) => format!("The options -name {name} and -durable_name {durable} differ"),
        Argument::HistoryTooSmall => "history must be greater than 0".into(),
        Argument::HistoryTooLarge => "history must not be greater than 64".into(),
        Argument::ValuesNotDict => "Not a dict of keys and values".into(),
        Argument::RevisionWithoutValue => "A key of -revisions has no value".into(),
        Argument::LifeWithHistory => "-ttl needs a bucket with -history 1: an older value would come back".into(),
        Argument::TooDeep => "The value has too many levels of lists and dicts".into(),
        Argument::ConfigNotJson => "The configuration is not a valid JSON object".into(),
        Argument::RequestId(id) => format!("Invalid request ID {id}"),
        Argument::FetchId(id) => format!("Invalid fetch ID {id}"),
        Argument::DirectGet => "Invalid request".into(),
        Argument::TooManySubjects => "More than 1024 subjects match".into(),
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
        Argument::TooLong { name, size } => {
            format!("Object {name} has {size} bytes, more than a value can have: use -file or -channel")
        }
        Argument::NotReplaced(path) => format!("{path} is no file that could be replaced: use -channel"),
        Argument::MessageNotDict => "Not a message: not a dict".into(),
        Argument::MessageWithout(field) => format!("The message has no {field}"),
        Argument::Service { what, value } => format!("Invalid {what} {value}"),
        Argument::OneHandler => "One of -proc, -callback and a body with its parameters is required".into(),
        Argument::ServiceStopped => "The service has stopped".into(),
        Argument::NoRequest => "No request is being handled here".into(),
        Argument::MessageWithoutSubject => "Not a message: it has no subject".into(),
        Argument::MessageField(field) => format!("Invalid field {field}: must be -data, -subject or -reply"),
        Argument::HeaderNotDict => "Invalid header: not a dict".into(),
        Argument::HeaderName(name) => format!("Invalid header name {name}"),
        Argument::HeaderValuesNotList(name) => format!("Invalid values of header {name}: not a list"),
        Argument::HeaderValue { name, value } => format!("Invalid value of header {name}: {value}"),
        Argument::BatchOver => "The batch is over".into(),
        Argument::BatchTooLarge => "A batch has 1000 messages at most".into(),
        Argument::BatchEmpty => "The batch has no messages".into(),
        Argument::HeaderTwice(name) => format!("The header {name} is given twice"),
        Argument::HeaderWithoutValue(name) => format!("Missing value for header {name}"),
        Argument::Time(text) => format!("Invalid time {text}"),
        Argument::TimeOutOfRange(text) => format!("Time out of range {text}"),
        Argument::NoDialect(version) => format!("no dialect of nats for version {version}"),
        Argument::MadeByMethod => "objects of this class are made by methods of others".into(),
        Argument::ConstructedAlready => "the constructor has run already".into(),
        Argument::NotConstructed => "the object is not initialised: its constructor did not call next".into(),
        Argument::NotMethod => "not a method call".into(),
    }
}

/// `-a, -b and -c`
fn listed(names: &[Name]) -> String {
    let Some((last, rest)) = names.split_last() else { return String::new() };
    let rest: Vec<String> = rest.iter().map(|name| format!("-{name}")).collect();
    format!("{} and -{last}", rest.join(", "))
}
