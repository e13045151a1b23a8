//! An object on its way from the server: chunks in order, then the check of the digest.

use std::rc::Rc;

use ring::digest::{Context, SHA256};

use super::consumer::{Consumer, Wanted};
use super::store::{Entry, Store};
use crate::client::fault::Fault;
use crate::engine::Message;
use crate::rules::object::{CHUNK_SIZE, Digest, HOPS, chunk_subject, digest_text, window};
use crate::rules::object_meta::Meta;

/// Times that an object is looked up again because it was replaced before its chunks were read.
const LOOKS: u32 = 5;

/// An object on its way.
pub(crate) struct Download {
    store: Rc<Store>,
    entry: Entry,
    consumer: Option<Consumer>,
    digest: Digest,
    hash: Context,
    size: u64,
    checked: bool,
}

/// The object that a name leads to, through links: its bucket and its meta.
pub(super) async fn resolve(store: &Rc<Store>, name: &str) -> Result<(Rc<Store>, Entry), Fault> {
    let mut place = Rc::clone(store);
    let mut name = name.to_string();
    for _ in 0..=HOPS {
        let entry = place.live(&name).await?;
        if !entry.meta.has_link() {
            return Ok((place, entry));
        }
        let link = entry.meta.link().ok_or_else(|| Fault::BadObjectMeta(name.clone()))?;
        let Some(target) = link.name else { return Err(Fault::LinkIsBucket(name)) };
        place = place.other(&link.bucket).await?;
        name = target;
    }
    Err(Fault::BadObjectMeta(name))
}

/// The fault of an object that is not what its meta says.
pub(super) fn corrupt(meta: &Meta, expected: impl ToString, computed: impl ToString) -> Fault {
    Fault::ObjectCorrupt { name: meta.name().to_string(), expected: expected.to_string(), computed: computed.to_string() }
}

impl Download {
    /// Looks the object up, and begins to ask for its chunks; `ms` is the time of silence after which it fails.
    ///
    /// # Errors
    /// [`Fault::ObjectNotFound`], [`Fault::BadObjectMeta`], [`Fault::LinkIsBucket`], [`Fault::ObjectCorrupt`], those of a request.
    pub(crate) async fn begin(from: &Rc<Store>, name: &str, ms: i64) -> Result<Download, Fault> {
        let mut looks = 0;
        loop {
            let (store, entry) = resolve(from, name).await?;
            from.present()?;
            let digest = Digest::parse(entry.meta.digest());
            if digest == Digest::Other {
                return Err(Fault::BadObjectMeta(name.to_string()));
            }
            let consumer = match entry.meta.size() {
                0 => None,
                _ => match Consumer::begin(&store, wanted(&store, &entry.meta, ms, false)).await {
                    Ok(consumer) => Some(consumer),
                    Err(Fault::ChunksGone(there)) => {
                        looks += 1;
                        // It may have been replaced a moment ago.
                        if looks < LOOKS && resolve(from, name).await?.1.meta.nuid() != entry.meta.nuid() {
                            continue;
                        }
                        return Err(corrupt(&entry.meta, format!("{} chunks", entry.meta.chunks()), format!("{there} chunks")));
                    }
                    Err(fault) => return Err(fault),
                },
            };
            let hash = Context::new(&SHA256);
            return Ok(Download { store: Rc::clone(&store), entry, consumer, digest, hash, size: 0, checked: false });
        }
    }

    /// Its meta.
    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The bucket in which it is.
    pub(crate) fn store(&self) -> &Rc<Store> {
        &self.store
    }

    /// The next chunk; `None` at the end, after the check.
    ///
    /// # Errors
    /// [`Fault::ObjectCorrupt`]; [`Fault::Timeout`] after too long a silence; those of a request.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, Fault> {
        let meta = &self.entry.meta;
        let chunk = match &mut self.consumer {
            None => None,
            Some(consumer) => match consumer.next().await {
                Err(Fault::ChunksGone(there)) => {
                    return Err(corrupt(meta, format!("{} chunks", meta.chunks()), format!("{there} chunks")));
                }
                outcome => outcome?,
            },
        };
        let Some(chunk) = chunk else {
            self.consumer = None;
            return self.check().map(|()| None);
        };
        self.hash.update(chunk.message.payload());
        self.size += chunk.message.payload().len() as u64;
        if self.size > meta.size() {
            return Err(corrupt(meta, format!("{} bytes", meta.size()), format!("{} bytes", self.size)));
        }
        Ok(Some(chunk.message))
    }

    fn check(&mut self) -> Result<(), Fault> {
        if std::mem::replace(&mut self.checked, true) {
            return Ok(());
        }
        let meta = &self.entry.meta;
        if self.size != meta.size() {
            return Err(corrupt(meta, format!("{} bytes", meta.size()), format!("{} bytes", self.size)));
        }
        let computed = self.hash.clone().finish();
        match self.digest {
            Digest::Sha256(expected) if expected != computed.as_ref() => {
                Err(corrupt(meta, digest_text(&expected), digest_text(computed.as_ref())))
            }
            Digest::None => {
                self.store.warn(format!(
                    "Object {} in bucket {} has no digest: it is not checked",
                    meta.name(),
                    self.store.bucket
                ));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The chunks of an object.
pub(super) fn wanted(store: &Store, meta: &Meta, ms: i64, headers_only: bool) -> Wanted {
    Wanted {
        filter: chunk_subject(&store.holds.names, meta.nuid()),
        count: meta.chunks(),
        window: if headers_only { 1024 } else { window(meta.chunk_size().unwrap_or(CHUNK_SIZE)) },
        headers_only,
        ms,
    }
}
