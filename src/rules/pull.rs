//! Pull requests (NATS ADR-13, ADR-42): the options of the methods that make one, and its payload. Times are in ms, on the wire
//! in ns.

use std::time::Duration;

use serde_json::{Map, Value};

use super::option::{Kind, Opt, preset, row};
use super::time::{DurationError, millis_to_nanos};

/// Options of all that pulls from a consumer with priority groups.
pub(crate) const PRIORITY_OPTIONS: &[Opt; 4] = &[
    row("group", Kind::NonEmpty, "priority group of the consumer").since(2, 11, 0),
    row("min_pending", Kind::Count, "deliver only while at least so many messages wait (policy `overflow`)").since(2, 11, 0),
    row("min_ack_pending", Kind::Count, "deliver only while at least so many messages are not acknowledged (policy `overflow`)")
        .since(2, 11, 0),
    row("priority", Kind::Count, "0 to 9, the lowest is served first (policy `prioritized`)").since(2, 12, 0),
];

/// Options of `consume` and `fetch`.
pub(crate) const CONSUME_OPTIONS: &[Opt] = &[
    preset("batch_size", Kind::Count, "1", "most messages; not 0"),
    row("timeout", Kind::Timeout, "how long to wait; without it only what is there now is delivered"),
    row("callback", Kind::Command, "return a request ID at once; each message goes to the callback"),
    row(
        "expires",
        Kind::Timeout,
        "how long the server waits, by default 10 ms less than `-timeout`, which it needs. Rarely needed",
    ),
    row(
        "max_bytes",
        Kind::Count,
        "most bytes; not 0. Without `-batch_size` as many messages as fit, or as the consumer's `max_batch` allows",
    )
    .since(2, 8, 3),
    row(
        "idle_heartbeat",
        Kind::Count,
        "ms between heartbeats of the server while nothing comes, at most half of the server's wait; two that fail to come end the pull. Needs `-timeout`",
    )
    .since(2, 8, 3),
    PRIORITY_OPTIONS[0],
    PRIORITY_OPTIONS[1],
    PRIORITY_OPTIONS[2],
    PRIORITY_OPTIONS[3],
    row(
        "status",
        Kind::NonEmpty,
        "variable that gets the dict `code description pending_msgs pending_bytes` of the status that ended the pull; empty if the batch is full, or no status came. Not with `-callback`, which gets the status",
    ),
];

/// Options of `next`.
pub(crate) const NEXT_OPTIONS: &[Opt] =
    &[row("timeout", Kind::Timeout, "how long to wait, by default the JetStream object's; 0 waits for ever")];

/// Number of messages asked for where only bytes limit a pull.
pub(crate) const BATCH_BY_BYTES: i64 = 1_000_000;

/// Highest value of `-priority`.
pub(crate) const LOWEST_PRIORITY: i64 = 9;

/// A pull request; what is `None` is not sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PullRequest {
    /// Most messages.
    pub batch: i64,
    /// Most bytes.
    pub max_bytes: Option<i64>,
    /// Time the server waits; without it the pull takes what is there.
    pub expires: Option<i64>,
    /// Time between heartbeats.
    pub idle_heartbeat: Option<i64>,
    /// What concerns priority groups.
    pub priority: Priority,
}

/// The part of a pull request that concerns priority groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Priority {
    /// Group.
    pub group: Option<String>,
    /// Least number of messages that wait.
    pub min_pending: Option<i64>,
    /// Least number of messages that are not acknowledged.
    pub min_ack_pending: Option<i64>,
    /// 0 to 9.
    pub priority: Option<i64>,
    /// Identity of the pinned client.
    pub id: Option<String>,
}

impl PullRequest {
    /// The payload.
    ///
    /// # Errors
    /// [`DurationError::Range`] if a time does not fit the wire.
    pub(crate) fn payload(&self) -> Result<String, DurationError> {
        let nanos = |ms: i64| millis_to_nanos(&ms.to_string());
        let mut body = Map::new();
        body.insert("batch".into(), self.batch.into());
        match self.expires {
            None => body.insert("no_wait".into(), true.into()),
            Some(expires) => body.insert("expires".into(), nanos(expires)?.into()),
        };
        let mut number = |name: &str, value: Option<i64>| {
            if let Some(value) = value {
                body.insert(name.into(), value.into());
            }
        };
        number("max_bytes", self.max_bytes);
        number("idle_heartbeat", self.idle_heartbeat.map(nanos).transpose()?);
        number("min_pending", self.priority.min_pending);
        number("min_ack_pending", self.priority.min_ack_pending);
        number("priority", self.priority.priority);
        for (name, value) in [("group", &self.priority.group), ("id", &self.priority.id)] {
            if let Some(value) = value {
                body.insert(name.into(), value.as_str().into());
            }
        }
        Ok(Value::Object(body).to_string())
    }
}

/// Time that the server is told to wait with a pull request: the explicit `-expires`, or 10 ms less than `timeout` so that its
/// answer arrives first, but all of a timeout below 20 ms.
pub(crate) fn pull_expires(timeout: i64, expires: Option<i64>) -> i64 {
    match expires {
        Some(expires) => expires,
        None if timeout < 20 => timeout,
        None => timeout - 10,
    }
}

