//! The chunks of an object, and its meta, in one fast batch.

use std::rc::Rc;

use serde_json::Value as Json;

use super::store::Store;
use crate::client::api::pub_ack;
use crate::client::calling::timeout;
use crate::client::fast::Fast;
use crate::client::fault::Fault;
use crate::engine::Outgoing;
use crate::rules::fast::Setting;
use crate::rules::object::{OUTSTANDING, flow};

/// What is stored at the end of a batch.
pub(super) enum Stored {
    /// Everything: the revision of the meta.
    All(u64),
    /// All chunks; the meta was refused.
    Chunks(Fault),
}

/// A batch of chunks.
#[derive(Clone)]
pub(super) struct Batched {
    store: Rc<Store>,
    fast: Rc<Fast>,
    chunk: u64,
}

impl Batched {
    /// One of chunks of this size; `ms` is the silence that ends it.
    pub(super) fn new(store: &Rc<Store>, chunk: u64, ms: i64) -> Batched {
        let setting = Setting { flow: flow(chunk), outstanding: OUTSTANDING, tolerant: false, timeout: timeout(ms) };
        Batched { store: Rc::clone(store), fast: Fast::new(&store.api, setting, None), chunk }
    }

    /// Whether nothing was sent.
    pub(super) fn is_new(&self) -> bool {
        self.fast.is_new()
    }

    /// Sends a chunk when there is room; false if the stream takes no batch now, but may take the chunk by itself.
    ///
    /// # Errors
    /// Those of [`Fast::publish`].
    pub(super) async fn send(&self, chunk: &Outgoing) -> Result<bool, Fault> {
        let first = self.fast.is_new();
        match self.fast.publish(chunk).await {
            Ok(_) => Ok(true),
            Err(fault) if first && self.store.declines_batch(&fault) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Bytes that are acknowledged, of so many that were sent.
    pub(super) fn acknowledged(&self, sent: u64) -> u64 {
        self.fast.acked().saturating_mul(self.chunk).min(sent)
    }

    /// Ends the batch with the meta.
    ///
    /// # Errors
    /// Those of [`Fast::commit`]; the reason if not all of the `chunks` are stored.
    pub(super) async fn finish(&self, meta: &Outgoing, chunks: u64) -> Result<Stored, Fault> {
        let acked = self.fast.commit(Some(meta)).await?;
        let ack = pub_ack(&acked.ack)?;
        if ack.get("stream").and_then(Json::as_str) != Some(&self.store.stream) {
            return Err(Fault::NotAnAck);
        }
        if acked.complete {
            return ack.get("seq").and_then(Json::as_u64).map(Stored::All).ok_or(Fault::ReplyIncomplete);
        }
        let cause = self.fast.cause();
        if ack.get("count").and_then(Json::as_u64) == Some(chunks) { Ok(Stored::Chunks(cause)) } else { Err(cause) }
    }

    /// Asks for the end.
    pub(super) fn end_soon(&self) {
        self.fast.end_soon();
    }

    /// Whether it is certain that the meta is not stored.
    pub(super) fn has_failed(&self) -> bool {
        self.fast.has_failed()
    }

    /// Waits until nothing more of it is stored.
    pub(super) async fn settled(&self) {
        self.fast.settled().await;
    }
}
