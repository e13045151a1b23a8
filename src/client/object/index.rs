//! The chunks of an object by their place, for those who read it in another order.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::json;

use super::consumer::Consumer;
use super::download::{corrupt, wanted};
use super::store::{Entry, Store};
use crate::client::fault::Fault;
use crate::rules::object::place;

/// Header in which the server says how long a message is that comes without its payload.
const SIZE: &str = "Nats-Msg-Size";

/// Where the chunks of an object are.
pub(crate) struct Index {
    /// Offset of each chunk in the object.
    starts: Vec<u64>,
    /// Sequence of each in the stream.
    sequences: Vec<u64>,
    size: u64,
}

impl Index {
    /// Asks the server, without the payloads.
    ///
    /// # Errors
    /// [`Fault::ObjectCorrupt`] and those of a request.
    pub(crate) async fn of(store: &Rc<Store>, entry: &Entry, ms: i64) -> Result<Index, Fault> {
        let meta = &entry.meta;
        let chunks = |there: u64| corrupt(meta, format!("{} chunks", meta.chunks()), format!("{there} chunks"));
        let gone = |fault| if let Fault::ChunksGone(there) = fault { chunks(there) } else { fault };
        let mut index = Index { starts: Vec::new(), sequences: Vec::new(), size: 0 };
        if meta.size() == 0 {
            return Ok(index);
        }
        let mut consumer = Consumer::begin(store, wanted(store, meta, ms, true)).await.map_err(gone)?;
        while let Some(chunk) = consumer.next().await.map_err(gone)? {
            let size = chunk.message.headers().find(|(name, _)| name == SIZE).and_then(|(_, size)| size.parse::<u64>().ok());
            index.starts.push(index.size);
            index.sequences.push(chunk.revision);
            index.size += size.ok_or(Fault::ReplyIncomplete)?;
        }
        if index.size == meta.size() {
            return Ok(index);
        }
        Err(corrupt(meta, format!("{} bytes", meta.size()), format!("{} bytes", index.size)))
    }

    /// The chunk that holds a byte: its sequence, and the offset in it. `None` behind the end.
    pub(crate) fn find(&self, at: u64) -> Option<(u64, u64)> {
        let (chunk, offset) = place(&self.starts, self.size, at)?;
        Some((self.sequences[chunk], offset))
    }
}

impl Store {
    /// The chunk with this sequence.
    ///
    /// # Errors
    /// [`Fault::ObjectCorrupt`] if it is gone, and those of a request.
    pub(crate) async fn chunk(&self, entry: &Entry, sequence: u64, ms: i64) -> Result<Bytes, Fault> {
        self.present()?;
        match self.message(&self.api.with_timeout(ms), &json!({ "seq": sequence })).await {
            Ok(stored) => Ok(Bytes::from(stored.data)),
            Err(fault) if fault.is_no_message() => Err(corrupt(&entry.meta, "a chunk", "none")),
            Err(fault) => Err(self.missing(fault).await),
        }
    }
}
