//! The end of the initial data: those that existed when a consumer was made, while others go on writing. No I/O, no clock.
//!
//! A message says how many are pending after it, and the reply to the creation how many there were. While nobody writes, both
//! agree and the end is exact. While somebody does, entries move to the end of what is being read, and the server's number of
//! pending messages may be too small for a moment: then a round trip shows whether more is coming. Older servers may even wait
//! for the next write before they go on; but a consumer of latest entries must deliver each key. While others remove messages,
//! the number of pending ones that older servers put on a message is of no use [seen on 2.9.10: 3,700 in place of 2]; the
//! consumer's information has the right one.

use std::collections::HashSet;

/// Number of times that the end may move, or be found to have moved, before it is taken as it is: a writer that is faster than
/// the reader must not hold it for ever.
const ROUNDS: u32 = 8;

/// Whether the initial data have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// More is to come.
    No,
    /// The initial data have ended.
    Yes,
    /// The initial data have ended if nothing comes before the answer to a round trip; see [`Initial::answered`].
    Ask,
    /// It takes the consumer's information to know how much is to come; see [`Initial::counted`].
    Count,
    /// Keys are missing, and the end has moved too often: another consumer may bring them.
    Renew,
}

/// The initial data of one consumer.
#[derive(Clone, Debug)]
pub(crate) struct Initial {
    /// Number of messages to be delivered when the consumer was made.
    total: u64,
    /// Number of the delivery with which they end, as far as known.
    expected: u64,
    /// Time at which the consumer was made, ms since the epoch.
    made: i64,
    /// Number of messages pending after the last delivery.
    left: u64,
    /// Whether nobody has written so far.
    exact: bool,
    /// Keys that have come, if each delivery is one of another key.
    keys: Option<HashSet<Box<str>>>,
    /// Number of deliveries when a round trip began.
    asked: Option<u64>,
    /// Whether the consumer's information is awaited.
    counts: bool,
    /// Whether nothing came any more although keys are missing.
    waits: bool,
    rounds: u32,
}

impl Initial {
    /// A consumer was made that has this much to deliver, one entry `per_key` or all of them.
    pub(crate) fn new(total: u64, made: i64, per_key: bool) -> Initial {
        let keys = per_key.then(HashSet::new);
        Initial {
            total,
            expected: total,
            made,
            left: total,
            exact: true,
            keys,
            asked: None,
            counts: false,
            waits: false,
            rounds: 0,
        }
    }

    /// Whether there was nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Drops what was kept to find the end.
    pub(crate) fn close(&mut self) {
        self.keys = None;
    }

    /// The `delivered`th message came, stored at `timestamp` (ms since the epoch), with this many `pending` after it.
    pub(crate) fn message(&mut self, subject: &str, delivered: u64, timestamp: i64, pending: u64) -> End {
        let again = self.keys.as_ref().is_some_and(|keys| keys.contains(subject));
        if let Some(keys) = self.keys.as_mut().filter(|_| !again) {
            keys.insert(subject.into());
        }
        self.exact &= !again && timestamp < self.made && self.total.checked_sub(delivered) == Some(pending);
        self.left = pending;
        if self.exact {
            return if pending == 0 { End::Yes } else { End::No };
        }
        match self.asked {
            Some(_) => End::No,
            None if self.counts => End::No,
            None if pending == 0 && self.waits => {
                self.waits = false;
                self.go_on(delivered)
            }
            None if pending == 0 => self.ask(delivered),
            None if delivered < self.expected => End::No,
            None => self.go_on(delivered),
        }
    }

    /// The answer to a round trip came.
    pub(crate) fn answered(&mut self, delivered: u64) -> End {
        match self.asked.take() {
            None => End::No,
            Some(before) if before != delivered => self.go_on(delivered),
            Some(_) if self.lacks_keys() && self.rounds < ROUNDS => {
                self.waits = true;
                End::No
            }
            Some(_) if self.lacks_keys() => End::Renew,
            Some(_) => End::Yes,
        }
    }

    /// The consumer's information came after `delivered` messages: the number of the delivery with which what was pending then
    /// ends, or nothing if it could not be had.
    pub(crate) fn counted(&mut self, last: Option<u64>, delivered: u64) -> End {
        if !std::mem::take(&mut self.counts) {
            return End::No;
        }
        self.expected = last.unwrap_or(self.expected);
        match last {
            Some(last) if last <= delivered && !self.lacks_keys() => End::Yes,
            _ if self.expected <= delivered => self.go_on(delivered),
            _ => End::No,
        }
    }

