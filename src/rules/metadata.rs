//! Metadata of a JetStream message in its reply subject (NATS ADR-15).

/// The contents of a `$JS.ACK` reply subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckMetadata<'a> {
    /// Stream that holds the message.
    pub stream: &'a str,
    /// Consumer that delivered it.
    pub consumer: &'a str,
    /// Number of deliveries, this one included.
    pub num_delivered: u64,
    /// Sequence in the stream.
    pub stream_seq: u64,
    /// Sequence of the delivery in the consumer.
    pub consumer_seq: u64,
    /// Time of storage, in ms since the epoch.
    pub timestamp: i64,
    /// Number of messages that the consumer has still to deliver.
    pub num_pending: u64,
    /// JetStream domain, if there is one.
    pub domain: Option<&'a str>,
}

const PREFIX: &str = "$JS.ACK.";

/// Greatest number of tokens after the prefix that mean something.
const MEANT: usize = 9;

/// Parses a reply subject: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>` (9 tokens), or
/// with `<domain>.<account hash>` after `$JS.ACK` and perhaps more tokens at the end (from 11). `None` for anything else.
pub(crate) fn parse(reply: &str) -> Option<AckMetadata<'_>> {
    let rest = reply.strip_prefix(PREFIX)?;
    // In one pass, since it is done for each message.
    let (mut dots, mut count) = ([rest.len(); MEANT], 0);
    for at in memchr::memchr_iter(b'.', rest.as_bytes()) {
        if let Some(dot) = dots.get_mut(count) {
            *dot = at;
        }
        count += 1;
    }
    let token = |number: usize| {
        let start = number.checked_sub(1).map_or(0, |before| dots[before] + 1);
        rest.get(start..dots[number])
    };
    let (first, domain) = match count + 3 {
        9 => (0, None),
        // The server writes `_` for the absent domain, to keep the number of tokens.
        11.. => (2, token(0).filter(|domain| *domain != "_")),
        _ => return None,
    };
    let name = |number| token(first + number).filter(|name| !name.is_empty());
    let figure = |figure| number(token(first + figure)?);
    Some(AckMetadata {
        stream: name(0)?,
        consumer: name(1)?,
        num_delivered: figure(2)?,
        stream_seq: figure(3)?,
        consumer_seq: figure(4)?,
        timestamp: timestamp(token(first + 5)?)?,
        num_pending: figure(6)?,
        domain,
    })
}

/// Number of digits that cannot be too many for 64 bits.
const FIT: usize = 19;

fn number(token: &str) -> Option<u64> {
    let digits = token.as_bytes();
    if matches!(digits.len(), 1..=FIT) && digits.iter().all(u8::is_ascii_digit) {
        return Some(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
    }
    token.parse().ok()
}

/// Milliseconds of nanoseconds since the epoch, cut.
fn timestamp(nanos: &str) -> Option<i64> {
    match number(nanos).map(i64::try_from) {
        Some(Ok(nanos)) => Some(nanos / 1_000_000),
        _ => nanos.parse::<i64>().ok().map(|nanos| nanos.div_euclid(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tokens() {
        let m = parse("$JS.ACK.S.C.2.10.3.1669123895451987654.7").unwrap();
        assert_eq!((m.stream, m.consumer, m.num_delivered, m.stream_seq, m.consumer_seq), ("S", "C", 2, 10, 3));
        assert_eq!((m.timestamp, m.num_pending, m.domain), (1_669_123_895_451, 7, None));
    }

    #[test]
    fn domain_and_account() {
        for reply in ["$JS.ACK.hub.ACC.S.C.1.18446744073709551615.1.0.0", "$JS.ACK.hub.ACC.S.C.1.18446744073709551615.1.0.0.rnd"]
        {
            let m = parse(reply).unwrap();
            assert_eq!((m.stream, m.stream_seq, m.domain), ("S", u64::MAX, Some("hub")));
        }
        assert_eq!(parse("$JS.ACK._.ACC.S.C.1.1.1.0.0").unwrap().domain, None);
        // More than are known, and numbers that hardly fit or are negative.
        let m = parse("$JS.ACK.d.ACC.S.C.9999999999999999999.1.1.-1.0.a.b.c").unwrap();
        assert_eq!((m.num_delivered, m.timestamp), (9_999_999_999_999_999_999, -1));
        assert_eq!(parse("$JS.ACK.S.C.1.1.1.9223372036854775807.0").unwrap().timestamp, 9_223_372_036_854);
    }

    #[test]
    fn others() {
        for reply in [
            "",
            "_INBOX.x",
            "$JS.ACK",
            "$JS.ACK.S.C.1.1.1.1",
            "$JS.ACK.S.C.1.1.1.1.1.1",
            "$JS.ACK.S.C.x.1.1.1.1",
            "$JS.ACK.S.C.99999999999999999999.1.1.1.1",
            "$JS.ACK.S.C.1.1.1.9223372036854775808.1",
            "$JS.ACK.S.C.1.1.1.1.",
            "$JS.ACK..C.1.1.1.1.1",
            "$JS.ACK.S..1.1.1.1.1",
            "$JS.FC.S.C.1.1.1.1.1",
        ] {
            assert_eq!(parse(reply), None, "{reply}");
        }
    }
}
