//! Atomic batches (NATS ADR-50): what their messages carry, and how many there may be.

/// Header that names the batch.
const ID: &str = "Nats-Batch-Id";
/// Header with the number of the message in the batch.
const SEQUENCE: &str = "Nats-Batch-Sequence";
/// Header of the last message.
const COMMIT: &str = "Nats-Batch-Commit";

/// JetStream API level of the servers that have batches.
pub(crate) const LEVEL: u32 = 2;

/// Most messages of a batch.
pub(crate) const MOST: u64 = 1000;

/// How a batch ends with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Not at all.
    No,
    /// The message is the last one.
    Stored,
    /// The message only ends the batch, and is not stored.
    End,
}

/// Whether a header belongs to batches.
pub(crate) fn is_own(name: &str) -> bool {
    [ID, SEQUENCE, COMMIT].contains(&name)
}

/// The headers of a message of a batch.
pub(crate) fn headers(id: &str, sequence: u64, commit: Commit) -> Vec<(String, String)> {
    let mut headers = vec![(ID.to_owned(), id.to_owned()), (SEQUENCE.to_owned(), sequence.to_string())];
    match commit {
        Commit::No => {}
        Commit::Stored => headers.push((COMMIT.to_owned(), "1".to_owned())),
        Commit::End => headers.push((COMMIT.to_owned(), "eob".to_owned())),
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_batch() {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let first = vec![line("Nats-Batch-Id", "i"), line("Nats-Batch-Sequence", "1")];
        assert_eq!(headers("i", 1, Commit::No), first);
        assert_eq!(headers("i", 2, Commit::Stored)[2], line("Nats-Batch-Commit", "1"));
        assert_eq!(headers("i", 3, Commit::End)[2], line("Nats-Batch-Commit", "eob"));
        assert!(headers("i", 3, Commit::End).iter().all(|(name, _)| is_own(name)) && !is_own("Nats-Msg-Id"));
    }
}
