//! Ordered consumers of a bucket's entries.

use super::KeyValue;
use super::entry::{is_filter_refused, of_bucket};
use crate::bridge::errors::Result;
use crate::classes::ordered::Consumer;
use crate::rules::kv::key_subject;

impl KeyValue {
    /// Starts the consumer that `begin` makes for a filter; `key` may have wildcards, `ms` is the timeout.
    ///
    /// # Errors
    /// `BucketNotFound` and those of [`Consumer::start`].
    pub(super) async fn read(
        &self,
        bucket: &str,
        key: &str,
        check: bool,
        ms: i64,
        begin: &dyn Fn(String) -> Consumer,
    ) -> Result<Consumer> {
        loop {
            let exact = self.exact_filters.get();
            let known = self.plain.borrow().contains(bucket);
            // Entries of a mirror have the subjects of its origin: a wildcard fits without a look.
            let owner = match exact {
                false => "*".to_string(),
                true if check && !known => self.origin_of(bucket).await?.map_or(bucket.to_string(), |origin| origin.bucket),
                true => bucket.to_string(),
            };
            let consumer = begin(key_subject(&owner, key));
            match consumer.start(ms).await {
                Err(error) if !exact && is_filter_refused(&error) => self.exact_filters.set(true),
                Err(error) => return Err(of_bucket(error, bucket)),
                Ok(()) => return Ok(consumer),
            }
        }
    }
}
