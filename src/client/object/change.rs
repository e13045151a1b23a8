//! Changes of metas: deletion, links, other words about an object, the seal of a bucket.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::places::{At, Places};
use super::store::{Entry, RETRIES, Store, is_wrong_sequence, wrong_sequence};
use crate::client::fault::Fault;
use crate::rules::object::meta_subject;
use crate::rules::object_meta::{About, Link, Meta};

impl Store {
    /// Deletes an object: a marker in place of its meta, then its chunks go.
    ///
    /// # Errors
    /// [`Fault::BucketIsMirror`], [`Fault::ObjectNotFound`], [`Fault::BadObjectMeta`], those of a JetStream publish.
    pub(crate) async fn delete(self: &Rc<Self>, name: &str) -> Result<(), Fault> {
        self.writable()?;
        let mut tries = 0;
        loop {
            let places = self.places(name).await?;
            if places.latest().entry.as_ref().is_some_and(|entry| entry.meta.is_deleted()) {
                return Ok(());
            }
            let marker = places.live()?.meta.deletion().named(name);
            match self.change(&places, places.at(), &marker).await {
                Ok(_) => return Ok(()),
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
            let places = self.places(name).await?;
            if places.latest().entry.as_ref().is_some_and(|entry| !entry.meta.is_deleted() && !entry.meta.has_link()) {
                return Err(Fault::ObjectExists(name.to_string()));
            }
            match self.change(&places, At::Own, &meta).await {
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
    pub(crate) async fn update(self: &Rc<Self>, name: &str, new: Option<&str>, about: &About) -> Result<Entry, Fault> {
        self.writable()?;
        let new = new.unwrap_or(name);
        let mut tries = 0;
        loop {
            let places = self.places(name).await?;
            let meta = places.live()?.meta.clone().with(about).named(new);
            let outcome = match new == name {
                true => self.change(&places, places.at(), &meta).await,
                false => self.change(&self.free(new).await?, At::Own, &meta).await,
            };
            let revision = match outcome {
                Ok(revision) => revision,
                Err(fault) if is_wrong_sequence(&fault) && tries < RETRIES => {
                    tries += 1;
                    continue;
                }
                Err(fault) => return Err(fault.of_write()),
            };
            if new == name || self.leave_places(&places, &meta).await? {
                return Ok(self.written(meta, revision).await);
            }
            // Somebody else has removed the chunks under the old name.
            self.purge(&meta_subject(&self.bucket, new), Some(revision)).await?;
            if tries == RETRIES {
                return Err(wrong_sequence(self.places(name).await?.latest().revision).of_write());
            }
            tries += 1;
        }
    }

    /// The places of a name that no object has.
    async fn free(&self, name: &str) -> Result<Places, Fault> {
        let places = self.places(name).await?;
        let taken = places.latest().entry.as_ref().is_some_and(|entry| !entry.meta.is_deleted());
        if taken { Err(Fault::ObjectExists(name.to_string())) } else { Ok(places) }
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
