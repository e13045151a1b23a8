//! Subjects and messages, in and out.

use super::error::{Code, Problem};
use super::wire::encode::is_word;
use super::wire::header;
use async_nats::StatusCode;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;

/// A subject: shared UTF-8 bytes, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    text: Arc<str>,
    /// Whether it cannot break the framing of the protocol; checked once, not for each message.
    framed: bool,
    /// Whether the library made it: complaints of a pedantic server about it are not the script's concern.
    own: bool,
}

impl Subject {
    /// A subject that a script has given.
    pub fn of_script(text: &str) -> Subject {
        Subject { own: false, ..Subject::from(text) }
    }

    /// Whether it is of the library's own making.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// An error of a subject that would break the framing.
    pub(super) fn check(&self, what: &str) -> Result<(), Problem> {
        if self.framed { Ok(()) } else { Err(breaks_framing(&self.text, what)) }
    }
}

impl From<&str> for Subject {
    fn from(s: &str) -> Subject {
        Subject { text: s.into(), framed: is_word(s), own: true }
    }
}

impl From<String> for Subject {
    fn from(s: String) -> Subject {
        Subject::from(s.as_str())
    }
}

/// Header lines in order: name and value, both trimmed, names not empty.
pub type Headers = Vec<(String, String)>;

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Subject.
    pub subject: Subject,
    /// Subject for answers.
    pub reply: Option<Subject>,
    /// Header lines.
    pub headers: Option<Headers>,
    /// The payload.
    pub payload: Bytes,
}

impl Outgoing {
    /// The same, borrowed.
    pub fn as_publication(&self) -> Publication<'_> {
        Publication {
            subject: &self.subject,
            reply: self.reply.as_ref(),
            headers: self.headers.as_deref().unwrap_or_default(),
            payload: &self.payload,
        }
    }
}

/// A message to publish whose parts are borrowed: they are encoded from where they are.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// Subject.
    pub subject: &'a Subject,
    /// Subject for answers.
    pub reply: Option<&'a Subject>,
    /// Header lines.
    pub headers: &'a [(String, String)],
    /// The payload.
    pub payload: &'a [u8],
}

impl Publication<'_> {
    /// Checks that nothing breaks the framing, and that the headers can be sent.
    ///
    /// # Errors
    /// `ErrBadSubject`, `ErrInvalidArg`.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.subject.check("subject")?;
        if let Some(reply) = self.reply {
            reply.check("reply")?;
        }
        for (name, value) in self.headers {
            if !header::is_name(name) {
                return Err(Problem::new(Code::InvalidArg, format!("Invalid header name {}", name.escape_debug())));
            }
            if !header::is_value(value) {
                return Err(Problem::new(Code::InvalidArg, format!("Invalid value of header {name}")));
            }
        }
        Ok(())
    }

    /// Length of header block and payload, which the server compares with its `max_payload`.
    pub(super) fn body_len(&self) -> usize {
        let block = if self.headers.is_empty() { 0 } else { header::block_len(self.headers) };
        self.payload.len() + block
    }
}

fn breaks_framing(subject: &str, what: &str) -> Problem {
    Problem::new(Code::BadSubject, format!("Invalid {what} {subject}"))
}

/// The error of a text that would break the framing.
pub(super) fn check_framing(subject: &str, what: &str) -> Result<(), Problem> {
    if is_word(subject) { Ok(()) } else { Err(breaks_framing(subject, what)) }
}

/// A received message. It is kept small, because many may wait and each goes from thread to thread: one piece of memory holds all
/// of it, except for a subject that it shares with the one before.
#[derive(Clone, Debug)]
pub struct Message {
    shared: Option<Arc<str>>,
    /// Subject (unless shared), reply, header block, payload.
    body: Box<[u8]>,
    subject_len: u32,
    reply_len: u32,
    header_len: u32,
}

/// Subject of the latest message, which the next one shares if it has the same.
#[derive(Debug, Default)]
pub(super) struct Latest {
    bytes: Vec<u8>,
    shared: Option<Arc<str>>,
}

impl Latest {
    fn share(&mut self, subject: &[u8]) -> Option<Arc<str>> {
        if self.bytes != subject {
            self.bytes.clear();
            self.bytes.extend_from_slice(subject);
            self.shared = None;
            return None;
        }
        Some(self.shared.get_or_insert_with(|| header::text(subject).into()).clone())
    }
}

/// A message being assembled: it has its subject and reply, and header block and payload are added.
#[derive(Debug)]
pub(super) struct Draft {
    message: Vec<u8>,
    shared: Option<Arc<str>>,
    subject_len: u32,
    reply_len: u32,
}

impl Draft {
    /// Begins a message; `room` is the length of what will be added.
    pub fn new(latest: &mut Latest, subject: &[u8], reply: &[u8], room: usize) -> Draft {
        let shared = latest.share(subject);
        let inline = if shared.is_some() { Cow::Borrowed("") } else { header::text(subject) };
        let reply = header::text(reply);
        let mut message = Vec::with_capacity(inline.len() + reply.len() + room);
        message.extend_from_slice(inline.as_bytes());
        message.extend_from_slice(reply.as_bytes());
        // A control line is far shorter than 4 GiB.
        Draft { message, shared, subject_len: inline.len() as u32, reply_len: reply.len() as u32 }
    }

    /// Memory to which header block and payload are appended.
    pub fn body(&mut self) -> &mut Vec<u8> {
        &mut self.message
    }

    /// Length of what has been added.
    pub fn added(&self) -> usize {
        self.message.len() - (self.subject_len + self.reply_len) as usize
    }

