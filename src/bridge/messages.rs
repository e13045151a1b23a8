//! Messages between Tcl's dicts (`header data subject reply sub_id`) and the engine.

use super::errors::Result;
use super::keys::{key, latest};
use crate::client::Argument;
use crate::engine::{Headers, Message, Outgoing, Publication, Subject};
use crate::rules::subject::{Role, check_subject};
use crate::tcl::Obj;
use bytes::Bytes;
use std::cell::RefCell;

/// How a connection currently turns payloads and subjects into bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coding {
    /// `-utf8_convert`.
    pub utf8: bool,
    /// `-check_subjects`.
    pub strict: bool,
    /// A header line that came without a value is a header with an empty value; otherwise it is none.
    pub empty_headers: bool,
}

/// Lets `run` see a payload as the wire has it.
///
/// # Errors
/// `ErrInvalidArg` for a character that is no byte, in Tcl 9.
pub(crate) fn with_payload<R>(coding: Coding, value: &Obj, run: impl FnOnce(&[u8]) -> R) -> Result<R> {
    if coding.utf8 {
        return Ok(run(value.as_text().as_bytes()));
    }
    Ok(value.with_bytes(run).ok_or(Argument::PayloadNotBytes)?)
}

/// A payload as the wire has it.
///
/// # Errors
/// `ErrInvalidArg` for a character that is no byte, in Tcl 9.
pub(crate) fn payload_out(coding: Coding, value: &Obj) -> Result<Bytes> {
    with_payload(coding, value, Bytes::copy_from_slice)
}

/// A payload as Tcl has it.
pub(crate) fn payload_in(coding: Coding, payload: &[u8]) -> Obj {
    if coding.utf8 { Obj::utf8(payload) } else { Obj::bytes(payload) }
}

/// Checks a subject for one use; the error is `ErrBadSubject`, for a queue group `ErrBadQueueName`.
pub(crate) fn check(coding: Coding, subject: &str, role: Role) -> Result<()> {
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

/// The last subject published to: scripts often publish to the same one again, which then needs no second check.
#[derive(Default)]
pub(crate) struct Latest {
    /// The subject, and whether the check was strict.
    subject: Option<(Subject, bool)>,
}

impl Latest {
    /// A checked subject.
    ///
    /// # Errors
    /// `ErrBadSubject`
    fn subject(&mut self, coding: Coding, word: &Obj) -> Result<&Subject> {
        let known =
            self.subject.take_if(|(subject, strict)| *strict == coding.strict && subject.as_str().as_bytes() == word.raw_str());
        let subject = match known {
            Some((subject, _)) => subject,
            None => {
                let text = word.as_text();
                check(coding, &text, Role::Publish)?;
                Subject::of_script(&text)
            }
        };
        Ok(&self.subject.insert((subject, coding.strict)).0)
    }
}

/// Has `run` publish a message with checked subjects, its payload still in Tcl's memory.
pub(crate) fn publication<R>(
    latest: &RefCell<Latest>,
    coding: Coding,
    subject: &Obj,
    payload: &Obj,
    reply: &str,
    headers: Option<Headers>,
    run: impl FnOnce(&Publication<'_>) -> R,
) -> Result<R> {
    let mut latest = latest.borrow_mut();
    let subject = latest.subject(coding, subject)?;
    let reply = if reply.is_empty() {
        None
    } else {
        check(coding, reply, Role::Reply)?;
        Some(Subject::of_script(reply))
    };
    let headers = headers.as_deref().unwrap_or_default();
    let run = |payload: &[u8]| run(&Publication { subject, reply: reply.as_ref(), headers, payload });
    with_payload(coding, payload, run)
}

/// A message to send, its subjects checked.
pub(crate) fn outgoing(
    latest: &RefCell<Latest>,
    coding: Coding,
    subject: &Obj,
    payload: &Obj,
    reply: &str,
    headers: Option<Headers>,
) -> Result<Outgoing> {
    let copy = |p: &Publication<'_>| Outgoing {
        subject: p.subject.clone(),
        reply: p.reply.cloned(),
        headers: (!p.headers.is_empty()).then(|| p.headers.to_vec()),
        payload: Bytes::copy_from_slice(p.payload),
    };
    publication(latest, coding, subject, payload, reply, headers, copy)
}

/// The parts of a message dict.
pub(crate) struct Parts {
    /// Subject.
    pub subject: Obj,
    /// Payload.
    pub data: Obj,
    /// Reply subject, often empty.
    pub reply: String,
    /// Headers, `None` if there are none.
    pub headers: Option<Headers>,
}

/// Splits a message dict into its parts.
pub(crate) fn parts(message: &Obj) -> Result<Parts> {
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
pub(crate) fn headers_out(dict: &Obj) -> Result<Option<Headers>> {
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
pub(crate) fn headers_in(coding: Coding, message: &Message) -> Obj {
    let mut dict = Obj::dict();
    if let Some(status) = message.status() {
        dict.put_text("Status", &Obj::list(&[Obj::int(i64::from(status.as_u16()))]));
        if let Some(text) = message.description() {
            dict.put_text("Description", &Obj::list(&[Obj::text(&text)]));
        }
    }
    if message.has_headers() {
        header_lines(coding, &mut dict, message.headers());
    }
    dict
}

/// Adds lines to a header dict.
pub(crate) fn header_lines<T: AsRef<str>>(coding: Coding, dict: &mut Obj, lines: impl IntoIterator<Item = (T, T)>) {
    for (name, value) in lines {
        if value.as_ref().is_empty() && !coding.empty_headers {
            continue;
        }
        let key = Obj::text(name.as_ref());
        let value = Obj::text(value.as_ref());
        let values = match dict.get(&key) {
            Some(mut values) => {
                values.append(&value);
                values
            }
            None => Obj::list(&[value]),
        };
        dict.put(&key, &values);
    }
}

/// A message as a dict.
pub(crate) fn dict_in(coding: Coding, message: &Message, sub_id: u64) -> Obj {
    let data = payload_in(coding, message.payload());
    let sub_id = if sub_id == 0 { key("").clone() } else { Obj::int(sub_id as i64) };
    let header = if message.has_headers() { headers_in(coding, message) } else { key("").clone() };
    dict(&header, &data, message.subject(), message.reply().unwrap_or_default(), &sub_id)
}

/// A message dict, made from its parts.
pub(crate) fn dict(header: &Obj, data: &Obj, subject: &str, reply: &str, sub_id: &Obj) -> Obj {
    let mut dict = Obj::dict();
    dict.put(key("header"), header);
    dict.put(key("data"), data);
    dict.put(key("subject"), &latest(subject));
    dict.put(key("reply"), &Obj::text(reply));
    dict.put(key("sub_id"), sub_id);
    dict
}
