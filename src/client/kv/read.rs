//! Ordered consumers of a bucket's entries.

use super::buckets::Buckets;
use crate::client::codes;
use crate::client::deadline::Deadline;
use crate::client::fault::Fault;
use crate::client::ordered::Form;
use crate::client::watch::Consumer;
use crate::rules::kv::{Holds, key_subject};

/// What to read, and how.
pub(crate) struct Reading<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Keys, wildcards allowed.
    pub keys: &'a [String],
    /// Look the bucket up.
    pub check: bool,
    /// The bucket was looked up just now.
    pub looked: bool,
    /// Timeout in ms, 0 waits for ever.
    pub ms: i64,
}

impl Buckets {
    /// Starts the consumer that `begin` makes of the ways to ask for one.
    ///
    /// # Errors
    /// [`Fault::BucketNotFound`] and those of [`Consumer::start`].
    pub(crate) async fn read(&self, reading: &Reading<'_>, begin: &dyn Fn(Vec<Form>) -> Consumer) -> Result<Consumer, Fault> {
        let &Reading { bucket, keys, check, mut looked, ms } = reading;
        let deadline = Deadline::after(ms);
        let check = check && !self.access(bucket).is_blind();
        let mut holds = self.known.borrow().get(bucket).cloned();
        loop {
            if holds.is_none() && check {
                holds = self.access(bucket).looked(self.look_whose(bucket, deadline.left()).await)?;
                looked = true;
            }
            let exact = self.exact_filters.get();
            let consumer = begin(forms(bucket, keys, holds.as_ref(), exact));
            match consumer.start(deadline.left()).await {
                // What was known of the bucket may be out of date.
                Err(fault) if is_filter_refused(&fault) && holds.is_some() && !looked && check => holds = None,
                Err(fault) if !exact && is_filter_refused(&fault) => self.exact_filters.set(true),
                Err(fault) => return Err(fault.of_bucket(bucket)),
                // The bucket may have been recreated as a mirror, which has none of its former subjects.
                Ok(()) if holds == Some(Holds::Own) && !looked && check && consumer.found_nothing() => holds = None,
                Ok(()) => return Ok(consumer),
            }
        }
    }
}

/// Whether a consumer was refused for its filter.
fn is_filter_refused(fault: &Fault) -> bool {
    fault.err_code() == Some(codes::FILTER_NOT_SUBSET)
}

/// The ways to ask for a consumer of a bucket, by what is known about whose entries it holds. On servers where filters must
/// be `exact` they name the bucket.
fn forms(bucket: &str, keys: &[String], holds: Option<&Holds>, exact: bool) -> Vec<Form> {
    // A mirror holds subjects of other buckets: a wildcard fits them all, including those of a mirror's mirror.
    let owners = match holds {
        Some(Holds::Own) => vec![(bucket, true), (bucket, false)],
        Some(Holds::Mirrored(origin)) if exact => vec![(&*origin.bucket, true), (&*origin.bucket, false)],
        Some(Holds::Mirrored(origin)) => vec![("*", true), ("*", false), (&*origin.bucket, true)],
        _ if exact => vec![(bucket, true), (bucket, false)],
        _ => vec![("*", true), ("*", false), (bucket, true)],
    };
    let form = |keys: &[String], &(owner, named): &(&str, bool)| {
        let filters = keys.iter().map(|key| key_subject(owner, key)).collect();
        Form { filters, named }
    };
    let mut forms: Vec<Form> = owners.iter().map(|owner| form(keys, owner)).collect();
    if keys.len() > 1 {
        // Several filters are not in the subject of the request, and permissions that name the bucket's keys do not fit it.
        let all = [">".to_owned()];
        forms.extend(owners.iter().filter(|(_, named)| *named).map(|owner| form(&all, owner)));
    }
    forms
}