    /// Whether keys are missing, or were removed: then a heartbeat will say so.
    fn lacks_keys(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| (keys.len() as u64) < self.total)
    }

    fn ask(&mut self, delivered: u64) -> End {
        self.asked = Some(delivered);
        End::Ask
    }

    /// What was counted has come, and more.
    fn go_on(&mut self, delivered: u64) -> End {
        if self.rounds == ROUNDS {
            return if self.lacks_keys() { End::Renew } else { End::Yes };
        }
        self.rounds += 1;
        if self.left == 0 {
            return self.ask(delivered);
        }
        self.expected = delivered.saturating_add(self.left);
        self.counts = true;
        End::Count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes() {
        let mut initial = Initial::new(3, 100, false);
        let ends: Vec<End> = (1..=3).map(|n| initial.message("k", n, 50, 3 - n)).collect();
        assert_eq!(ends, [End::No, End::No, End::Yes]);
        assert!(!initial.is_empty() && Initial::new(0, 1, false).is_empty());
    }

    #[test]
    fn the_number_of_pending_is_too_small() {
        let mut initial = Initial::new(3, 100, false);
        assert_eq!(initial.message("k", 1, 50, 1), End::No);
        assert_eq!(initial.message("k", 2, 50, 0), End::Ask);
        assert_eq!(initial.message("k", 3, 50, 0), End::No);
        assert_eq!(initial.answered(3), End::Ask);
        assert_eq!(initial.answered(3), End::Yes);
        assert_eq!(initial.answered(3), End::No);
    }

    #[test]
    fn written_meanwhile() {
        // The numbers agree, but the second one was stored after the consumer was made.
        let mut initial = Initial::new(2, 100, false);
        assert_eq!(initial.message("k", 1, 50, 1), End::No);
        assert_eq!(initial.message("k", 2, 100, 0), End::Ask);
        assert_eq!(initial.answered(2), End::Yes);

        let mut initial = Initial::new(2, 100, false);
        assert_eq!(initial.message("k", 1, 50, 3), End::No);
        assert_eq!(initial.message("k", 2, 50, 2), End::Count);
        assert_eq!(initial.message("k", 3, 101, 1), End::No);
        assert_eq!(initial.counted(Some(4), 3), End::No);
        assert_eq!(initial.counted(Some(3), 3), End::No, "nobody has asked");
        assert_eq!(initial.message("k", 4, 101, 1), End::Count);
        assert_eq!(initial.counted(None, 4), End::No);
        assert_eq!(initial.message("k", 5, 102, 0), End::Ask);
        assert_eq!(initial.message("k", 6, 102, 1), End::No);
        assert_eq!(initial.answered(6), End::Count);
        assert_eq!(initial.counted(Some(7), 6), End::No);
        assert_eq!(initial.message("k", 7, 103, 0), End::Ask);
        assert_eq!(initial.answered(7), End::Yes);
    }

    #[test]
    fn the_number_of_pending_is_of_no_use() {
        let mut initial = Initial::new(3, 100, true);
        assert_eq!(initial.message("a", 1, 50, 4000), End::No);
        assert_eq!(initial.message("b", 2, 50, 4000), End::No);
        assert_eq!(initial.message("a", 3, 200, 4000), End::Count);
        assert_eq!(initial.message("b", 4, 200, 4000), End::No);
        // Nothing was to come, but c, which was written again at that moment.
        assert_eq!(initial.counted(Some(4), 4), End::Count);
        assert_eq!(initial.message("c", 5, 200, 4000), End::No);
        assert_eq!(initial.counted(Some(5), 5), End::Yes);
    }

    #[test]
    fn a_writer_that_is_never_behind_does_not_hold_it_for_ever() {
        let mut initial = Initial::new(10, 100, false);
        let ends = (1..1000).find(|n| match initial.message("k", *n, 200, 10) {
            End::Count => initial.counted(None, *n) == End::Yes,
            end => end == End::Yes,
        });
        assert_eq!(ends, Some(10 * (1 + u64::from(ROUNDS))));

        let mut initial = Initial::new(1, 100, false);
        assert_eq!(initial.message("k", 1, 200, 0), End::Ask);
        let rounds = (2..1000).find(|n| {
            assert_eq!(initial.message("k", *n, 200, 0), End::No);
            initial.answered(*n) == End::Yes
        });
        assert_eq!(rounds, Some(2 + u64::from(ROUNDS)));
    }

    #[test]
    fn each_key_must_come() {
        let mut initial = Initial::new(3, 100, true);
        assert_eq!(initial.message("a", 1, 50, 2), End::No);
        assert_eq!(initial.message("b", 2, 50, 1), End::No);
        // The third was written anew, and so was the first.
        assert_eq!(initial.message("a", 3, 200, 0), End::Ask);
        assert_eq!(initial.answered(3), End::No);
        assert_eq!(initial.message("c", 4, 200, 0), End::Ask);
        assert_eq!(initial.answered(4), End::Yes);

        // The numbers agree, yet what came twice stands for another.
        let mut initial = Initial::new(2, 100, true);
        assert_eq!(initial.message("a", 1, 50, 1), End::No);
        assert_eq!(initial.message("a", 2, 50, 0), End::Ask);
        assert_eq!(initial.answered(2), End::No);

        // It was removed, or is kept back: after some rounds another consumer has to tell, where no heartbeat tells before.
        let mut initial = Initial::new(2, 100, true);
        assert_eq!(initial.message("a", 1, 200, 0), End::Ask);
        let rounds = (2..1000).find(|n| {
            let answer = initial.answered(*n - 1);
            answer == End::Renew || initial.message("a", *n, 200, 0) != End::Ask
        });
        assert_eq!(rounds, Some(2 + u64::from(ROUNDS)));
    }
}
