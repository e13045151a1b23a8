//! What a status says about pull requests (NATS ADR-13, ADR-42).

use std::time::Duration;

use super::pull::undelivered;

/// A limit of the consumer for a single pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Messages.
    Batch(u64),
    /// Time.
    Expires(Duration),
    /// Bytes.
    Bytes(u64),
}

/// A status, as what has to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// So many messages and bytes of what was asked for will not come.
    Undelivered(u64, u64),
    /// The same, because the next message is larger than these bytes.
    Oversize(u64, u64),
    /// Nothing of what was asked for will come.
    Over,
    /// The pin is lost, and with it so many messages and bytes, or all.
    Unpinned(Option<(u64, u64)>),
    /// The last pull asked for more than the consumer allows.
    TooMuch(Limit),
    /// The last pull was one too many.
    Crowded,
    /// Nobody listens: JetStream is away, or there is no such consumer.
    Nobody,
    /// The consumer was removed.
    Gone,
    /// There is no point in going on.
    End,
    /// Something that this version does not know.
    Unknown,
}

/// What a status with this code, description and these headers says.
pub(crate) fn verdict<N: AsRef<str>, V: AsRef<str>>(
    code: u16,
    description: &str,
    headers: impl IntoIterator<Item = (N, V)>,
) -> Verdict {
    let rest = undelivered(headers);
    match code {
        423 => Verdict::Unpinned(rest),
        503 => Verdict::Nobody,
        404 => Verdict::Over,
        400 | 412 => Verdict::End,
        409 if description.starts_with("Leadership Change") || description.starts_with("Server Shutdown") => Verdict::Over,
        409 if description.starts_with("Consumer Deleted") => Verdict::Gone,
        409 if description.starts_with("Consumer is push based") => Verdict::End,
        409 if description.starts_with("Exceeded MaxWaiting") => Verdict::Crowded,
        _ => match (limit(description), rest) {
            (Some(limit), _) if code == 409 => Verdict::TooMuch(limit),
            (_, Some((msgs, bytes))) if code == 409 && description.starts_with("Message Size Exceeds MaxBytes") => {
                Verdict::Oversize(msgs, bytes)
            }
            (_, Some((msgs, bytes))) => Verdict::Undelivered(msgs, bytes),
            _ => Verdict::Unknown,
        },
    }
}

/// The limit that a refusal names.
fn limit(description: &str) -> Option<Limit> {
    let rest = description.strip_prefix("Exceeded ")?;
    let (what, value) = rest.split_once(" of ")?;
    let positive = |number: u64| (number > 0).then_some(number);
    match what {
        "MaxRequestBatch" => positive(value.parse().ok()?).map(Limit::Batch),
        "MaxRequestMaxBytes" => positive(value.parse().ok()?).map(Limit::Bytes),
        "MaxRequestExpires" => go_duration(value).filter(|time| !time.is_zero()).map(Limit::Expires),
        _ => None,
    }
}

/// A duration as Go prints it, such as `1m30.5s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let none: [(&str, &str); 0] = [];
        let rest = [("Nats-Pending-Messages", "7"), ("Nats-Pending-Bytes", "90")];
        for (code, description, expected) in [
            (404, "No Messages", Verdict::Over),
            (409, "Leadership Change", Verdict::Over),
            (409, "Server Shutdown", Verdict::Over),
            (423, "Nats-Pin-Id mismatch", Verdict::Unpinned(None)),
            (409, "Exceeded MaxRequestBatch of 100", Verdict::TooMuch(Limit::Batch(100))),
            (409, "Exceeded MaxRequestExpires of 1m0s", Verdict::TooMuch(Limit::Expires(Duration::from_secs(60)))),
            (409, "Exceeded MaxRequestMaxBytes of 5", Verdict::TooMuch(Limit::Bytes(5))),
            (409, "Exceeded MaxRequestBatch of 0", Verdict::Unknown),
            (409, "Exceeded MaxWaiting", Verdict::Crowded),
            (503, "", Verdict::Nobody),
            (409, "Consumer Deleted", Verdict::Gone),
            (409, "Consumer is push based", Verdict::End),
            (400, "Bad Request - Priority Group missing", Verdict::End),
            (412, "Required Api Level", Verdict::End),
            (409, "Something New", Verdict::Unknown),
            (408, "Request Timeout", Verdict::Unknown),
        ] {
            assert_eq!(verdict(code, description, none), expected, "{description}");
        }
        for (code, description, expected) in [
            (408, "Request Timeout", Verdict::Undelivered(7, 90)),
            (408, "Interest Expired", Verdict::Undelivered(7, 90)),
            (409, "Message Size Exceeds MaxBytes", Verdict::Oversize(7, 90)),
            (409, "Batch Completed", Verdict::Undelivered(7, 90)),
            (418, "Something New", Verdict::Undelivered(7, 90)),
            (423, "Nats-Wrong-Pin-Id", Verdict::Unpinned(Some((7, 90)))),
        ] {
            assert_eq!(verdict(code, description, rest), expected, "{description}");
        }
    }

    #[test]
    fn durations_of_go() {
        for (text, ms) in [("1m0s", 60_000), ("1h0m0.5s", 3_600_500), ("250ms", 250), ("2s", 2_000), ("0s", 0)] {
            assert_eq!(go_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!((go_duration("5"), go_duration("x"), go_duration("1y")), (None, None, None));
    }
}
