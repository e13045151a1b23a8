//! Entries that end by themselves, and the removal of those that tell of deletions.

use serde_json::json;

use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::rules::ttl;

/// The header line that limits the life of an entry; `word` is what servers take for one.
pub(crate) fn living(word: &str) -> (String, String) {
    (ttl::HEADER.to_string(), word.to_string())
}

/// The latest entry of a key, which tells that the key was deleted.
pub(crate) struct Marker {
    /// Subject in the stream.
    pub subject: String,
    /// Sequence in the stream.
    pub revision: u64,
    /// Time of storage, ms since the epoch.
    pub created: i64,
}

impl Api {
    /// Removes markers that are older than so many ms, and what is older than they; of younger ones only the latter. `older`
    /// below 0 spares none. What was written behind a marker meanwhile stays.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn purge_markers(&self, stream: &str, markers: &[Marker], older: i64, now: i64) -> Result<(), Fault> {
        for marker in markers {
            let spared = older >= 0 && now.saturating_sub(marker.created) < older;
            let below = if spared { marker.revision } else { marker.revision + 1 };
            let body = json!({ "filter": marker.subject, "seq": below }).to_string();
            self.json(&format!("STREAM.PURGE.{stream}"), body).await?;
        }
        Ok(())
    }
}
