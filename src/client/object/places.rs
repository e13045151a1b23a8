//! The places of a meta. nats.js takes the characters U+0080 to U+00FF of a name for bytes where all others encode them as UTF-8, so
//! that the meta of such a name can be under two subjects. What was stored last counts, and replaces what is in the other place.

use std::rc::Rc;

use super::purge::{Needless, passes};
use super::store::{Entry, Store, wrong_sequence};
use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::client::stored::Stored;
use crate::client::task::Task;
use crate::rules::object::{chunk_subject, latin_meta_subject, meta_subject};
use crate::rules::object_meta::Meta;

/// A subject of a meta, and what is there.
#[derive(Clone)]
pub(super) struct Place {
    /// The subject.
    pub subject: String,
    /// Sequence of its last message; 0 if there is none.
    pub revision: u64,
    /// Its meta, a marker of a deletion included; `None` if there is none that can be read.
    pub entry: Option<Entry>,
}

impl Place {
    /// As it is seen by a name to which the subject may not belong: the Latin-1 of one name is the UTF-8 of another one.
    fn if_of(self, name: &str) -> Place {
        match &self.entry {
            Some(entry) if entry.meta.name() == name => self,
            _ => Place { revision: 0, entry: None, ..self },
        }
    }

    /// The chunks of what is here, for which there is no use once this meta is stored.
    fn chunks(&self, bucket: &str, stored: Option<&Meta>) -> Option<Needless> {
        let meta = &self.entry.as_ref()?.meta;
        let is_kept = stored.is_some_and(|stored| stored.has_chunks() && stored.nuid() == meta.nuid());
        let is_needless = meta.has_chunks() && meta.chunks() > 0 && !is_kept;
        is_needless.then(|| Needless { subject: chunk_subject(bucket, meta.nuid()), last: None })
    }

    /// The meta that is here and its chunks, if this meta has replaced them.
    fn all(&self, bucket: &str, stored: Option<&Meta>) -> Vec<Needless> {
        if self.revision == 0 {
            return Vec::new();
        }
        // A meta without chunks would keep those who read it waiting.
        let meta = Needless { subject: self.subject.clone(), last: Some(self.revision) };
        [Some(meta), self.chunks(bucket, stored)].into_iter().flatten().collect()
    }
}

/// One of the places of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// That of all clients but nats.js, under which new objects are stored.
    Own,
    /// That of nats.js.
    Latin,
}

/// What a name stands for, in both places.
#[derive(Clone)]
pub(super) struct Places {
    name: String,
    own: Place,
    /// `None` if there is no other place for such a name.
    latin: Option<Place>,
}

impl Places {
    /// The place that counts.
    pub(super) fn at(&self) -> At {
        if self.latin.as_ref().is_some_and(|latin| latin.revision > self.own.revision) { At::Latin } else { At::Own }
    }

    /// What counts.
    pub(super) fn latest(&self) -> &Place {
        self.split(self.at()).0
    }

    /// What is in the place of all clients but nats.js.
    pub(super) fn own(&self) -> &Place {
        &self.own
    }

    /// Subject of the place of nats.js, if there is one for such a name.
    pub(super) fn latin(&self) -> Option<&str> {
        self.latin.as_ref().map(|latin| latin.subject.as_str())
    }

    /// One of the places, and the other one.
    fn split(&self, at: At) -> (&Place, Option<&Place>) {
        match (at, &self.latin) {
            (At::Latin, Some(latin)) => (latin, Some(&self.own)),
            (_, latin) => (&self.own, latin.as_ref()),
        }
    }

    /// What a meta that was stored in one of the places with this revision has made needless, where the other one holds this now.
    pub(super) fn replaced_by(&self, bucket: &str, at: At, other: Option<Place>, meta: &Meta, revision: u64) -> Vec<Needless> {
        let mut needless: Vec<Needless> = self.split(at).0.chunks(bucket, Some(meta)).into_iter().collect();
        if let Some(older) = other.map(|other| other.if_of(&self.name)).filter(|other| other.revision < revision) {
            needless.extend(older.all(bucket, Some(meta)));
        }
        needless
    }

    /// The meta of an object that is not deleted.
    pub(super) fn live(&self) -> Result<&Entry, Fault> {
        let latest = self.latest();
        match &latest.entry {
            Some(entry) if !entry.meta.is_deleted() => Ok(entry),
            None if latest.revision > 0 => Err(Fault::BadObjectMeta(self.name.clone())),
            _ => Err(Fault::ObjectNotFound(self.name.clone())),
        }
    }
}

impl Store {
    /// What is under a subject of a name by the answer of the stream's leader.
    pub(super) fn place_by(&self, subject: &str, name: &str, answer: Result<Stored, Fault>) -> Result<Place, Fault> {
        let subject = subject.to_string();
        match answer {
            Ok(stored) => Ok(Place { subject, revision: stored.seq, entry: self.entry(name, &stored).ok() }),
            Err(fault) if fault.is_no_message() => Ok(Place { subject, revision: 0, entry: None }),
            Err(fault) => Err(fault),
        }
    }

