//! Subjects and messages, in and out.

use super::error::{Code, Problem};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use std::str::FromStr;

/// A subject: shared UTF-8 bytes, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    text: async_nats::Subject,
    /// It cannot break the framing of the protocol: looked at once, not for each message.
    framed: bool,
}

impl Subject {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The text, if it cannot break the framing.
    fn checked(self, what: &str) -> Result<async_nats::Subject, Problem> {
        if self.framed { Ok(self.text) } else { Err(breaks_framing(self.as_str(), what)) }
    }

    /// An error of a subject that would break the framing.
    pub(super) fn check(&self, what: &str) -> Result<(), Problem> {
        if self.framed { Ok(()) } else { Err(breaks_framing(self.as_str(), what)) }
    }
}

impl From<&str> for Subject {
    fn from(s: &str) -> Subject {
        Subject { text: s.into(), framed: is_framed(s) }
    }
}

impl From<String> for Subject {
    fn from(s: String) -> Subject {
        let framed = is_framed(&s);
        Subject { text: s.into(), framed }
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
    subject: async_nats::Subject,
    reply: Option<async_nats::Subject>,
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
        let subject = m.subject.checked("subject")?;
        let reply = match m.reply {
            Some(reply) => Some(reply.checked("reply")?),
            None => None,
        };
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
        Ok(Wire { subject, reply, payload: m.payload, headers, bytes })
    }

    /// Payload and header block in bytes: what the server compares with its `max_payload`.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes the message occupies while it waits: payload, headers and subjects.
    pub fn size(&self) -> usize {
        self.bytes + self.subject.len() + self.reply.as_ref().map_or(0, |r| r.len())
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
        OutboundMessage { subject: self.subject, reply: self.reply, payload: self.payload, headers: self.headers.map(|h| *h) }
    }
}

/// A blank or line end in a subject would let its author write protocol of his own.
fn is_framed(subject: &str) -> bool {
    let breaks = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    !subject.is_empty() && !subject.as_bytes().iter().any(breaks)
}

fn breaks_framing(subject: &str, what: &str) -> Problem {
    Problem::new(Code::BadSubject, format!("Invalid {what} {subject}"))
}

/// The error of a text that would break the framing.
pub(super) fn check_framing(subject: &str, what: &str) -> Result<(), Problem> {
    if is_framed(subject) { Ok(()) } else { Err(breaks_framing(subject, what)) }
}

/// A message that came in. Kept small: many may wait, and each goes from thread to thread.
#[derive(Clone, Debug)]
pub struct Message {
    subject: async_nats::Subject,
    reply: Option<async_nats::Subject>,
    payload: Bytes,
    block: Option<Box<Block>>,
    size: usize,
}

/// A header block.
#[derive(Clone, Debug)]
struct Block {
    headers: HeaderMap,
    status: Option<u16>,
    description: Option<String>,
}

impl Message {
    /// Takes over a message; shares the subject with the one before, `latest`, if it is the same.
    pub(super) fn new(inner: async_nats::Message, latest: &mut Option<async_nats::Subject>) -> Message {
        let subjects = inner.subject.len() + inner.reply.as_ref().map_or(0, |r| r.len());
        let block = inner.headers.map(|headers| {
            let (status, description) = (inner.status.map(|s| s.as_u16()), inner.description);
            Box::new(Block { headers, status, description })
        });
        let subject = match latest {
            Some(latest) if *latest == inner.subject => latest.clone(),
            latest => latest.insert(inner.subject).clone(),
        };
        Message { subject, reply: inner.reply, payload: inner.payload, block, size: inner.length.saturating_sub(subjects) }
    }

    /// The subject it was published to.
    pub fn subject(&self) -> &str {
        self.subject.as_str()
    }

    /// Where an answer should go.
    pub fn reply(&self) -> Option<&str> {
        self.reply.as_ref().map(|r| r.as_str())
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Status of a control message (ADR-4), such as 503.
    pub fn status(&self) -> Option<u16> {
        self.block.as_ref()?.status
    }

    /// Text that follows the status.
    pub fn description(&self) -> Option<&str> {
        self.block.as_ref()?.description.as_deref()
    }

    /// Whether there is a header block (it may hold nothing but a status).
    pub fn has_headers(&self) -> bool {
        self.block.is_some()
    }

    /// Header lines. The wire library keeps the order of values of a name, not that of names: those are sorted.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let Some(block) = &self.block else {
            return Vec::new();
        };
        let mut lines: Vec<(&str, &str)> = block
            .headers
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
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(subject: &str, headers: Option<Headers>) -> Outgoing {
        Outgoing { subject: subject.into(), reply: None, headers, payload: Bytes::from_static(b"abc") }
    }

    #[test]
    fn what_waits_is_small() {
        assert!(size_of::<Message>() <= 112, "{}", size_of::<Message>());
        assert!(size_of::<Message>() < size_of::<async_nats::Message>());
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
