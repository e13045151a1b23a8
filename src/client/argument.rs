//! Errors in the words of a call.

use crate::rules::jetstream_convert_body::BadValue;
use crate::rules::option::Name;

/// An error in an argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    /// A subject.
    Subject(String),
    /// A reply subject.
    Reply(String),
    /// A queue group.
    Queue(String),
    /// A stream's name.
    StreamName(String),
    /// A consumer's name.
    ConsumerName(String),
    /// A bucket's name.
    BucketName(String),
    /// A key, or a pattern of keys.
    KeyName(String),
    /// The name of an object: it is empty.
    ObjectName,
    /// A mode in which an object cannot be opened.
    OpenMode(String),
    /// An option that the method does not have.
    UnknownOption(String),
    /// A key of `-tls_opts` that nobody knows.
    UnknownTlsOption(String),
    /// `-ws_headers` with a header that cannot be sent: which and why, never its value.
    WsHeaders(String),
    /// An option that a connection does not have, where its value is asked for or set.
    InvalidOption(String),
    /// An option without its value.
    OptionWithoutValue(String),
    /// A value that does not have its option's type.
    Value(BadValue),
    /// A value that is none of the option's words.
    Enum {
        /// Option.
        name: &'static str,
        /// Value as given.
        value: String,
        /// Words that can be given.
        allowed: &'static [&'static str],
    },
    /// An option that must be given.
    Required(Name),
    /// Options of which one must be given.
    OneRequired(&'static [Name]),
    /// Two options that exclude each other.
    Exclusive(Name, Name),
    /// An option that cannot be combined with another one.
    Conflict(Name, Name),
    /// An option that needs another one.
    Needs(Name, Name),
    /// `-threshold` beyond the limit that it belongs to.
    Threshold {
        /// Value as given.
        threshold: u64,
        /// Limit.
        limit: u64,
    },
    /// `-expires` that is too short for continuous consumption, in ms.
    ExpiresTooShort(i64),
    /// A push consumer where a pull consumer is needed.
    PushConsumer(String),
    /// `-group` that does not fit the consumer, or is missing.
    Group {
        /// Consumer.
        consumer: String,
        /// Its groups.
        groups: Vec<String>,
    },
    /// An option that needs another priority policy.
    PriorityPolicy {
        /// Option.
        name: Name,
        /// Policy that it needs.
        policy: &'static str,
    },
    /// An option of ordered consumers that pull, given for one that pushes.
    PullOnly(Name),
    /// A method that an ordered consumer made without `-mode` does not have.
    WithoutMode,
    /// Messages asked for that go to a callback.
    HasCallback,
    /// Heartbeats of a pull that are too rare for it.
    HeartbeatTooLong {
        /// Time between heartbeats in ms.
        heartbeat: i64,
        /// Time of the pull in ms.
        expires: i64,
    },
    /// Two different names of a consumer: `-name` and `-durable_name`.
    TwoNames(String, String),
    /// `-history` below 1.
    HistoryTooSmall,
    /// `-history` over 64.
    HistoryTooLarge,
    /// Values to put that are no dict.
    ValuesNotDict,
    /// A revision that a key must have, though no value is put to it.
    RevisionWithoutValue,
    /// `-ttl` of an entry in whose place an older one would come back.
    LifeWithHistory,
    /// A configuration that is no JSON object.
    ConfigNotJson,
    /// A value with too many levels of lists and dicts.
    TooDeep,
    /// ID of no pending asynchronous request.
    RequestId(String),
    /// ID of no running fetch of the object.
    FetchId(String),
    /// A direct get that the server does not understand.
    DirectGet,
    /// Subjects, or a wildcard, for which there are more last messages than a server looks for at once.
    TooManySubjects,
    /// A bucket's origins: none are given.
    NoOrigins,
    /// An argument that is no boolean.
    NotBoolean {
        /// Argument.
        name: &'static str,
        /// Value as given.
        value: String,
    },
    /// The name of a mirror that is the name of a bucket's stream.
    MirrorIsBucket,
    /// Options of a mirror, given for a bucket that cannot be one.
    MirrorOptions,
    /// A variable that is local to a procedure, or no array.
    Variable(String),
    /// ID of no watch.
    WatchId(String),
    /// A word that is no object of the class.
    NotOfClass {
        /// Word as given.
        given: String,
        /// Class, such as `nats::connection`.
        class: &'static str,
    },
    /// A change of the server pool while it is in use.
    PoolInUse,
    /// A payload with a character that is no byte, where it is not converted to UTF-8.
    PayloadNotBytes,
    /// An object that is too long for a value.
    TooLong {
        /// Name.
        name: String,
        /// Size.
        size: u64,
    },
    /// A device, a pipe or a socket, where a file would be replaced.
    NotReplaced(String),
    /// A message that is no dict.
    MessageNotDict,
    /// A message without this field.
    MessageWithout(String),
    /// A part of a service that cannot be so.
    Service {
        /// Part, such as `version`.
        what: &'static str,
        /// Value as given.
        value: String,
    },
    /// An endpoint without a handler, or with several.
    OneHandler,
    /// A new endpoint of a service that has ended.
    ServiceStopped,
    /// A question for the request of a handler where none is at work.
    NoRequest,
    /// A message to send that has no subject.
    MessageWithoutSubject,
    /// A field of a message that cannot be set.
    MessageField(String),
    /// Headers that are no dict.
    HeaderNotDict,
    /// A header's name.
    HeaderName(String),
    /// Values of a header that are no list.
    HeaderValuesNotList(String),
    /// A header's value.
    HeaderValue {
        /// Header.
        name: String,
        /// Value.
        value: String,
    },
    /// An atomic batch that was committed, discarded, or refused.
    BatchOver,
    /// An atomic batch of more messages than servers take.
    BatchTooLarge,
    /// An atomic batch without messages.
    BatchEmpty,
    /// A header that an option stands for, named again.
    HeaderTwice(String),
    /// A header without value.
    HeaderWithoutValue(String),
    /// A text that is no time.
    Time(String),
    /// A time outside of the years 1 to 9999.
    TimeOutOfRange(String),
    /// A version of the package that no dialect has.
    NoDialect(String),
    /// The constructor of an object that only methods of other objects make.
    MadeByMethod,
    /// A second call of an object's constructor.
    ConstructedAlready,
    /// A method call on an object whose constructor has not run.
    NotConstructed,
    /// A method's body called as something else.
    NotMethod,
}
