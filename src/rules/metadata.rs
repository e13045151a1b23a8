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

/// Parses a reply subject: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>` (9 tokens), or
/// with `<domain>.<account hash>` after `$JS.ACK` and perhaps more tokens at the end (from 11). `None` for anything else.
pub(crate) fn parse(reply: &str) -> Option<AckMetadata<'_>> {
    let rest = reply.strip_prefix(PREFIX)?;
    let count = rest.split('.').count() + 2;
    let mut tokens = rest.split('.');
    let domain = match count {
        9 => None,
        11.. => {
            let domain = tokens.next()?;
            tokens.next()?;
            // The server writes `_` for the absent domain, to keep the number of tokens.
            (domain != "_").then_some(domain)
        }
        _ => return None,
    };
    let stream = tokens.next().filter(|name| !name.is_empty())?;
    let consumer = tokens.next().filter(|name| !name.is_empty())?;
    Some(AckMetadata {
        stream,
        consumer,
        num_delivered: number(tokens.next())?,
        stream_seq: number(tokens.next())?,
        consumer_seq: number(tokens.next())?,
        timestamp: timestamp(tokens.next()?)?,
        num_pending: number(tokens.next())?,
        domain,
    })
}

fn number(token: Option<&str>) -> Option<u64> {
    token?.parse().ok()
}

/// Milliseconds of nanoseconds since the epoch, cut.
fn timestamp(nanos: &str) -> Option<i64> {
    nanos.parse::<i64>().ok().map(|nanos| nanos.div_euclid(1_000_000))
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
            "$JS.ACK.S.C.1.1.1.1.",
            "$JS.ACK..C.1.1.1.1.1",
            "$JS.ACK.S..1.1.1.1.1",
            "$JS.FC.S.C.1.1.1.1.1",
        ] {
            assert_eq!(parse(reply), None, "{reply}");
        }
    }
}
