//! Many messages of a stream by one request: batched direct gets (NATS ADR-31).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::api::Api;
use super::argument::Argument;
use super::calling::timeout;
use super::fault::{Fault, Waiting};
use super::gather::Stop;
use super::stored::{Stored, own_fields};
use crate::engine::{Message, Mode, Outgoing, Part, RequestSpec, Subject};
use crate::rules::direct::{BATCHES_SINCE, SUBJECTS_MOST};
use crate::rules::version::Version;

const PENDING: &str = "Nats-Num-Pending";
const LAST: &str = "Nats-Last-Sequence";
const UP_TO: &str = "Nats-UpTo-Sequence";

/// Greatest number of messages of one answer: what has come is held until its end.
const PAGE_MOST: u64 = 1024;

/// What an answer holds.
struct Page {
    messages: Vec<Stored>,
    /// Number of messages that come after them.
    pending: u64,
    /// Sequence of the last message.
    last: u64,
    /// Sequence up to which it is true.
    up_to: Option<u64>,
}

/// Where to read and how far.
pub(crate) struct Batch {
    /// Greatest number of messages.
    pub most: u64,
    /// Fields of the request: where to begin, of which subject.
    pub body: Map<String, Json>,
    /// Greatest number of bytes.
    pub max_bytes: Option<u64>,
}

/// Last messages, by sequence.
pub(crate) struct LastMessages {
    /// The messages.
    pub messages: BTreeMap<u64, Stored>,
    /// Sequence of the stream up to which they are the last; `None` if there are none.
    pub up_to: Option<u64>,
    /// Whether it took several answers: what was written between them, and kept no older message, is missing.
    pub paged: bool,
}

/// The part of an answer. A server that knows no batches answers with one message, which tells nothing of others.
fn part(message: &Message) -> Part {
    if message.status().is_some() {
        Part::Mark
    } else if message.headers().any(|(name, _)| name == PENDING) {
        Part::Answer
    } else {
        Part::Last
    }
}

fn number(message: &Message, wanted: &str) -> Option<u64> {
    message.headers().find(|(name, _)| *name == wanted)?.1.parse().ok()
}

impl Api {
    /// Checks that the server is new enough for a method; one of unknown version is assumed to be.
    ///
    /// # Errors
    /// [`Fault::TooOld`]
    pub(crate) fn needs(&self, method: &'static str, since: Version) -> Result<(), Fault> {
        match self.server_version() {
            Some(server) if server < since => Err(Fault::TooOld { method, since, server: Some(server) }),
            _ => Ok(()),
        }
    }

    /// One answer to a request for at most `most` messages.
    async fn page(&self, method: &'static str, stream: &str, body: &Map<String, Json>, most: u64) -> Result<Page, Fault> {
        let subject = self.subject(&format!("DIRECT.GET.{stream}"));
        let request = Json::Object(body.clone()).to_string();
        self.trace_request(&subject, &request);
        let payload = Bytes::from(request);
        let msg = Outgoing { subject: Subject::from(subject.as_str()), reply: None, headers: None, payload };
        // One more than there may be shows an answer without end.
        let mode = Mode::Gather { max: most.saturating_add(1), judge: part, stall: None };
        let gathered = self.client.gather(RequestSpec { msg, timeout: timeout(self.timeout), mode }).await;
        let gathered = gathered.map_err(|fault| match fault {
            Fault::NoResponders(_) => Fault::NoDirectAccess(stream.to_string()),
            fault => fault,
        })?;
        let mark = match gathered.stop {
            Stop::Mark(mark) => mark,
            Stop::Full if gathered.answers.last().is_some_and(|last| part(last) == Part::Last) => {
                return Err(match self.server_version() {
                    // A message whose header block is broken, so that nothing can be read behind it.
                    Some(server) if server >= BATCHES_SINCE => Fault::ReplyIncomplete,
                    server => Fault::TooOld { method, since: BATCHES_SINCE, server },
                });
            }
            Stop::Full => return Err(Fault::ReplyIncomplete),
            Stop::Stalled | Stop::Timeout => return Err(Fault::Timeout(Waiting::Many(subject))),
        };
        match mark.status().map(|status| status.as_u16()) {
            Some(204) => {}
            Some(404) => return Ok(Page { messages: Vec::new(), pending: 0, last: 0, up_to: None }),
            Some(408) => return Err(Argument::DirectGet.into()),
            Some(413) => return Err(Argument::TooManySubjects.into()),
            code => return Err(Fault::of_status(code.unwrap_or(0), &mark.description().unwrap_or_default())),
        }
        let messages = gathered.answers.iter().map(batched).collect::<Option<Vec<_>>>().ok_or(Fault::ReplyIncomplete)?;
        let pending = number(&mark, PENDING).ok_or(Fault::ReplyIncomplete)?;
        let last = number(&mark, LAST).ok_or(Fault::ReplyIncomplete)?;
        Ok(Page { messages, pending, last, up_to: number(&mark, UP_TO) })
    }

