//! What may be published without an acknowledgement: a number of messages, and their bytes.

/// A window, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    most: u64,
    most_bytes: u64,
    pending: u64,
    bytes: u64,
}

impl Window {
    /// An empty one.
    pub(crate) fn new(most: u64, most_bytes: u64) -> Window {
        Window { most, most_bytes, pending: 0, bytes: 0 }
    }

    /// Number of messages in it.
    pub(crate) fn pending(&self) -> u64 {
        self.pending
    }

    /// Takes a message in; false if it has no room for it. An empty window takes one of any size.
    pub(crate) fn enter(&mut self, bytes: u64) -> bool {
        let fits = self.pending < self.most && self.bytes.saturating_add(bytes) <= self.most_bytes;
        if !fits && self.pending > 0 {
            return false;
        }
        self.pending += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        true
    }

    /// A message of this size is settled.
    pub(crate) fn leave(&mut self, bytes: u64) {
        self.pending = self.pending.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether there is so much room that a publisher who waits with a message of this size is worth a wake: one for every message
    /// would cost as much as the message.
    pub(crate) fn is_worth_a_wake(&self, bytes: u64) -> bool {
        let half = self.pending <= self.most / 2 && self.bytes <= self.most_bytes / 2;
        self.pending == 0 || half && self.bytes.saturating_add(bytes) <= self.most_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_count() {
        let mut window = Window::new(4, 1_000);
        assert!((0..4).all(|_| window.enter(1)));
        assert!(!window.enter(1));
        assert!(!window.is_worth_a_wake(1));
        window.leave(1);
        assert!(!window.is_worth_a_wake(1));
        window.leave(1);
        assert!(window.is_worth_a_wake(1));
        assert_eq!(window.pending(), 2);
    }

    #[test]
    fn by_bytes() {
        let mut window = Window::new(100, 10);
        assert!(window.enter(6) && window.enter(4));
        assert!(!window.enter(1) && window.enter(0));
        window.leave(4);
        assert!(!window.is_worth_a_wake(1) && window.enter(4));
        for bytes in [6, 4, 0] {
            window.leave(bytes);
        }
        // What is larger than the window goes alone.
        assert!(window.enter(50) && !window.enter(1));
        window.leave(50);
        // Half of it is free, but not enough for this one.
        assert!(window.enter(3) && window.is_worth_a_wake(7) && !window.is_worth_a_wake(8) && !window.enter(8));
        window.leave(3);
        assert!(window.is_worth_a_wake(50));
        assert_eq!(window, Window::new(100, 10));
    }
}