    /// What is under a subject of a name, as the stream's leader has it.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] and those of a request.
    pub(super) async fn place(&self, api: &Api, subject: &str, name: &str) -> Result<Place, Fault> {
        let (_, body) = self.last_at(subject);
        match self.place_by(subject, name, api.stored_message(&self.stream, body).await) {
            Err(fault) => Err(self.missing(fault).await),
            place => place,
        }
    }

    /// What a name stands for as the stream's leader has it, which decides about writes.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] and those of a request.
    pub(super) async fn places(&self, name: &str) -> Result<Places, Fault> {
        // That of nats.js is emptied when the other one is filled: the other way round both could seem to be empty.
        let latin = match latin_meta_subject(&self.bucket, name) {
            Some(subject) => Some(self.place(&self.api, &subject, name).await?.if_of(name)),
            None => None,
        };
        let own = self.place(&self.api, &meta_subject(&self.bucket, name), name).await?;
        Ok(Places { name: name.to_string(), own, latin })
    }

    /// What is in the place where new objects of a name are stored, once there is a connection and the stream's leader has stored what
    /// it has taken.
    ///
    /// # Errors
    /// As [`Store::place`] and those of a removal, but none that passes.
    pub(super) async fn settled(&self, name: &str) -> Result<Place, Fault> {
        // In a cluster the leader takes a message before it is stored: a removal, here of nothing, comes behind it.
        self.remove(nuid::next().as_str()).await?;
        let subject = meta_subject(&self.bucket, name);
        self.insist(async |api| self.place(api, &subject, name).await).await
    }

    /// What is in the other place now.
    async fn other_place(&self, api: &Api, places: &Places, at: At) -> Result<Option<Place>, Fault> {
        let Some(other) = places.split(at).1 else { return Ok(None) };
        Ok(Some(self.place(api, &other.subject, &places.name).await?.if_of(&places.name)))
    }

    /// Stores a meta in one of the places if nothing has changed in either; its revision. What it replaces goes.
    ///
    /// # Errors
    /// [`Fault::Api`] with the code of a wrong sequence, [`Fault::BucketNotFound`], and those of a JetStream publish.
    pub(super) async fn change(self: &Rc<Self>, places: &Places, at: At, meta: &Meta) -> Result<u64, Fault> {
        let (place, known) = places.split(at);
        let revision = self.write_to(&place.subject, meta, place.revision, self.api.timeout).await?;
        let other = self.other_place(&self.api, places, at).await;
        if let (Some(known), Ok(Some(now))) = (known, &other)
            && now.revision != known.revision
            && (1..revision).contains(&now.revision)
        {
            self.withdraw(place, &places.name, revision).await;
            return Err(wrong_sequence(now.revision));
        }
        self.clear_after(other, places, at, meta, revision).await;
        Ok(revision)
    }

    /// Takes back what was stored in a place though another place had got something newer than what was in this one: the server
    /// compares the revision of one subject alone.
    async fn withdraw(self: &Rc<Self>, place: &Place, name: &str, revision: u64) {
        match self.place(&self.api, &place.subject, name).await {
            Ok(now) if now.revision == revision => {
                let before = Place { revision, ..place.clone() };
                self.clear(name, before.all(&self.bucket, None)).await;
            }
            // Somebody counts on it.
            _ => {}
        }
    }

    /// Removes what a meta that was stored in one of the places has replaced in both.
    pub(super) async fn replaced(self: &Rc<Self>, places: &Places, at: At, meta: &Meta, revision: u64) {
        let other = self.other_place(&self.api, places, at).await;
        self.clear_after(other, places, at, meta, revision).await;
    }

    /// The same with what is in the other place since.
    async fn clear_after(
        self: &Rc<Self>,
        other: Result<Option<Place>, Fault>,
        places: &Places,
        at: At,
        meta: &Meta,
        revision: u64,
    ) {
        let other = match other {
            Ok(other) => other,
            Err(fault) => {
                // What is not seen stays, until the name is written to again.
                if passes(&fault) {
                    let (store, places, meta) = (Rc::clone(self), places.clone(), meta.clone());
                    let again = async move {
                        if let Ok(other) = store.insist(async |api| store.other_place(api, &places, at).await).await {
                            store.clear(&places.name, places.replaced_by(&store.bucket, at, other, &meta, revision)).await;
                        }
                    };
                    Task::spawn(again, Box::new(|()| ()));
                }
                None
            }
        };
        self.clear(&places.name, places.replaced_by(&self.bucket, at, other, meta, revision)).await;
    }

    /// Removes an object that has another name now from its places, up to what was there; false if it was there no more: who has
    /// replaced or deleted it there has its chunks removed.
    ///
    /// # Errors
    /// Those of a removal from the place that counts.
    pub(super) async fn leave_places(self: &Rc<Self>, places: &Places, meta: &Meta) -> Result<bool, Fault> {
        let (place, other) = places.split(places.at());
        let needless = other.map_or_else(Vec::new, |other| other.clone().if_of(&places.name).all(&self.bucket, Some(meta)));
        self.clear(&places.name, needless).await;
        self.purge(&place.subject, Some(place.revision)).await
    }
}
