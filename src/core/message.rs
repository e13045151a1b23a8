//! Subjects and messages, in and out.

use super::error::{Code, Problem};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use std::str::FromStr;

/// A subject: shared UTF-8 bytes, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(async_nats::Subject);

impl Subject {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<&str> for Subject {
    fn from(s: &str) -> Subject {
        Subject(s.into())
    }
}

impl From<String> for Subject {
    fn from(s: String) -> Subject {
        Subject(s.into())
    }
}

/// Header lines in order: name and value, both trimmed, names not empty.
pub type Headers = Vec<(String, String)>;

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where to.
    pub subject: Subject,
    /// Where answers should go.
    pub reply: Option<Subject>,
    /// Header lines.
    pub headers: Option<Headers>,
    /// The payload.
    pub payload: Bytes,
}

/// A message on its way out, checked. Kept small: what waits in the outbox is out of the processor's caches.
#[derive(Debug)]
pub(super) struct Wire {
    subject: Subject,
    reply: Option<Subject>,
    payload: Bytes,
    headers: Option<Box<HeaderMap>>,
    bytes: usize,
}

impl Wire {
    /// Converts a message.
    ///
    /// # Errors
    /// `ErrBadSubject` for a subject that would break the framing, `ErrInvalidArg` for a header that cannot be sent.
    pub fn new(m: Outgoing) -> Result<Wire, Problem> {
        check_framing(m.subject.as_str(), "subject")?;
        if let Some(reply) = &m.reply {
            check_framing(reply.as_str(), "reply")?;
        }
        let mut bytes = m.payload.len();
        let headers = match m.headers {
            Some(lines) if !lines.is_empty() => {
                let mut map = HeaderMap::new();
                bytes += "NATS/1.0\r\n\r\n".len();
                for (name, value) in &lines {
                    bytes += name.len() + value.len() + ": \r\n".len();
                    let key = HeaderName::from_str(name)
                        .map_err(|_| Problem::new(Code::InvalidArg, format!("Invalid header name {name}")))?;
                    let value = HeaderValue::from_str(value)
                        .map_err(|_| Problem::new(Code::InvalidArg, format!("Invalid value of header {name}")))?;
                    map.append(key, value);
                }
                Some(Box::new(map))
            }
            _ => None,
        };
        Ok(Wire { subject: m.subject, reply: m.reply, payload: m.payload, headers, bytes })
    }

    /// Payload and header block in bytes: what the server compares with its `max_payload`.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes the message occupies while it waits: payload, headers and subjects.
    pub fn size(&self) -> usize {
        let reply = self.reply.as_ref().map_or(0, |r| r.as_str().len());
        self.bytes + self.subject.as_str().len() + reply
    }

    /// Whether there are headers.
    pub fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        self.subject.as_str()
    }

    /// The wire library's own form.
    pub fn into_inner(self) -> OutboundMessage {
        OutboundMessage {
            subject: self.subject.0,
            reply: self.reply.map(|r| r.0),
            payload: self.payload,
            headers: self.headers.map(|h| *h),
        }
    }
}

/// A blank or line end in a subject would let its author write protocol of his own.
pub(super) fn check_framing(subject: &str, what: &str) -> Result<(), Problem> {
    let breaks = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    if subject.is_empty() || subject.as_bytes().iter().any(breaks) {
        return Err(Problem::new(Code::BadSubject, format!("Invalid {what} {subject}")));
    }
    Ok(())
}

/// A message that came in.
#[derive(Clone, Debug)]
pub struct Message(async_nats::Message);

impl Message {
    pub(super) fn new(inner: async_nats::Message) -> Message {
        Message(inner)
    }

    /// The subject it was published to.
    pub fn subject(&self) -> &str {
        self.0.subject.as_str()
    }

    /// Where an answer should go.
    pub fn reply(&self) -> Option<&str> {
        self.0.reply.as_ref().map(|r| r.as_str())
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// Status of a control message (ADR-4), such as 503.
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|s| s.as_u16())
    }

    /// Text that follows the status.
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Whether there is a header block (it may hold nothing but a status).
    pub fn has_headers(&self) -> bool {
        self.0.headers.is_some()
    }

    /// Header lines. The wire library keeps the order of values of a name, not that of names: those are sorted.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let Some(map) = &self.0.headers else {
            return Vec::new();
        };
        let mut lines: Vec<(&str, &str)> = map
            .iter()
            .flat_map(|(name, values)| {
                let name: &str = name.as_ref();
                values.iter().map(move |v| (name, v.as_str()))
            })
            .collect();
        // A stable sort leaves repeated names in their order.
        lines.sort_by_key(|(name, _)| *name);
        lines
    }

    /// Payload and header block in bytes.
    pub fn size(&self) -> usize {
        let subjects = self.0.subject.len() + self.0.reply.as_ref().map_or(0, |r| r.len());
        self.0.length.saturating_sub(subjects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(subject: &str, headers: Option<Headers>) -> Outgoing {
        Outgoing { subject: subject.into(), reply: None, headers, payload: Bytes::from_static(b"abc") }
    }

    #[test]
    fn sizes() {
        let w = Wire::new(outgoing("s", Some(vec![("A".into(), "b".into())]))).unwrap();
        assert_eq!(w.bytes(), 3 + "NATS/1.0\r\nA: b\r\n\r\n".len());
        assert_eq!(w.size(), w.bytes() + 1);
        assert!(w.has_headers());
        assert!(!Wire::new(outgoing("s", Some(vec![]))).unwrap().has_headers());
    }

    #[test]
    fn refused() {
        for bad in ["", "a b", "a\r\nPUB x 0\r\n", "a\tb"] {
            assert_eq!(Wire::new(outgoing(bad, None)).unwrap_err().code, Code::BadSubject);
        }
        let bad = Some(vec![("A".to_string(), "x\r\ny".to_string())]);
        assert_eq!(Wire::new(outgoing("s", bad)).unwrap_err().code, Code::InvalidArg);
    }
}
