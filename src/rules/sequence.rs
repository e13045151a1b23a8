//! The order of an ordered consumer's deliveries: what has come, whether something is missing, where to continue.

/// Place in a stream, over all the consumers that it takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sequence {
    /// Number of deliveries of the present consumer.
    consumer: u64,
    /// Stream sequence of the last message, or where the first consumer stood.
    stream: u64,
    begun: bool,
}

impl Sequence {
    /// A consumer was made that stands behind the stream sequence `delivered`.
    pub(crate) fn consumer(&mut self, delivered: u64) {
        self.consumer = 0;
        if !self.begun {
            self.stream = delivered;
            self.begun = true;
        }
    }

    /// A message came; false if it is not the next one.
    pub(crate) fn message(&mut self, consumer: u64, stream: u64) -> bool {
        if consumer != self.consumer + 1 {
            return false;
        }
        self.consumer = consumer;
        self.stream = stream;
        true
    }

    /// A heartbeat came; false if it tells of another last message.
    pub(crate) fn heartbeat(&self, last: Option<u64>) -> bool {
        last.is_none_or(|last| last == self.consumer)
    }

    /// Where the next consumer has to start.
    pub(crate) fn next(&self) -> u64 {
        self.stream + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_where_it_stood() {
        let mut place = Sequence::default();
        place.consumer(7);
        assert_eq!(place.next(), 8);
        assert!(place.heartbeat(Some(0)) && place.heartbeat(None) && !place.heartbeat(Some(1)));
        assert!(place.message(1, 12));
        assert!(place.heartbeat(Some(1)) && !place.heartbeat(Some(2)));
        assert!(!place.message(3, 14) && !place.message(1, 12));
        assert_eq!(place.next(), 13);
        place.consumer(12);
        assert_eq!(place.next(), 13);
        assert!(place.message(1, 13));
        assert_eq!(place.next(), 14);
    }
}
