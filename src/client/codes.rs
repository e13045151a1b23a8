//! JetStream's error codes (`err_code` of a reply, NATS ADR-1) on which decisions depend.

/// `consumer not found`
pub(crate) const CONSUMER_NOT_FOUND: i64 = 10014;
/// `no message found`
pub(crate) const MESSAGE_NOT_FOUND: i64 = 10037;
/// `JetStream not enabled for account`
pub(crate) const NOT_ENABLED_FOR_ACCOUNT: i64 = 10039;
/// An invalid configuration of a new stream, which an existing one may have (`sealed`).
pub(crate) const STREAM_INVALID_CONFIG: i64 = 10052;
/// `stream name already in use`: the stream of this name has another configuration.
pub(crate) const STREAM_NAME_IN_USE: i64 = 10058;
/// `stream not found`
pub(crate) const STREAM_NOT_FOUND: i64 = 10059;
/// `wrong last sequence: <n>`
pub(crate) const WRONG_LAST_SEQUENCE: i64 = 10071;
/// `consumer filter subject is not a valid subset of the interest subjects`
pub(crate) const FILTER_NOT_SUBSET: i64 = 10093;
/// `wrong last sequence`, without the right one.
pub(crate) const WRONG_LAST_SEQUENCE_CONSTANT: i64 = 10164;
/// `batch publish is disabled`: the stream has no `allow_batched`.
pub(crate) const BATCHES_DISABLED: i64 = 10205;
/// `batch publish ID unknown`: there is no such batch, or it is over.
pub(crate) const BATCH_UNKNOWN: i64 = 10208;
/// `batch publish too many inflight`
pub(crate) const TOO_MANY_BATCHES: i64 = 10211;
