//! Fast batches (NATS ADR-50): the reply subjects of their messages, and the answers that come there.

use serde_json::Value as Json;

use super::flat::{self, Scalar};
use super::jetstream_convert::{ApiError, api_error, is_pub_ack};

/// JetStream API level of the servers that have fast batches.
pub(crate) const LEVEL: u32 = 4;

/// Part that a message plays in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// The first one.
    Start,
    /// One of many.
    Append,
    /// The last one, which is stored.
    Last,
    /// Ends the batch without being stored.
    End,
    /// Only asks how far the server is.
    Ping,
}

/// Ends of reply subjects, by the digit of the operation.
const ENDINGS: &[(Op, &str)] =
    &[(Op::Start, ".0.$FI"), (Op::Append, ".1.$FI"), (Op::Last, ".2.$FI"), (Op::End, ".3.$FI"), (Op::Ping, ".4.$FI")];

impl Op {
    /// What follows the sequence in a reply subject.
    pub(crate) fn ending(self) -> &'static str {
        ENDINGS.iter().find(|(op, _)| *op == self).map_or("", |(_, ending)| ending)
    }
}

/// What stands before the sequence in the reply subjects of a batch.
pub(crate) fn prefix(inbox: &str, flow: u64, tolerant: bool) -> String {
    format!("{inbox}.{flow}.{}.", if tolerant { "ok" } else { "fail" })
}

/// Sequence and operation of a reply subject.
pub(crate) fn place(subject: &str) -> Option<(u64, Op)> {
    let (op, rest) = ENDINGS.iter().find_map(|(op, ending)| Some((*op, subject.strip_suffix(ending)?)))?;
    Some((rest.rsplit('.').next()?.parse().ok()?, op))
}

/// Why a message was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// JetStream's error.
    Api(ApiError),
    /// No stream has the subject.
    NoResponders,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All messages up to `seq` are settled; the next acknowledgement comes after `msgs` more.
    Ack {
        /// Sequence.
        seq: u64,
        /// Number of messages.
        msgs: u64,
    },
    /// The messages from `from` on, below `to`, did not arrive.
    Gap {
        /// The first one.
        from: u64,
        /// The one that did arrive.
        to: u64,
    },
    /// A message was refused within the batch.
    Refused {
        /// Sequence.
        seq: u64,
        /// Why.
        error: Refusal,
    },
    /// A message was refused before the server looked at its batch, or the batch itself was.
    Failed {
        /// Sequence.
        seq: u64,
        /// Operation.
        op: Op,
        /// Why.
        error: Refusal,
    },
    /// The batch is over.
    Stored {
        /// Number of messages that are settled.
        count: u64,
    },
    /// Something that no server says: any client may listen to the subject.
    Foreign,
}

/// Reads an answer that came to this reply subject; `unheard` for the status that nobody listens.
pub(crate) fn read(subject: &str, payload: &[u8], unheard: bool) -> Answer {
    let Some((seq, op)) = place(subject) else { return Answer::Foreign };
    if unheard {
        return Answer::Failed { seq, op, error: Refusal::NoResponders };
    }
    if let Some(answer) = flat::members(payload).and_then(|members| plain(&members)) {
        return answer;
    }
    serde_json::from_slice(payload).ok().and_then(|reply| nested(&reply, seq, op)).unwrap_or(Answer::Foreign)
}

fn plain(members: &[(&str, Scalar<'_>)]) -> Option<Answer> {
    let number = |wanted: &str| {
        let value = members.iter().find(|(name, _)| *name == wanted)?.1;
        if let Scalar::Int(number) = value { u64::try_from(number).ok() } else { None }
    };
    match members.iter().find(|(name, _)| *name == "type")?.1 {
        Scalar::Text("ack") => Some(Answer::Ack { seq: number("seq")?, msgs: number("msgs")? }),
        Scalar::Text("gap") => Some(Answer::Gap { from: number("last_seq")?, to: number("seq")? }),
        _ => None,
    }
}

fn nested(reply: &Json, seq: u64, op: Op) -> Option<Answer> {
    let error = api_error(reply).ok()?.map(Refusal::Api);
    match (reply.get("type").and_then(Json::as_str), error) {
        (Some("err"), Some(error)) => Some(Answer::Refused { seq: reply.get("seq").and_then(Json::as_u64)?, error }),
        (None, Some(error)) => Some(Answer::Failed { seq, op, error }),
        (None, None) if is_pub_ack(reply) => Some(Answer::Stored { count: reply.get("count").and_then(Json::as_u64)? }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (op, ending) in ENDINGS {
            assert_eq!(op.ending(), *ending);
            assert_eq!(place(&format!("{}12{ending}", prefix("_INBOX.u", 100, true))), Some((12, *op)));
        }
        assert_eq!(prefix("i", 7, false), "i.7.fail.");
        for other in ["", "_INBOX.u.2.ok.1.5.$FI", "_INBOX.u.2.ok.x.1.$FI", ".1.$FI", "1.1"] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    #[test]
    fn answers_of_a_server() {
        let read = |text: &str| read("_INBOX.u.2.fail.5.1.$FI", text.as_bytes(), false);
        let error =
            |err_code, description: &str| Refusal::Api(ApiError { code: 400, err_code, description: description.to_owned() });
        assert_eq!(read(r#"{"type":"ack","seq":4,"msgs":2}"#), Answer::Ack { seq: 4, msgs: 2 });
        assert_eq!(read(r#"{"type":"gap","last_seq":3,"seq":5}"#), Answer::Gap { from: 3, to: 5 });
        let refused = r#"{"type":"err","seq":3,"error":{"code":400,"err_code":10071,"description":"wrong"}}"#;
        assert_eq!(read(refused), Answer::Refused { seq: 3, error: error(10071, "wrong") });
        let unknown = r#"{"error":{"code":400,"err_code":10208,"description":"unknown"},"stream":"S","seq":0}"#;
        assert_eq!(read(unknown), Answer::Failed { seq: 5, op: Op::Append, error: error(10208, "unknown") });
        assert_eq!(read(r#"{"stream":"S","seq":9,"batch":"u","count":6}"#), Answer::Stored { count: 6 });
    }

    #[test]
    fn answers_of_others() {
        let reply = "_INBOX.u.2.fail.1.0.$FI";
        for text in ["", "x", "[]", "{}", r#"{"type":"ack"}"#, r#"{"type":"ack","seq":-1,"msgs":1}"#, r#"{"type":"err","seq":1}"#]
        {
            assert_eq!(read(reply, text.as_bytes(), false), Answer::Foreign, "{text}");
        }
        assert_eq!(read(reply, b"", true), Answer::Failed { seq: 1, op: Op::Start, error: Refusal::NoResponders });
        assert_eq!(read("_INBOX.other", b"", true), Answer::Foreign);
        assert_eq!(read(reply, br#"{"stream":"S","seq":9}"#, false), Answer::Foreign, "an acknowledgement of a plain message");
    }
}
