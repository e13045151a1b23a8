//! Writes to a bucket, which go to the origin if it is a mirror.

use bytes::Bytes;
use serde_json::Value as Json;

use super::buckets::{Buckets, latest};
use super::expecting;
use crate::client::api::pub_ack;
use crate::client::fault::Fault;
use crate::client::stored::Stored;
use crate::engine::Headers;
use crate::rules::kv::{Holds, Operation, Origin, write_subject};

/// Number of times in a row that a key may have no entry although a write that depends on this is refused.
const MISSING: u32 = 100;

/// Writes to one key.
pub(crate) struct Writer<'a> {
    buckets: &'a Buckets,
    bucket: &'a str,
    key: &'a str,
    /// Whether to look the bucket up where that may change the outcome.
    check: bool,
    looked: bool,
    origin: Option<Origin>,
}

impl<'a> Writer<'a> {
    /// Nothing is sent yet.
    pub(crate) fn new(buckets: &'a Buckets, bucket: &'a str, key: &'a str, check: bool) -> Writer<'a> {
        Writer { buckets, bucket, key, check, looked: false, origin: None }
    }

    /// Looks the bucket up. Without permission to do so, writes go to the bucket itself.
    async fn look(&mut self) -> Result<(), Fault> {
        self.looked = true;
        let access = self.buckets.access(self.bucket);
        if !access.is_blind()
            && let Some(Holds::Mirrored(origin)) =
                access.looked(self.buckets.look_whose(self.bucket, self.buckets.api.timeout).await)?
        {
            self.origin = Some(origin);
        }
        Ok(())
    }

    /// Publishes the value; the acknowledgement.
    ///
    /// # Errors
    /// [`Fault::WrongLastSequence`], [`Fault::BucketNotFound`], and those of a JetStream publish.
    pub(crate) async fn write(&mut self, headers: Option<Headers>, value: Bytes) -> Result<Json, Fault> {
        let api = &self.buckets.api;
        // Across domains a missing bucket does not show as "no responders", so that each write needs a look.
        let known = api.domain.is_none()
            && self.buckets.known.borrow().get(self.bucket).is_some_and(|holds| !matches!(holds, Holds::Mirrored(_)));
        if self.check && !self.looked && !known {
            self.look().await?;
        }
        match self.publish(headers.clone(), value.clone()).await {
            Err(fault @ Fault::NoResponders(_)) if self.check && !self.looked => {
                match self.look().await {
                    Err(missing @ Fault::BucketNotFound(_)) => Err(missing),
                    Ok(()) if self.origin.is_some() => self.publish(headers, value).await,
                    // A failed look-up says less than the first refusal.
                    _ => Err(fault),
                }
            }
            outcome => outcome,
        }
    }

    async fn publish(&self, headers: Option<Headers>, value: Bytes) -> Result<Json, Fault> {
        let api = &self.buckets.api;
        let subject = write_subject(self.bucket, self.key, self.origin.as_ref(), api.domain.as_deref());
        pub_ack(&api.exchange(&subject, value, headers, api.timeout).await?).map_err(Fault::of_write)
    }

    /// Publishes the value, with a `life` if it is to end by itself, if the key has none: it is absent, deleted or purged. Others may change that between the steps, so
    /// that it goes on until it has written or has found a value.
    ///
    /// # Errors
    /// As [`Writer::write`]; [`Fault::WrongLastSequence`] also where that refusal cannot be followed up.
    pub(crate) async fn create(&mut self, life: Option<(String, String)>, value: Bytes) -> Result<Json, Fault> {
        let mut revision = 0;
        let mut missing = 0;
        loop {
            let headers = std::iter::once(expecting(revision)).chain(life.clone()).collect();
            let refused = match self.write(Some(headers), value.clone()).await {
                Err(fault @ Fault::WrongLastSequence(_)) => fault,
                outcome => return outcome,
            };
            match self.latest().await {
                Ok(stored) if stored.operation() != Operation::Put => (revision, missing) = (stored.seq, 0),
                // The marker has gone since. But a server that shows nothing and yet refuses must not be asked for ever.
                Err(fault) if fault.is_no_message() && missing < MISSING => (revision, missing) = (0, missing + 1),
                _ => return Err(refused),
            }
        }
    }

    /// The key's latest entry, read from where the writes go: a mirror may lag behind.
    async fn latest(&self) -> Result<Stored, Fault> {
        let api = &self.buckets.api;
        let bucket = self.origin.as_ref().map_or(self.bucket, |origin| &origin.bucket);
        match self.origin.as_ref().and_then(|origin| origin.api.as_deref()) {
            Some(prefix) => latest(&api.with_prefix(prefix), bucket, self.key).await,
            None => latest(api, bucket, self.key).await,
        }
    }
}

/// The new revision of an acknowledgement.
///
/// # Errors
/// [`Fault::ReplyIncomplete`]
pub(crate) fn revision(ack: &Json) -> Result<u64, Fault> {
    ack.get("seq").and_then(Json::as_u64).ok_or(Fault::ReplyIncomplete)
}
