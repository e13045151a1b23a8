//! The time of a call that waits more than once.

use std::time::{Duration, Instant};

/// The end of a call's time; `None` if it may take for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// So many ms from now; 0 for never.
    pub(crate) fn after(ms: i64) -> Deadline {
        let ms = u64::try_from(ms).ok().filter(|ms| *ms > 0);
        Deadline(ms.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms))))
    }

    /// Whether the time is over.
    pub(crate) fn is_over(self) -> bool {
        self.0.is_some_and(|end| end <= Instant::now())
    }

    /// What is left in ms, as a timeout: at least 1, 0 for no limit.
    pub(crate) fn left(self) -> i64 {
        self.0
            .map_or(0, |end| i64::try_from(end.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(i64::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_by() {
        let never = Deadline::after(0);
        assert_eq!((never.left(), never.is_over()), (0, false));
        let later = Deadline::after(60_000);
        assert!((50_000..=60_000).contains(&later.left()) && !later.is_over());
        let over = Deadline(Some(Instant::now()));
        assert_eq!((over.left(), over.is_over()), (1, true));
        assert!(!Deadline::after(i64::MAX).is_over());
    }
}
