//! Changes of metas: deletion, links, other words about an object, the seal of a bucket.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::store::{Entry, Latest, RETRIES, Store, is_wrong_sequence};
use crate::client::fault::Fault;
use crate::rules::object_meta::{About, Link, Meta};

impl Latest {
    /// The meta of an object that is not deleted.
    fn live(self, name: &str) -> Result<Entry, Fault> {
        match self.entry {
            Some(entry) if !entry.meta.is_deleted() => Ok(entry),
            Some(_) => Err(Fault::ObjectNotFound(name.to_string())),
            None if self.revision == 0 => Err(Fault::ObjectNotFound(name.to_string())),
            None => Err(Fault::BadObjectMeta(name.to_string())),
        }
    }
}

impl Store {
    /// Deletes an object: a marker in place of its meta, then its chunks go.
    ///
    /// # Errors
    /// [`Fault::BucketIsMirror`], [`Fault::ObjectNotFound`], [`Fault::BadObjectMeta`], those of a JetStream publish.
    pub(crate) async fn delete(self: &Rc<Self>, name: &str) -> Result<(), Fault> {
        self.writable()?;
        let mut tries = 0;
        loop {
            let (subject, latest) = self.latest_anywhere(name).await?;
            if latest.entry.as_ref().is_some_and(|entry| entry.meta.is_deleted()) {
                return Ok(());
            }
            let entry = latest.live(name)?;
            match self.write_to(&subject, &entry.meta.deletion().named(name), entry.revision, self.api.timeout).await {
                Ok(_) => {
                    self.purge_former(&entry.meta).await;
                    return Ok(());
                }
                Err(fault) if is_wrong_sequence(&fault) && tries < RETRIES => tries += 1,
                Err(fault) => return Err(fault.of_write()),
            }
        }
    }

    /// Makes a link; one that the name was before, or a deleted object, is replaced.
    ///
    /// # Errors
    /// [`Fault::BucketIsMirror`], [`Fault::ObjectExists`], [`Fault::ObjectNotFound`], [`Fault::LinkToLink`], [`Fault::BucketNotFound`],
    /// those of a publish.
    pub(crate) async fn link(self: &Rc<Self>, name: &str, link: &Link) -> Result<Entry, Fault> {
        self.writable()?;
        let place = self.other(&link.bucket).await?;
        if let Some(target) = &link.name
            && place.live(target).await?.meta.has_link()
        {
            return Err(Fault::LinkToLink(target.clone()));
        }
        let meta = Meta::link_to(&self.bucket, name, nuid::next().as_str(), link);
        let mut tries = 0;
        loop {
            let latest = self.latest(name).await?;
            if latest.entry.is_some_and(|entry| !entry.meta.is_deleted() && !entry.meta.has_link()) {
                return Err(Fault::ObjectExists(name.to_string()));
            }
            match self.write(&meta, latest.revision, self.api.timeout).await {
                Ok(revision) => return Ok(self.written(meta, revision).await),
                Err(fault) if is_wrong_sequence(&fault) && tries < RETRIES => tries += 1,
                Err(fault) => return Err(fault.of_write()),
            }
        }
    }

    /// Changes what is said about an object, its name included.
    ///
    /// # Errors
    /// [`Fault::BucketIsMirror`], [`Fault::ObjectNotFound`], [`Fault::ObjectExists`], those of a JetStream publish.
    pub(crate) async fn update(&self, name: &str, new: Option<&str>, about: &About) -> Result<Entry, Fault> {
        self.writable()?;
        let new = new.unwrap_or(name);
        let mut tries = 0;
        loop {
            let (subject, latest) = self.latest_anywhere(name).await?;
            let Entry { meta, revision: before, .. } = latest.live(name)?;
            let meta = meta.with(about).named(new);
            let outcome = match new == name {
                true => self.write_to(&subject, &meta, before, self.api.timeout).await,
                false => self.write(&meta, self.free(new).await?, self.api.timeout).await,
            };
            match outcome {
                Ok(revision) => {
                    if new != name {
                        self.purge(&subject, Some(before)).await?;
                    }
                    return Ok(self.written(meta, revision).await);
                }
                Err(fault) if is_wrong_sequence(&fault) && tries < RETRIES => tries += 1,
                Err(fault) => return Err(fault.of_write()),
            }
        }
    }

    /// The revision that a new object of this name replaces.
    async fn free(&self, name: &str) -> Result<u64, Fault> {
        let latest = self.latest(name).await?;
        let taken = latest.entry.is_some_and(|entry| !entry.meta.is_deleted());
        if taken { Err(Fault::ObjectExists(name.to_string())) } else { Ok(latest.revision) }
    }

    /// Allows no more changes of the bucket, for ever.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] and those of a request.
    pub(crate) async fn seal(&self) -> Result<(), Fault> {
        let change = Map::from_iter([("sealed".to_string(), Json::Bool(true))]);
        self.api.update_stream(&self.stream, change).await.map(|_| ()).map_err(|fault| fault.of_bucket(&self.bucket))
    }
}