/// Payload of a request for the rest of a pull after a reconnection: `left` messages, what `bytes` left of its bytes, and the
/// part of its `expires` that has not passed. `None` if nothing is left of them.
pub(crate) fn pull_rest(payload: &[u8], left: u64, bytes: u64, elapsed: Duration) -> Option<String> {
    let mut request: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    request.insert("batch".to_owned(), left.into());
    let rest = |field: Option<&Value>, used: u64| match field.and_then(Value::as_u64).filter(|limit| *limit > 0) {
        None => Some(None),
        Some(limit) => limit.checked_sub(used).filter(|rest| *rest > 0).map(Some),
    };
    let elapsed = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
    for (name, used) in [("expires", elapsed), ("max_bytes", bytes)] {
        if let Some(rest) = rest(request.get(name), used)? {
            request.insert(name.to_owned(), rest.into());
        }
    }
    Some(Value::Object(request).to_string())
}

/// Payload of a pull for as many messages as the consumer allows, and their number, if the status refused more.
pub(crate) fn pull_of_less(payload: &[u8], code: u16, description: &str) -> Option<(String, u64)> {
    let allowed = allowed_batch(code, description)?;
    let mut request: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    let asked = request.insert("batch".to_owned(), allowed.into()).and_then(|batch| batch.as_u64())?;
    (allowed < asked).then(|| (Value::Object(request).to_string(), allowed))
}

/// How many messages and bytes of a pull were not delivered, if a status says so.
pub(crate) fn undelivered<N: AsRef<str>, V: AsRef<str>>(headers: impl IntoIterator<Item = (N, V)>) -> Option<(u64, u64)> {
    let (mut msgs, mut bytes) = (None, None);
    for (name, value) in headers {
        match name.as_ref() {
            "Nats-Pending-Messages" => msgs = value.as_ref().parse().ok(),
            "Nats-Pending-Bytes" => bytes = value.as_ref().parse().ok(),
            _ => {}
        }
    }
    msgs.map(|msgs| (msgs, bytes.unwrap_or(0)))
}

/// The largest batch that the consumer allows, by the status that refused a larger one.
pub(crate) fn allowed_batch(code: u16, description: &str) -> Option<u64> {
    let number = description.strip_prefix("Exceeded MaxRequestBatch of ").filter(|_| code == 409)?;
    number.trim().parse().ok().filter(|batch| *batch > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_of_a_pull() {
        let rest = |payload: &str, left, bytes, ms| pull_rest(payload.as_bytes(), left, bytes, Duration::from_millis(ms));
        assert_eq!(rest(r#"{"batch":9,"expires":5000000}"#, 4, 0, 2).unwrap(), r#"{"batch":4,"expires":3000000}"#);
        assert_eq!(rest(r#"{"batch":9,"expires":5000000}"#, 4, 0, 5), None);
        assert_eq!(rest(r#"{"batch":9,"expires":0}"#, 4, 0, 5).unwrap(), r#"{"batch":4,"expires":0}"#);
        assert_eq!(rest(r#"{"batch":9,"no_wait":true}"#, 1, 0, 5).unwrap(), r#"{"batch":1,"no_wait":true}"#);
        assert_eq!(rest(r#"{"batch":9,"max_bytes":50}"#, 1, 20, 5).unwrap(), r#"{"batch":1,"max_bytes":30}"#);
        assert_eq!(rest(r#"{"batch":9,"max_bytes":50}"#, 1, 60, 5), None);
    }

    #[test]
    fn pulls() {
        assert_eq!(pull_expires(1_000, None), 990);
        assert_eq!(pull_expires(20, None), 10);
        assert_eq!(pull_expires(19, None), 19);
        assert_eq!(pull_expires(1_000, Some(5_000)), 5_000);
        let plain = |batch, expires| PullRequest { batch, expires, ..PullRequest::default() };
        assert_eq!(plain(3, None).payload().unwrap(), "{\"batch\":3,\"no_wait\":true}");
        assert_eq!(plain(3, Some(990)).payload().unwrap(), "{\"batch\":3,\"expires\":990000000}");
        assert_eq!(plain(3, Some(i64::MAX)).payload(), Err(DurationError::Range));
        let all = PullRequest {
            batch: 1,
            max_bytes: Some(9),
            expires: Some(2),
            idle_heartbeat: Some(1),
            priority: Priority {
                group: Some("g".into()),
                min_pending: Some(2),
                min_ack_pending: Some(0),
                priority: Some(5),
                id: Some("i".into()),
            },
        };
        let expected = r#"{"batch":1,"expires":2000000,"max_bytes":9,"idle_heartbeat":1000000,"min_pending":2,"min_ack_pending":0,"priority":5,"group":"g","id":"i"}"#;
        assert_eq!(all.payload().unwrap(), expected);
    }

    #[test]
    fn what_was_not_delivered() {
        let both = [("Nats-Pending-Messages", "3"), ("Nats-Pending-Bytes", "10")];
        assert_eq!(undelivered(both), Some((3, 10)));
        assert_eq!(undelivered(both[..1].iter().copied()), Some((3, 0)));
        assert_eq!(undelivered([("Nats-Subject", "a")]), None);
    }

    #[test]
    fn refused_batches() {
        let less = pull_of_less(br#"{"batch":9,"max_bytes":5}"#, 409, "Exceeded MaxRequestBatch of 4");
        assert_eq!(less, Some((r#"{"batch":4,"max_bytes":5}"#.to_owned(), 4)));
        assert_eq!(pull_of_less(br#"{"batch":4}"#, 409, "Exceeded MaxRequestBatch of 4"), None);
        assert_eq!(allowed_batch(409, "Exceeded MaxRequestBatch of 100"), Some(100));
        assert_eq!(allowed_batch(409, "Exceeded MaxRequestBatch of x"), None);
        assert_eq!(allowed_batch(409, "Exceeded MaxWaiting"), None);
        assert_eq!(allowed_batch(408, "Exceeded MaxRequestBatch of 100"), None);
    }
}
