//! The words of dialect 3: those of dialect 2, but for what stands here.

use super::vocabulary::Words;
use super::words;
use crate::client::{Argument, Fault, Waiting, codes};

/// Dialect 3.
pub static DIALECT_3: Words = Words { named: NAMED, fault, argument };

/// JetStream's errors that have a name of their own.
const NAMED: &[(i64, &str)] = &[
    (codes::WRONG_LAST_SEQUENCE, "ErrWrongLastSequence"),
    (codes::WRONG_LAST_SEQUENCE_CONSTANT, "ErrWrongLastSequence"),
    (codes::CONSUMER_NOT_FOUND, "ErrConsumerNotFound"),
    (codes::MESSAGE_NOT_FOUND, "ErrMsgNotFound"),
    (codes::STREAM_NOT_FOUND, "ErrStreamNotFound"),
    (codes::NOT_ENABLED_FOR_ACCOUNT, "ErrJetStreamNotEnabledForAccount"),
];

fn fault(fault: &Fault) -> (&'static str, String) {
    match fault {
        Fault::NoRespondersToMany(subject) => ("ErrNoResponders", format!("No responders available for request to {subject}")),
        Fault::NoJetStream => ("ErrJetStreamNotEnabled", "JetStream is not enabled in the server".into()),
        Fault::NotJetStreamMessage { subject } => {
            ("ErrNotJSMessage", format!("Message with subject {subject} is not a JetStream message"))
        }
        Fault::Timeout(Waiting::Pull { subject, .. }) => ("ErrTimeout", format!("Sync pull request timeout, subject={subject}")),
        Fault::Timeout(Waiting::Gathering { what, bucket }) => {
            ("ErrTimeout", format!("Timeout while gathering {what} in bucket {bucket}"))
        }
        Fault::BucketNotFound(bucket) => ("ErrBucketNotFound", format!("Bucket {bucket} not found")),
        Fault::KeyNotFound { bucket, key } => ("ErrKeyNotFound", format!("Key {key} not found in bucket {bucket}")),
        Fault::KeyDeleted(_) | Fault::OtherKey { .. } | Fault::NoKeys(_) => ("ErrKeyNotFound", words::fault(fault).1),
        Fault::WrongLastSequence(_) => ("ErrWrongLastSequence", words::fault(fault).1),
        other => words::fault(other),
    }
}

fn argument(argument: &Argument) -> (&'static str, String) {
    let (code, text) = words::argument(argument);
    let text = match argument {
        Argument::BucketName(name) => format!("Invalid bucket name {name}"),
        Argument::KeyName(key) => format!("Invalid key name {key}"),
        Argument::Required(name) => format!("Option {name} is required"),
        Argument::Exclusive(one, other) => format!("-{one} and -{other} are mutually exclusive"),
        Argument::HistoryTooSmall | Argument::HistoryTooLarge => "History must be between 1 and 64".into(),
        Argument::MessageWithout(field) if field == "seq" => "Invalid field 'seq'".into(),
        Argument::MessageWithout(field) if field == "time" => "Invalid field 'timestamp'".into(),
        _ => text,
    };
    (code, text)
}
