//! The words of dialect 3: those of dialect 2, except for these.

use super::codes::{Word, word};
use super::vocabulary::Words;
use super::words;
use crate::client::{Argument, Fault, Waiting, codes};

/// Dialect 3.
pub(super) static DIALECT_3: Words = Words { named: NAMED, fault, argument };

const TIMEOUT: Word = word("ErrTimeout");

/// JetStream's errors that have a name of their own.
const NAMED: &[(i64, Word)] = &[
    (codes::WRONG_LAST_SEQUENCE, word("ErrWrongLastSequence")),
    (codes::WRONG_LAST_SEQUENCE_CONSTANT, word("ErrWrongLastSequence")),
    (codes::CONSUMER_NOT_FOUND, word("ErrConsumerNotFound")),
    (codes::MESSAGE_NOT_FOUND, word("ErrMsgNotFound")),
    (codes::STREAM_NOT_FOUND, word("ErrStreamNotFound")),
    (codes::NOT_ENABLED_FOR_ACCOUNT, word("ErrJetStreamNotEnabledForAccount")),
];

fn fault(fault: &Fault) -> (Word, String) {
    match fault {
        Fault::NoRespondersToMany(subject) => {
            (const { word("ErrNoResponders") }, format!("No responders available for request to {subject}"))
        }
        Fault::NoDirectAccess(_) => (const { word("ErrNoResponders") }, "No responders available for request".into()),
        Fault::NoJetStream => (const { word("ErrJetStreamNotEnabled") }, "JetStream is not enabled in the server".into()),
        Fault::NotJetStreamMessage { subject } => {
            (const { word("ErrNotJSMessage") }, format!("Message with subject {subject} is not a JetStream message"))
        }
        Fault::Timeout(Waiting::Pull { subject, .. }) => (TIMEOUT, format!("Sync pull request timeout, subject={subject}")),
        Fault::Timeout(Waiting::Gathering { what, bucket }) => {
            (TIMEOUT, format!("Timeout while gathering {what} in bucket {bucket}"))
        }
        Fault::BucketNotFound(bucket) => (const { word("ErrBucketNotFound") }, format!("Bucket {bucket} not found")),
        Fault::KeyNotFound { bucket, key } => {
            (const { word("ErrKeyNotFound") }, format!("Key {key} not found in bucket {bucket}"))
        }
        Fault::KeyDeleted(_) | Fault::OtherKey { .. } | Fault::NoKeys(_) => {
            (const { word("ErrKeyNotFound") }, words::fault(fault).1)
        }
        Fault::WrongLastSequence(_) => (const { word("ErrWrongLastSequence") }, words::fault(fault).1),
        other => words::fault(other),
    }
}

fn argument(argument: &Argument) -> (Word, String) {
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
