//! Many keys at once.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use crate::client::api::{Api, pub_ack};
use crate::client::argument::Argument;
use crate::client::atomic::Atomic;
use crate::client::calling::{Calling, timeout};
use crate::client::calls::Answer;
use crate::client::fault::{Fault, Waiting};
use crate::client::stored::Stored;
use crate::engine::{Headers, Mode, Outgoing, RequestSpec, Subject};
use crate::rules::atomic::MOST;
use crate::rules::direct::SUBJECTS_MOST;
use crate::rules::version::Version;

/// Number of writes under way at once.
const IN_FLIGHT: usize = 500;

/// First server that stores batches all at once.
const ATOMIC_SINCE: Version = Version(2, 12, 0);

/// A write.
pub(crate) struct Put {
    /// Key.
    pub key: String,
    /// Subject that it goes to.
    pub subject: String,
    /// Header lines.
    pub headers: Headers,
    /// Value.
    pub value: Bytes,
}

/// What became of many writes.
#[derive(Default)]
struct Written {
    /// Key and new revision of those that were stored.
    stored: Vec<(String, u64)>,
    /// Key and reason of the others.
    failed: Vec<(String, Fault)>,
}

fn fields(name: &str, seq: u64) -> Map<String, Json> {
    Map::from_iter([(name.to_string(), Json::from(seq))])
}

impl Api {
    /// Number of subjects in a stream that are within this one.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn count_subjects(&self, stream: &str, filter: &str) -> Result<u64, Fault> {
        let rest = format!("STREAM.INFO.{stream}");
        let mut count = 0;
        loop {
            let body = json!({ "subjects_filter": filter, "offset": count }).to_string();
            let info = self.json(&rest, body).await?;
            let state = info.get("state").and_then(Json::as_object).ok_or(Fault::ReplyIncomplete)?;
            let page = match state.get("subjects") {
                None => 0,
                Some(Json::Object(subjects)) => subjects.len() as u64,
                Some(_) => return Err(Fault::ReplyIncomplete),
            };
            count += page;
            // Where there are more than a page holds, the reply says how many there are.
            if page == 0 || info.get("total").and_then(Json::as_u64).is_none_or(|total| count >= total) {
                return Ok(count);
            }
        }
    }

    /// The latest entries of the subjects, wildcards allowed, in the order of their revisions; deletions are among them. As they
    /// were at one point in time; but of what was written while several answers were read, and replaced the entry that was
    /// there, the new one.
    ///
    /// # Errors
    /// As [`Api::last_messages`].
    pub(crate) async fn latest_entries(
        &self,
        method: &'static str,
        stream: &str,
        subjects: &[String],
        up_to: Option<u64>,
    ) -> Result<Vec<Stored>, Fault> {
        if subjects.is_empty() || up_to == Some(0) {
            return Ok(Vec::new());
        }
        let page = SUBJECTS_MOST as u64;
        let bound = up_to.map(|seq| fields("up_to_seq", seq)).unwrap_or_default();
        let last = self.last_messages(method, stream, subjects, bound, page).await?;
        let mut found = last.messages;
        if let (true, None, Some(seq)) = (last.paged, up_to, last.up_to) {
            let newer = self.last_messages(method, stream, subjects, fields("seq", seq + 1), page).await?;
            let known: HashSet<String> = found.values().map(|stored| stored.subject.clone()).collect();
            found.extend(newer.messages.into_iter().filter(|(_, stored)| !known.contains(&stored.subject)));
        }
        Ok(found.into_values().collect())
    }

    /// Writes all, many at a time: keys and new revisions.
    ///
    /// # Errors
    /// [`Fault::Partial`]
    pub(crate) async fn put_each(&self, puts: Vec<Put>) -> Result<Vec<(String, u64)>, Fault> {
        let mut written = Written::default();
        let mut waiting: VecDeque<(String, String, Calling)> = VecDeque::new();
        for put in puts {
            if waiting.len() >= IN_FLIGHT {
                self.settle(waiting.pop_front(), &mut written).await;
            }
            let Put { key, subject, headers, value } = put;
            let headers = (!headers.is_empty()).then_some(headers);
            let msg = Outgoing { subject: Subject::from(subject.as_str()), reply: None, headers, payload: value };
            match self.client.call(RequestSpec { msg, timeout: timeout(self.timeout), mode: Mode::Shared }) {
                Ok(calling) => waiting.push_back((key, subject, calling)),
                Err(fault) => written.failed.push((key, fault)),
            }
        }
        while !waiting.is_empty() {
            self.settle(waiting.pop_front(), &mut written).await;
        }
        if written.failed.is_empty() { Ok(written.stored) } else { Err(Fault::Partial(written.failed)) }
    }

    /// Writes all as one batch, or none of them: keys and new revisions.
    ///
    /// # Errors
    /// [`Fault::TooOld`], [`Argument::BatchTooLarge`] before anything is sent, [`Fault::WrongLastSequence`], those of
    /// [`Atomic`].
    pub(crate) async fn put_together(self: &Rc<Self>, puts: Vec<Put>) -> Result<Vec<(String, u64)>, Fault> {
        self.needs("mput -atomic", ATOMIC_SINCE)?;
        if puts.len() as u64 > MOST {
            return Err(Argument::BatchTooLarge.into());
        }
        let (batch, mut keys, mut left) = (Atomic::new(self, 0, None), Vec::new(), puts.len());
        let mut ack = None;
        for Put { key, subject, headers, value } in puts {
            let headers = (!headers.is_empty()).then_some(headers);
            let message = Outgoing { subject: Subject::from(subject.as_str()), reply: None, headers, payload: value };
            keys.push(key);
            left -= 1;
            if left > 0 {
                batch.add(message).await.map_err(Fault::of_write)?;
            } else {
                ack = Some(pub_ack(&batch.commit(Some(message)).await.map_err(Fault::of_write)?)?);
            }
        }
        let Some(ack) = ack else { return Ok(Vec::new()) };
        // They are stored one behind the other.
        let last = ack.get("seq").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)?;
        let first = (last + 1).checked_sub(keys.len() as u64).ok_or(Fault::ReplyIncomplete)?;
        Ok(keys.into_iter().zip(first..).collect())
    }

    async fn settle(&self, oldest: Option<(String, String, Calling)>, written: &mut Written) {
        let Some((key, subject, calling)) = oldest else { return };
        let outcome = match calling.next().await {
            Answer::Reply(reply) => pub_ack(&reply).map_err(Fault::of_write),
            Answer::End(end) => Err(Fault::of_end(&end, Waiting::Request(subject))),
        };
        match outcome.and_then(|ack| ack.get("seq").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)) {
            Ok(revision) => written.stored.push((key, revision)),
            Err(fault) => written.failed.push((key, fault)),
        }
    }
}
