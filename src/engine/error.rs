//! The one error type of the engine.

/// Kind of an error that the engine reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The connection is closed.
    ConnectionClosed,
    /// The pool is empty, or no server of it could be reached.
    NoServers,
    /// A bad argument.
    InvalidArg,
    /// A bad subject, found here or by the server.
    BadSubject,
    /// A bad queue group.
    BadQueueName,
    /// Payload and headers are larger than the server accepts.
    MaxPayload,
    /// No such subscription.
    BadSubscription,
    /// The server is older than 2.2.
    HeadersNotSupported,
    /// The waiting messages would exceed `-reconnect_buf_size`.
    ReconnectBufExceeded,
    /// TCP refused, host unknown or unreachable.
    ConnectionRefused,
    /// No complete handshake in time.
    ConnectionTimeout,
    /// The peer closed or the socket failed.
    BrokenSocket,
    /// TLS handshake or certificate failure.
    Tls,
    /// TLS wanted, not offered.
    SecureConnWanted,
    /// Keep-alives unanswered, on either side.
    StaleConnection,
    /// Credentials refused or missing.
    Authorization,
    /// The user's authentication expired.
    AuthExpired,
    /// The user's authentication was revoked.
    AuthRevoked,
    /// The account's authentication expired.
    AccountAuthExpired,
    /// Any other error that the server reports.
    Server,
    /// Bytes that are not the NATS protocol.
    Protocol,
    /// Publish or subscribe not allowed.
    Permissions,
    /// A header block that cannot be understood.
    BadHeaderMsg,
    /// A subscription's queue is over its limit.
    SlowConsumer,
    /// A panic of the I/O thread.
    Panic,
}

/// An error: its kind, and a text for people.
///
/// The text never holds a password, token or seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Kind.
    pub code: Code,
    /// Text for the user.
    pub text: String,
    /// Further words of the error code, usually none.
    pub details: Vec<String>,
}

impl Problem {
    /// A problem without details.
    pub fn new(code: Code, text: impl Into<String>) -> Problem {
        Problem { code, text: text.into(), details: Vec::new() }
    }

    /// The error of every operation on a connection of a process of which this one is a fork.
    pub(super) fn forked() -> Problem {
        Problem::new(
            Code::ConnectionClosed,
            "No connection to NATS server: it belongs to the process that this one was forked from",
        )
    }

    /// The error of every operation on a closed connection.
    pub(super) fn closed() -> Problem {
        Problem::new(Code::ConnectionClosed, "No connection to NATS server")
    }
}
