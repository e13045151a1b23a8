//! An object on its way to the server: a window of chunks that are not acknowledged yet, then the meta; or all of it in a batch.

use std::collections::VecDeque;
use std::mem::take;
use std::rc::Rc;

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use serde_json::Value as Json;

use super::batched::{Batched, Stored};
use super::parting::{Pending, Remains};
use super::places::{At, Place, Places};
use super::store::{Entry, RETRIES, Store, is_wrong_sequence, wrong_sequence};
use crate::client::api::pub_ack;
use crate::client::calling::{Calling, timeout};
use crate::client::calls::Answer;
use crate::client::conn::Parting;
use crate::client::fault::{Fault, Waiting};
use crate::client::task::Task;
use crate::engine::{Mode, Outgoing, RequestSpec, Subject};
use crate::rules::object::{chunk_size, chunk_subject, digest_text, may_send};
use crate::rules::object_meta::{About, Content, Meta};

/// Called with the number of acknowledged bytes and the total, -1 if that is not known.
pub(crate) type Progress = Box<dyn Fn(u64, i64)>;

/// What is stored, and how.
pub(crate) struct Plan {
    /// Name of the object.
    pub name: String,
    /// What is said about it.
    pub about: About,
    /// Wanted size of chunks.
    pub chunk_size: u64,
    /// Timeout of each acknowledgement in ms; 0 waits for ever.
    pub ms: i64,
    /// The only revision that may be replaced.
    pub revision: Option<u64>,
    /// Number of bytes, if it is known.
    pub total: Option<u64>,
    /// Called while bytes are acknowledged.
    pub progress: Option<Progress>,
}

/// A chunk that is not acknowledged yet.
struct Sent {
    calling: Calling,
    len: u64,
}

/// An object on its way. Dropped before it is stored, its chunks are removed.
pub(crate) struct Upload {
    store: Rc<Store>,
    plan: Plan,
    nuid: String,
    subject: Subject,
    chunk: usize,
    /// What does not fill a chunk yet.
    rest: Vec<u8>,
    hash: Context,
    size: u64,
    chunks: u64,
    /// Batch in which it goes, if it does.
    batch: Option<Batched>,
    window: VecDeque<Sent>,
    unacknowledged: u64,
    acknowledged: u64,
    /// What the name stood for before.
    before: Places,
    stored: bool,
    /// What is to be removed when the connection is closed before it is known that the object is stored.
    remains: Rc<Remains>,
    parting: Option<Rc<dyn Fn(Parting) -> bool>>,
}

impl Upload {
    /// Looks what the name stands for; nothing is stored yet.
    ///
    /// # Errors
    /// [`Fault::BucketIsMirror`]; [`Fault::WrongLastSequence`] if that is not the revision wanted, and as [`Store::places`].
    pub(crate) async fn begin(store: &Rc<Store>, plan: Plan) -> Result<Upload, Fault> {
        store.writable()?;
        let before = store.places(&plan.name).await?;
        expect(&before, plan.revision)?;
        store.present()?;
        let max_payload = store.api.client.engine().server_info().and_then(|info| info.fields.get("max_payload")?.as_u64());
        let nuid = nuid::next().to_string();
        let subject = Subject::from(chunk_subject(&store.bucket, &nuid));
        let chunk = chunk_size(Some(plan.chunk_size), max_payload);
        let batch = if store.takes_batches().await { Some(Batched::new(store, chunk, plan.ms)) } else { None };
        let remains = Rc::new(Remains::new(store, &plan.name, &nuid, &subject, batch.as_ref()));
        let left = Rc::clone(&remains);
        let parting: Rc<dyn Fn(Parting) -> bool> = Rc::new(move |moment| left.part(moment));
        store.api.client.at_parting(&parting);
        Ok(Upload {
            store: Rc::clone(store),
            chunk: chunk as usize,
            plan,
            nuid,
            subject,
            rest: Vec::new(),
            hash: Context::new(&SHA256),
            size: 0,
            chunks: 0,
            batch,
            window: VecDeque::new(),
            unacknowledged: 0,
            acknowledged: 0,
            before,
            stored: false,
            remains,
            parting: Some(parting),
        })
    }

    /// Size of its chunks: pieces of that size are sent without another copy.
    pub(crate) fn chunk_size(&self) -> usize {
        self.chunk
    }

