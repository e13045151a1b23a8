//! Error codes: the words behind `NATS` in Tcl's `-errorcode`, all in one table.

use crate::engine::Code;
use crate::rules::option::same;

/// Words of all error codes, of both dialects.
pub(crate) const CODES: &[&str] = &[
    "ErrConnectionClosed",
    "ErrNoServers",
    "ErrInvalidArg",
    "ErrBadSubject",
    "ErrBadQueueName",
    "ErrBadTimeout",
    "ErrMaxPayload",
    "ErrBadSubscription",
    "ErrTimeout",
    "ErrNoResponders",
    "ErrHeadersNotSupported",
    "ErrReconnectBufExceeded",
    "ErrConnectionRefused",
    "ErrConnectionTimeout",
    "ErrBrokenSocket",
    "ErrTLS",
    "ErrSecureConnWanted",
    "ErrStaleConnection",
    "ErrAuthorization",
    "ErrAuthExpired",
    "ErrAuthRevoked",
    "ErrAccountAuthExpired",
    "ErrServer",
    "ErrProtocol",
    "ErrPermissions",
    "ErrBadHeaderMsg",
    "ErrSlowConsumer",
    "PANIC",
    "ErrInvalidCoroutine",
    "ErrInvalidJSAck",
    "ErrNotSupported",
    "ErrService",
    "ErrNotJSMessage",
    "ErrJSResponse",
    "ErrConsumerNotActive",
    "ErrConsumerSequenceMismatch",
    "ErrConsumeEnded",
    "BucketNotFound",
    "KeyNotFound",
    "WrongLastSequence",
    "KvReadOnly",
    "KvPartial",
    "KvCodec",
    "InvalidTime",
    "ObjectNotFound",
    "ObjectExists",
    "ObjectCorrupt",
    "BadObjectMeta",
    "LinkIsBucket",
    "BucketIsMirror",
    "LinkToLink",
    "ErrJetStreamNotEnabled",
    "ErrJetStreamNotEnabledForAccount",
    "ErrStreamNotFound",
    "ErrConsumerNotFound",
    "ErrMsgNotFound",
    "ErrBucketNotFound",
    "ErrKeyNotFound",
    "ErrWrongLastSequence",
    "ErrWindowFull",
];

/// A word of [`CODES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(&'static str);

impl Word {
    /// The words of an error code that has no more than this one.
    pub(crate) fn alone(self) -> Vec<String> {
        vec!["NATS".to_string(), self.0.to_string()]
    }

    /// The words of an error code with details.
    pub(crate) fn with(self, details: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut words = self.alone();
        words.extend(details);
        words
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A word of the table. In a constant, one that the table does not have is an error of the compiler.
pub(crate) const fn word(code: &'static str) -> Word {
    let mut at = 0;
    while at < CODES.len() {
        if same(CODES[at], code) {
            return Word(code);
        }
        at += 1;
    }
    panic!("no such error code")
}

/// The word of what the engine reports.
pub(crate) const fn of_engine(code: Code) -> Word {
    match code {
        Code::ConnectionClosed => const { word("ErrConnectionClosed") },
        Code::NoServers => const { word("ErrNoServers") },
        Code::InvalidArg => const { word("ErrInvalidArg") },
        Code::BadSubject => const { word("ErrBadSubject") },
        Code::BadQueueName => const { word("ErrBadQueueName") },
        Code::MaxPayload => const { word("ErrMaxPayload") },
        Code::BadSubscription => const { word("ErrBadSubscription") },
        Code::HeadersNotSupported => const { word("ErrHeadersNotSupported") },
        Code::ReconnectBufExceeded => const { word("ErrReconnectBufExceeded") },
        Code::ConnectionRefused => const { word("ErrConnectionRefused") },
        Code::ConnectionTimeout => const { word("ErrConnectionTimeout") },
        Code::BrokenSocket => const { word("ErrBrokenSocket") },
        Code::Tls => const { word("ErrTLS") },
        Code::SecureConnWanted => const { word("ErrSecureConnWanted") },
        Code::StaleConnection => const { word("ErrStaleConnection") },
        Code::Authorization => const { word("ErrAuthorization") },
        Code::AuthExpired => const { word("ErrAuthExpired") },
        Code::AuthRevoked => const { word("ErrAuthRevoked") },
        Code::AccountAuthExpired => const { word("ErrAccountAuthExpired") },
        Code::Server => const { word("ErrServer") },
        Code::Protocol => const { word("ErrProtocol") },
        Code::Permissions => const { word("ErrPermissions") },
        Code::BadHeaderMsg => const { word("ErrBadHeaderMsg") },
        Code::SlowConsumer => const { word("ErrSlowConsumer") },
        Code::Panic => const { word("PANIC") },
    }
}
