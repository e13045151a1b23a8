//! Numbers of messages that were refused or lost, as ranges: there are never more of them than messages under way.

use std::collections::BTreeMap;

/// A set of numbers.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// First number of each range, and the one behind its last. They neither overlap nor touch.
    ranges: BTreeMap<u64, u64>,
    count: u64,
}

impl Gone {
    /// Number of them.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds those from the first number on, below the second.
    pub(crate) fn add(&mut self, mut from: u64, mut to: u64) {
        if from >= to {
            return;
        }
        while let Some((&first, &next)) = self.ranges.range(..=to).next_back().filter(|(_, next)| **next >= from) {
            self.ranges.remove(&first);
            self.count -= next - first;
            (from, to) = (from.min(first), to.max(next));
        }
        self.ranges.insert(from, to);
        self.count += to - from;
    }

    /// Removes those up to this number.
    pub(crate) fn forget(&mut self, last: u64) {
        while let Some(range) = self.ranges.first_entry().filter(|range| *range.key() <= last) {
            let (first, next) = range.remove_entry();
            self.count -= next - first;
            self.add(last.saturating_add(1), next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_meet_are_one() {
        let mut gone = Gone::default();
        for (from, to, count, ranges) in
            [(5, 6, 1, 1), (7, 8, 2, 2), (6, 7, 3, 1), (5, 8, 3, 1), (9, 9, 3, 1), (20, 30, 13, 2), (3, 25, 27, 1), (1, 2, 28, 2)]
        {
            gone.add(from, to);
            assert_eq!((gone.count(), gone.ranges.len()), (count, ranges), "{from} {to}");
        }
        for (last, count) in [(0, 28), (1, 27), (10, 19), (28, 1), (29, 0), (u64::MAX, 0)] {
            gone.forget(last);
            assert_eq!(gone.count(), count, "{last}");
        }
    }
}
