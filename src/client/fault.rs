//! Reasons why calls fail.

use super::argument::Argument;
use super::codes;
use crate::engine::{Code, End, Problem};
use crate::rules::jetstream_convert::ApiError;
use crate::rules::version::Version;

/// What a call was waiting for when time ran out or the connection was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The reply to a request, by its subject.
    Request(String),
    /// The answer to a ping.
    Ping,
    /// Messages of a pull.
    Pull {
        /// Stream.
        stream: String,
        /// Consumer.
        consumer: String,
        /// Subject that was asked.
        subject: String,
    },
    /// Several replies to a request, by its subject.
    Replies(String),
    /// The answers of many to a request, by its subject.
    Many(String),
    /// The acknowledgements of a publisher.
    Acknowledgements,
    /// The entries of a bucket.
    Bucket(String),
    /// The entries of the bucket that an object stands for.
    Gathering {
        /// What is gathered: `keys` or `history`.
        what: &'static str,
        /// Bucket.
        bucket: String,
    },
}

/// A part of an entry that is stored by a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// Reason why a call failed. Decisions are made on this type; `bridge` turns it into words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The engine refused the call, or reports this error.
    Engine(Problem),
    /// An argument is wrong.
    Argument(Argument),
    /// There is no connection: nothing was sent.
    Closed,
    /// The connection belongs to the process that this one was forked from.
    Forked,
    /// The connection was closed by its owner while the call waited.
    ClosedWaiting,
    /// No server is left, or, for a ping, the connection broke.
    Lost(Waiting),
    /// Nothing came in time.
    Timeout(Waiting),
    /// Nobody listens to the subject of a request.
    NoResponders(String),
    /// Nobody listens to the subject of a request for several replies.
    NoRespondersToMany(String),
    /// Nobody answers a request to the API of JetStream.
    NoJetStream,
    /// JetStream's refusal.
    Api(ApiError),
    /// A stream could be neither created nor updated: the refusal of the first, the reason of the second.
    NeitherCreatedNorUpdated(ApiError, String),
    /// A reply that is no JSON.
    ReplyNotJson,
    /// A reply that lacks what it must have.
    ReplyIncomplete,
    /// An answer to a published message that is no acknowledgement: any client may listen to the subject.
    NotAnAck,
    /// An option that the server is too old for, and would drop silently.
    NotSupported {
        /// Option, nested ones joined by dots.
        option: String,
        /// First version that has it.
        since: Version,
        /// The server's version.
        server: Version,
    },
    /// A method that the server is too old for.
    TooOld {
        /// Method.
        method: &'static str,
        /// First version that answers it.
        since: Version,
        /// The server's version, if it says one.
        server: Option<Version>,
    },
    /// A stream of which nobody answers direct gets: there is none, or it does not allow them.
    NoDirectAccess(String),
    /// Something that needs a higher level of the JetStream API, and that an older server would ignore.
    LevelTooLow {
        /// Option or method.
        what: String,
        /// Level that has it.
        needed: u32,
        /// The server's level.
        level: u32,
    },
    /// A window of unacknowledged messages that is full.
    WindowFull,
    /// A subscription that does not exist, by the ID that the script gave.
    NoSubscription(String),
    /// An acknowledgement or metadata of a message that no consumer delivered.
    NotJetStreamMessage {
        /// Subject of the message.
        subject: String,
    },
    /// A bucket that does not exist.
    BucketNotFound(String),
    /// A bucket that has gone since its object was made.
    BucketGone(String),
    /// A key without a value.
    KeyNotFound {
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
    },
    /// A key, or a revision of it, that is a marker of a deletion.
    KeyDeleted(String),
    /// A revision of another key.
    OtherKey {
        /// Subject of the key that was asked for.
        expected: String,
        /// Subject of the revision.
        found: String,
    },
    /// A bucket without a key that has a value.
    NoKeys(String),
    /// An ordered consumer that is silent or gone; the sequence at which the next one starts.
    ConsumerNotActive(u64),
    /// An ordered consumer that left messages out; the sequence at which the next one starts.
    ConsumerSequenceMismatch(u64),
    /// The stream of an ordered consumer does not exist any more; the server's words.
    StreamNotFound(String),
    /// The end of continuous consumption, for this reason.
    ConsumeEnded(String),
    /// A write that counted on another revision than the latest; the server's refusal.
    WrongLastSequence(ApiError),
    /// An object that does not exist, or is deleted.
    ObjectNotFound(String),
    /// An object that exists, where a new one is to be.
    ObjectExists(String),
    /// An object whose content is not what its meta says.
    ObjectCorrupt {
        /// Object.
        name: String,
        /// What the meta says.
        expected: String,
        /// What was found.
        computed: String,
    },
    /// Chunks of an object that are not there; the number of those that are.
    ChunksGone(u64),
    /// A meta that cannot be read, or a chain of links that is too long; by its name.
    BadObjectMeta(String),
    /// A link to a bucket, where an object is wanted.
    LinkIsBucket(String),
    /// A write to a bucket that is a mirror.
    BucketIsMirror {
        /// Bucket.
        bucket: String,
        /// Stream that it mirrors.
        origin: String,
    },
    /// A link that is to lead to another link.
    LinkToLink(String),
    /// A key or a value that the codec cannot decode.
    Codec {
        /// Bucket.
        bucket: String,
        /// The key as it is stored.
        key: String,
        /// What cannot be decoded.
        part: Part,
        /// Reason.
        reason: String,
    },
    /// Some of many writes failed: keys and reasons.
    Partial(Vec<(String, Fault)>),
    /// A change through a read-only key-value object.
    ReadOnly,
    /// An error reply of a service.
    Service {
        /// The service's code, a number in most cases.
        code: String,
        /// Its text.
        description: String,
        /// Payload of the reply.
        data: Vec<u8>,
        /// Whether the payload is text.
        text: bool,
    },
    /// A text that is no time, in `time_to_millis`, which has an error code of its own.
    InvalidTime(String),
}

