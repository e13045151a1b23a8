//! Messages between Tcl's dicts (`header data subject reply sub_id`) and the engine.

use super::errors::Result;
use super::keys::key;
use crate::client::Argument;
use crate::engine::{Headers, Message, Outgoing, Subject};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::Obj;
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;

/// How a connection turns payloads and subjects into bytes at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Coding {
    /// `-utf8_convert`.
    pub utf8: bool,
    /// `-check_subjects`.
    pub strict: bool,
}

/// A payload as the wire has it.
pub fn payload_out(coding: Coding, value: &Obj) -> Bytes {
    if coding.utf8 { Bytes::copy_from_slice(value.as_text().as_bytes()) } else { Bytes::copy_from_slice(&value.as_bytes()) }
}

/// A payload as Tcl has it.
pub fn payload_in(coding: Coding, payload: &[u8]) -> Obj {
    if coding.utf8 { Obj::utf8(payload) } else { Obj::bytes(payload) }
}

/// Checks a subject for one use; the error is `ErrBadSubject`, for a queue group `ErrBadQueueName`.
pub fn check(coding: Coding, subject: &str, role: Role) -> Result<()> {
    if check_subject(subject, role, coding.strict) {
        return Ok(());
    }
    let subject = subject.to_string();
    Err(match role {
        Role::Queue => Argument::Queue(subject),
        Role::Reply => Argument::Reply(subject),
        Role::Publish | Role::Subscribe => Argument::Subject(subject),
    }
    .into())
}

/// Memory of a chunk that small payloads share.
const CHUNK: usize = 16 * 1024;
/// Payloads up to this size share one.
const SMALL: usize = 1024;

/// What makes one message like the one before cheap: scripts often publish to the same subject again, and payloads are small.
#[derive(Default)]
pub struct Latest {
    /// The subject that passed the check, and whether the check was strict.
    subject: Option<(Subject, bool)>,
    /// Where the next small payload goes: one piece of memory for many, which lives as long as the last of them.
    room: BytesMut,
}

impl Latest {
    /// A checked subject.
    ///
    /// # Errors
    /// `ErrBadSubject`
    fn subject(&mut self, coding: Coding, word: &Obj) -> Result<Subject> {
        if let Some((subject, strict)) = &self.subject
            && *strict == coding.strict
            && subject.as_str().as_bytes() == word.raw_str()
        {
            return Ok(subject.clone());
        }
        let text = word.as_text();
        check(coding, &text, Role::Publish)?;
        let subject = Subject::from(&*text);
        self.subject = Some((subject.clone(), coding.strict));
        Ok(subject)
    }

    fn payload(&mut self, coding: Coding, value: &Obj) -> Bytes {
        if coding.utf8 { self.copy(value.as_text().as_bytes()) } else { self.copy(&value.as_bytes()) }
    }

    fn copy(&mut self, payload: &[u8]) -> Bytes {
        if payload.len() > SMALL {
            return Bytes::copy_from_slice(payload);
        }
        if self.room.capacity() < payload.len() {
            self.room = BytesMut::with_capacity(CHUNK);
        }
        self.room.extend_from_slice(payload);
        self.room.split().freeze()
    }
}

/// A message to send, its subjects checked.
pub fn outgoing(
    latest: &RefCell<Latest>,
    coding: Coding,
    subject: &Obj,
    payload: &Obj,
    reply: &str,
    headers: Option<Headers>,
) -> Result<Outgoing> {
    let subject = latest.borrow_mut().subject(coding, subject)?;
    if !reply.is_empty() {
        check(coding, reply, Role::Reply)?;
    }
    Ok(Outgoing {
        subject,
        reply: (!reply.is_empty()).then(|| Subject::from(reply)),
        headers,
        payload: latest.borrow_mut().payload(coding, payload),
    })
}

/// The parts of a message dict.
pub struct Parts {
    /// Subject.
    pub subject: Obj,
    /// Payload.
    pub data: Obj,
    /// Reply subject, often empty.
    pub reply: String,
    /// Headers, `None` if there are none.
    pub headers: Option<Headers>,
}

/// Takes a message dict apart.
pub fn parts(message: &Obj) -> Result<Parts> {
    let subject = message.get(key("subject")).ok_or(Argument::MessageWithoutSubject)?;
    let data = message.get(key("data")).unwrap_or_else(Obj::empty);
    let reply = message.get(key("reply")).map(|reply| reply.to_text()).unwrap_or_default();
    let headers = match message.get(key("header")) {
        Some(dict) => headers_out(&dict)?,
        None => None,
    };
    Ok(Parts { subject, data, reply, headers })
}

/// A header dict (name -> list of values) as lines: trimmed, empty names skipped, CR and LF refused.
pub fn headers_out(dict: &Obj) -> Result<Option<Headers>> {
    let pairs = dict.as_dict().ok_or(Argument::HeaderNotDict)?;
    let mut lines = Headers::new();
    for (name, values) in &pairs {
        let name = name.as_text();
        let bad = name.contains(['\r', '\n', ':']);
        let name = name.trim();
        if name.is_empty() {
            continue;
        }
        if bad {
            return Err(Argument::HeaderName(name.to_string()).into());
        }
        let values = values.as_list().ok_or_else(|| Argument::HeaderValuesNotList(name.to_string()))?;
        for value in &values {
            let value = value.as_text();
            let bad = value.contains(['\r', '\n']);
            let value = value.trim();
            if bad {
                return Err(Argument::HeaderValue { name: name.to_string(), value: value.to_string() }.into());
            }
            lines.push((name.to_string(), value.to_string()));
        }
    }
    Ok((!lines.is_empty()).then_some(lines))
}

/// The header dict of a message; `Status` and `Description` hold the status line.
pub fn headers_in(message: &Message) -> Obj {
    let dict = Obj::dict();
    if let Some(status) = message.status() {
        dict.put_text("Status", &Obj::list(&[Obj::int(i64::from(status))]));
        if let Some(text) = message.description().filter(|text| !text.is_empty()) {
            dict.put_text("Description", &Obj::list(&[Obj::text(text)]));
        }
    }
    if message.has_headers() {
        header_lines(&dict, message.headers());
    }
    dict
}

/// Adds lines to a header dict.
pub fn header_lines<'a>(dict: &Obj, lines: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in lines {
        let key = Obj::text(name);
        let value = Obj::text(value);
        let values = match dict.get(&key) {
            Some(values) => {
                let values = values.unshared();
                values.append(&value);
                values
            }
            None => Obj::list(&[value]),
        };
        dict.put(&key, &values);
    }
}

/// A message as a dict.
pub fn dict_in(coding: Coding, message: &Message, sub_id: u64) -> Obj {
    let data = payload_in(coding, message.payload());
    let sub_id = if sub_id == 0 { Obj::empty() } else { Obj::int(sub_id as i64) };
    dict(&headers_in(message), &data, message.subject(), message.reply().unwrap_or_default(), &sub_id)
}

/// A message dict of its parts.
pub fn dict(header: &Obj, data: &Obj, subject: &str, reply: &str, sub_id: &Obj) -> Obj {
    let dict = Obj::dict();
    dict.put(key("header"), header);
    dict.put(key("data"), data);
    dict.put(key("subject"), &Obj::text(subject));
    dict.put(key("reply"), &Obj::text(reply));
    dict.put(key("sub_id"), sub_id);
    dict
}