    /// The message, and the first word of its header block if that is malformed: then the message has no headers.
    pub fn finish(mut self, header_len: usize) -> (Message, Option<String>) {
        let start = (self.subject_len + self.reply_len) as usize;
        let block = &self.message[start..start + header_len];
        let bad = (header_len > 0 && !header::is_block(block)).then(|| header::first_word(block));
        if bad.is_some() {
            self.message.drain(start..start + header_len);
        }
        let header_len = if bad.is_none() { header_len } else { 0 };
        let message = Message {
            shared: self.shared,
            body: self.message.into_boxed_slice(),
            subject_len: self.subject_len,
            reply_len: self.reply_len,
            header_len: header_len as u32,
        };
        (message, bad)
    }
}

impl Message {
    fn text(&self, from: u32, len: u32) -> &str {
        // It was valid text when it was stored.
        std::str::from_utf8(&self.body[from as usize..(from + len) as usize]).unwrap_or_default()
    }

    fn block(&self) -> &[u8] {
        let start = (self.subject_len + self.reply_len) as usize;
        &self.body[start..start + self.header_len as usize]
    }

    /// Subject to which it was published.
    pub fn subject(&self) -> &str {
        match &self.shared {
            Some(subject) => subject,
            None => self.text(0, self.subject_len),
        }
    }

    /// Subject for an answer.
    pub fn reply(&self) -> Option<&str> {
        (self.reply_len > 0).then(|| self.text(self.subject_len, self.reply_len))
    }

    /// Whether it has a subject for an answer.
    pub fn has_reply(&self) -> bool {
        self.reply_len > 0
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.body[(self.subject_len + self.reply_len + self.header_len) as usize..]
    }

    /// Status of a control message (ADR-4), such as 503.
    pub fn status(&self) -> Option<StatusCode> {
        header::status(self.block()).and_then(|status| StatusCode::from_u16(status).ok())
    }

    /// Text that follows the status.
    pub fn description(&self) -> Option<Cow<'_, str>> {
        Some(header::description(self.block())).filter(|text| !text.is_empty())
    }

    /// Whether there is a header block (it may hold nothing but a status).
    pub fn has_headers(&self) -> bool {
        self.header_len > 0
    }

    /// Header lines in the sender's order.
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        header::lines(self.block())
    }

    /// Length as the limit of a pull counts it: subject, reply subject, header block and payload.
    pub fn full_len(&self) -> usize {
        self.body.len() + self.shared.as_ref().map_or(0, |subject| subject.len())
    }

    /// Length of header block and payload.
    pub fn body_len(&self) -> usize {
        self.body.len() - (self.subject_len + self.reply_len) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(latest: &mut Latest, subject: &[u8], reply: &[u8], block: &[u8], payload: &[u8]) -> (Message, Option<String>) {
        let mut draft = Draft::new(latest, subject, reply, block.len() + payload.len());
        draft.body().extend_from_slice(block);
        draft.body().extend_from_slice(payload);
        assert_eq!(draft.added(), block.len() + payload.len());
        draft.finish(block.len())
    }

    #[test]
    fn what_waits_is_small() {
        assert!(size_of::<Message>() <= 48, "{}", size_of::<Message>());
    }

    #[test]
    fn parts() {
        let latest = &mut Latest::default();
        let block = b"NATS/1.0 503 Gone\r\nA: 1\r\n\r\n";
        for shared in [false, true, true] {
            let (m, bad) = message(latest, b"a.b", b"r", block, b"xyz");
            assert_eq!(bad, None);
            assert_eq!(m.shared.is_some(), shared);
            assert_eq!((m.subject(), m.reply(), m.payload()), ("a.b", Some("r"), &b"xyz"[..]));
            assert_eq!((m.status(), m.description().as_deref()), (Some(StatusCode::NO_RESPONDERS), Some("Gone")));
            assert_eq!(m.headers().collect::<Vec<_>>(), [("A".into(), "1".into())]);
            assert_eq!((m.body_len(), m.full_len()), (block.len() + 3, block.len() + 7));
        }
        let (m, _) = message(latest, b"b\xe9", b"\xff", b"", b"");
        assert_eq!((m.subject(), m.reply(), m.has_headers()), ("b\u{e9}", Some("\u{ff}"), false));
        let (m, _) = message(latest, b"b\xe9", b"", b"", b"1");
        assert_eq!((m.subject(), m.reply(), m.payload()), ("b\u{e9}", None, &b"1"[..]));
    }

    #[test]
    fn no_header_block() {
        let (m, bad) = message(&mut Latest::default(), b"a", b"", b"HTTP/1.1 200\r\n\r\n", b"xyz");
        assert_eq!(bad.as_deref(), Some("HTTP/1.1"));
        assert_eq!((m.payload(), m.has_headers(), m.body_len()), (&b"xyz"[..], false, 3));
    }

    #[test]
    fn refused() {
        let check = |subject: &str, headers: &[(String, String)]| {
            let subject = Subject::from(subject);
            Publication { subject: &subject, reply: None, headers, payload: b"" }.check().map_err(|p| p.code)
        };
        for bad in ["", "a b", "a\r\nPUB x 0\r\n", "a\tb"] {
            assert_eq!(check(bad, &[]), Err(Code::BadSubject));
        }
        for (name, value) in [("A", "x\r\ny"), ("", "x"), ("a:b", "x"), ("a\n", "x")] {
            assert_eq!(check("s", &[(name.to_string(), value.to_string())]), Err(Code::InvalidArg));
        }
        assert_eq!(check("s", &[("My Header".to_string(), "ä".to_string())]), Ok(()));
    }
}