impl Fault {
    /// The fault of a call that ended without a result.
    pub(crate) fn of_end(end: &End, waiting: Waiting) -> Fault {
        match (end, waiting) {
            (End::Timeout, waiting) => Fault::Timeout(waiting),
            (End::NoResponders(_) | End::Status(_), Waiting::Request(subject) | Waiting::Many(subject)) => {
                Fault::NoResponders(subject)
            }
            (End::NoResponders(_) | End::Status(_), Waiting::Replies(subject)) => Fault::NoRespondersToMany(subject),
            (End::NoResponders(_) | End::Status(_), _) => Fault::NoResponders(String::new()),
            (End::Lost, waiting) => Fault::Lost(waiting),
            (End::Refused(problem), _) => Fault::Engine(problem.clone()),
            (End::Closed | End::Full | End::Stalled | End::Pong(_), _) => Fault::ClosedWaiting,
        }
    }

    /// The fault that a status tells.
    pub(crate) fn of_status(code: u16, description: &str) -> Fault {
        Fault::Api(ApiError { code: i64::from(code), err_code: 0, description: description.to_string() })
    }

    /// Whether the server refused this for lack of permissions.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Fault::Engine(problem) if problem.code == Code::Permissions)
    }

    /// JetStream's own error code (see [`codes`]), if this is a refusal of JetStream that has one.
    pub(crate) fn err_code(&self) -> Option<i64> {
        match self {
            Fault::Api(error) | Fault::WrongLastSequence(error) => Some(error.err_code),
            _ => None,
        }
    }

    /// Whether a read found no message.
    pub(crate) fn is_no_message(&self) -> bool {
        self.err_code() == Some(codes::MESSAGE_NOT_FOUND)
    }

    /// The same fault in terms of a bucket: a missing stream is a missing bucket.
    pub(crate) fn of_bucket(self, bucket: &str) -> Fault {
        match self.err_code() {
            Some(codes::STREAM_NOT_FOUND) => Fault::BucketNotFound(bucket.to_string()),
            _ => self,
        }
    }

    /// The same fault in terms of a key as the script has it, which may be stored otherwise.
    pub(crate) fn of_key(self, shown: &str) -> Fault {
        match self {
            Fault::KeyNotFound { bucket, .. } => Fault::KeyNotFound { bucket, key: shown.to_string() },
            Fault::KeyDeleted(_) => Fault::KeyDeleted(shown.to_string()),
            other => other,
        }
    }

    /// The same fault in terms of a write to a key.
    pub(crate) fn of_write(self) -> Fault {
        match self {
            Fault::Api(error) if matches!(error.err_code, codes::WRONG_LAST_SEQUENCE | codes::WRONG_LAST_SEQUENCE_CONSTANT) => {
                Fault::WrongLastSequence(error)
            }
            other => other,
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Engine(problem)
    }
}

impl From<Argument> for Fault {
    fn from(argument: Argument) -> Fault {
        Fault::Argument(argument)
    }
}