    /// Adds bytes to the object.
    ///
    /// # Errors
    /// Those of a JetStream publish; [`Fault::Closed`] if the object that stands for the bucket is gone.
    pub(crate) async fn write(&mut self, mut data: Bytes) -> Result<(), Fault> {
        self.hash.update(&data);
        self.size += data.len() as u64;
        if !self.rest.is_empty() {
            let part = data.split_to(data.len().min(self.chunk - self.rest.len()));
            self.rest.extend_from_slice(&part);
            if self.rest.len() < self.chunk {
                return Ok(());
            }
            let chunk = Bytes::from(take(&mut self.rest));
            self.send(chunk).await?;
        }
        while data.len() >= self.chunk {
            let chunk = data.split_to(self.chunk);
            self.send(chunk).await?;
        }
        self.rest.extend_from_slice(&data);
        Ok(())
    }

    async fn send(&mut self, payload: Bytes) -> Result<(), Fault> {
        let len = payload.len() as u64;
        if let Some(batch) = self.batch.clone() {
            self.store.present()?;
            self.chunks += 1;
            let chunk = Outgoing { subject: self.subject.clone(), reply: None, headers: None, payload: payload.clone() };
            match batch.send(&chunk).await {
                Ok(true) => {
                    self.tell_of(batch.acknowledged(self.size));
                    return self.store.present();
                }
                Ok(false) => {
                    self.chunks -= 1;
                    self.batch = None;
                }
                Err(fault) => return Err(self.store.missing(fault).await),
            }
        }
        while !may_send(self.window.len(), self.unacknowledged, len) {
            self.settle().await?;
        }
        self.store.present()?;
        let msg = Outgoing { subject: self.subject.clone(), reply: None, headers: None, payload };
        let spec = RequestSpec { msg, timeout: timeout(self.plan.ms), mode: Mode::Shared };
        let calling = self.store.api.client.call(spec)?;
        self.chunks += 1;
        self.unacknowledged += len;
        self.window.push_back(Sent { calling, len });
        Ok(())
    }

    /// Waits for the acknowledgement of the oldest chunk.
    async fn settle(&mut self) -> Result<(), Fault> {
        let Some(sent) = self.window.front() else { return Ok(()) };
        let ack = match sent.calling.next().await {
            Answer::Reply(message) => pub_ack(&message),
            Answer::End(end) => Err(Fault::of_end(&end, Waiting::Request(self.subject.as_str().to_string()))),
        };
        let len = sent.len;
        self.window.pop_front();
        let ack = match ack {
            Ok(ack) => ack,
            Err(fault) => return Err(self.store.missing(fault).await),
        };
        if ack.get("stream").and_then(Json::as_str) != Some(&self.store.stream) {
            return Err(Fault::NotAnAck);
        }
        self.unacknowledged -= len;
        self.tell_of(self.acknowledged + len);
        self.store.present()
    }

    /// So many bytes are acknowledged.
    fn tell_of(&mut self, acknowledged: u64) {
        if acknowledged == self.acknowledged {
            return;
        }
        self.acknowledged = acknowledged;
        if let Some(progress) = &self.plan.progress {
            progress(self.acknowledged, self.plan.total.map_or(-1, |total| total as i64));
        }
    }

    /// Sends what is left, waits for all acknowledgements, and stores the meta.
    ///
    /// # Errors
    /// As [`Upload::write`]; [`Fault::WrongLastSequence`] if the revision wanted has been replaced, or others are too fast.
    pub(crate) async fn finish(mut self) -> Result<Entry, Fault> {
        if !self.rest.is_empty() {
            let chunk = Bytes::from(take(&mut self.rest));
            self.send(chunk).await?;
        }
        while !self.window.is_empty() {
            self.settle().await?;
        }
        let content = Content {
            nuid: self.nuid.clone(),
            chunk_size: self.chunk as u64,
            size: self.size,
            chunks: self.chunks,
            digest: digest_text(self.hash.clone().finish().as_ref()),
        };
        let meta = Meta::new(&self.store.bucket, &self.plan.name, &self.plan.about, &content);
        if self.plan.revision.is_some() && self.before.latin().is_some() {
            // The server looks at one place alone.
            expect(&self.store.places(&self.plan.name).await?, self.plan.revision)?;
        }
        let revision = match self.batch.clone().filter(|batch| !batch.is_new()) {
            Some(batch) => self.end(&batch, &meta).await?,
            None => self.replace(&meta).await?,
        };
        let store = Rc::clone(&self.store);
        store.replaced(&self.before, At::Own, &meta, revision).await;
        Ok(store.written(meta, revision).await)
    }