    /// Reads messages in their order, and hands each to `each`.
    ///
    /// # Errors
    /// [`Fault::TooOld`], [`Fault::NoDirectAccess`], [`Argument::DirectGet`], those of [`Client::gather`](super::Client::gather).
    pub(crate) async fn batch(
        &self,
        method: &'static str,
        stream: &str,
        batch: Batch,
        each: &mut dyn FnMut(Stored),
    ) -> Result<(), Fault> {
        self.needs(method, BATCHES_SINCE)?;
        let Batch { most: mut left, mut body, mut max_bytes } = batch;
        while left > 0 {
            let most = left.min(PAGE_MOST);
            body.insert("batch".into(), most.into());
            if let Some(bytes) = max_bytes {
                body.insert("max_bytes".into(), bytes.into());
            }
            let page = self.page(method, stream, &body, most).await?;
            let (count, taken) = (page.messages.len() as u64, page.messages.iter().map(Stored::size).sum::<u64>());
            page.messages.into_iter().for_each(&mut *each);
            // Fewer than wanted although there are more: the bytes were the limit.
            let bytes_over = max_bytes.is_some_and(|bytes| count < most || taken >= bytes);
            if page.pending == 0 || count == 0 || bytes_over {
                break;
            }
            left = left.saturating_sub(count);
            max_bytes = max_bytes.map(|bytes| bytes.saturating_sub(taken));
            body.insert("seq".into(), (page.last + 1).into());
            body.remove("start_time");
        }
        Ok(())
    }

    /// Reads the last message of each subject, wildcards allowed, as the stream was at one point in time: `bound` holds the
    /// fields that say which, or none for now.
    ///
    /// # Errors
    /// [`Argument::TooManySubjects`] for a wildcard that matches more than a server looks for, and those of [`Api::batch`].
    pub(crate) async fn last_messages(
        &self,
        method: &'static str,
        stream: &str,
        subjects: &[String],
        bound: Map<String, Json>,
        page_size: u64,
    ) -> Result<LastMessages, Fault> {
        self.needs(method, BATCHES_SINCE)?;
        let page_size = page_size.clamp(1, PAGE_MOST);
        let mut groups: VecDeque<Vec<String>> = subjects.chunks(SUBJECTS_MOST).map(<[String]>::to_vec).collect();
        let (mut found, mut bound) = (LastMessages { messages: BTreeMap::new(), up_to: None, paged: false }, bound);
        // Groups without a message before the point in time was known.
        let mut untimed = Vec::new();
        while let Some(group) = groups.pop_front() {
            let mut body = bound.clone();
            body.insert("multi_last".into(), json!(group));
            body.insert("batch".into(), page_size.into());
            loop {
                let page = match self.page(method, stream, &body, page_size).await {
                    Err(Fault::Argument(Argument::TooManySubjects)) if group.len() > 1 => {
                        let (one, other) = group.split_at(group.len() / 2);
                        groups.push_front(other.to_vec());
                        groups.push_front(one.to_vec());
                        break;
                    }
                    page => page?,
                };
                if let Some(up_to) = page.up_to {
                    found.up_to = Some(up_to);
                    bound = Map::from_iter([("up_to_seq".to_string(), Json::from(up_to))]);
                }
                let none = page.messages.is_empty();
                found.messages.extend(page.messages.into_iter().map(|stored| (stored.seq, stored)));
                if none && found.up_to.is_none() && bound.is_empty() {
                    untimed.push(group);
                    break;
                }
                if page.pending == 0 || none {
                    break;
                }
                found.paged = true;
                body.remove("up_to_time");
                body.extend(bound.clone());
                body.insert("seq".into(), (page.last + 1).into());
            }
            found.paged |= !groups.is_empty();
            if groups.is_empty() && found.up_to.is_some() {
                groups.extend(std::mem::take(&mut untimed));
            }
        }
        Ok(found)
    }
}

/// A message of a batch, without the headers of the server.
fn batched(message: &Message) -> Option<Stored> {
    let mut stored = own_fields(message)?;
    for name in [PENDING, LAST] {
        stored.take_header(name);
    }
    Some(stored)
}