    /// Ends the batch with the meta.
    async fn end(&mut self, batch: &Batched, meta: &Meta) -> Result<u64, Fault> {
        let message = self.store.meta_message(meta, self.before.own().revision);
        self.remains.sent(Pending::Batched, &self.before);
        let outcome = batch.finish(&message, self.chunks).await;
        if !matches!(&outcome, Err(fault) if is_unsure(fault)) {
            self.remains.settled();
        }
        match outcome {
            Ok(Stored::All(revision)) => {
                self.stored = true;
                self.parting = None;
                self.tell_of(self.size);
                Ok(revision)
            }
            Ok(Stored::Chunks(fault)) if is_wrong_sequence(&fault) && self.plan.revision.is_none() => {
                self.tell_of(self.size);
                self.before = self.store.places(&self.plan.name).await?;
                self.replace(meta).await
            }
            Ok(Stored::Chunks(fault)) => Err(fault.of_write()),
            Err(fault) => Err(self.store.missing(fault).await),
        }
    }

    /// Stores the meta in place of the latest one.
    async fn replace(&mut self, meta: &Meta) -> Result<u64, Fault> {
        let mut tries = 0;
        loop {
            let expected = self.before.own().revision;
            self.remains.sent(Pending::Alone, &self.before);
            let outcome = self.store.write(meta, expected, self.plan.ms).await;
            if !matches!(&outcome, Err(fault) if is_unsure(fault)) {
                self.remains.settled();
            }
            match outcome {
                Ok(revision) => {
                    self.stored = true;
                    self.parting = None;
                    return Ok(revision);
                }
                Err(fault) if is_wrong_sequence(&fault) => {
                    if self.plan.revision.is_some() || tries == RETRIES {
                        return Err(fault.of_write());
                    }
                    tries += 1;
                    self.before = self.store.places(&self.plan.name).await?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// [`Fault::WrongLastSequence`] if this is not the revision wanted of a name.
fn expect(places: &Places, wanted: Option<u64>) -> Result<(), Fault> {
    let revision = places.latest().revision;
    if wanted.is_some_and(|wanted| wanted != revision) { Err(wrong_sequence(revision)) } else { Ok(()) }
}

/// Whether it is not known what became of a message. Any client may answer what it hears, so that another answer than an
/// acknowledgement or a refusal tells nothing.
fn is_unsure(fault: &Fault) -> bool {
    matches!(fault, Fault::Timeout(_) | Fault::Lost(_) | Fault::ClosedWaiting | Fault::NotAnAck | Fault::ReplyIncomplete)
}

impl Drop for Upload {
    fn drop(&mut self) {
        let unsure = self.remains.is_unsure();
        // Without chunks it may still have replaced one that had some.
        if self.stored || self.chunks == 0 && !unsure {
            return;
        }
        let (store, nuid, window) = (Rc::clone(&self.store), take(&mut self.nuid), take(&mut self.window));
        let before = self.before.clone();
        let subject = self.subject.clone();
        let (name, parting, batch) = (take(&mut self.plan.name), self.parting.take(), self.batch.take());
        let clean = async move {
            // A chunk that is stored after the removal would be left.
            for sent in window {
                sent.calling.next().await;
            }
            if let Some(batch) = &batch {
                batch.settled().await;
            }
            // The server may be late: what is on its way there would be stored after a look at the name, or after the removal.
            if unsure || batch.is_some() {
                store.caught_up(&subject).await;
            }
            if unsure {
                match store.settled(&name).await {
                    Ok(Place { revision, entry: Some(entry), .. }) if entry.meta.nuid() == nuid => {
                        return store.replaced(&before, At::Own, &entry.meta, revision).await;
                    }
                    Ok(_) => {}
                    // Chunks that nobody needs are better than an object without chunks.
                    Err(_) => return,
                }
            }
            let _ = store.remove(&nuid).await;
            drop(parting);
        };
        Task::spawn(clean, Box::new(|()| ()));
    }
}
