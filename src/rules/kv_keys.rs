//! The keys of a bucket by its entries, in their order: the last operation on a key wins.

use std::collections::HashMap;

/// Keys that have a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// In the order of their last change; `None` for what a later entry has overtaken.
    order: Vec<Option<String>>,
    place: HashMap<String, usize>,
}

impl Keys {
    /// An entry came: from now on the key has a value, or none.
    pub(crate) fn entry(&mut self, key: &str, has_value: bool) {
        if let Some(place) = self.place.remove(key) {
            self.order[place] = None;
        }
        if has_value {
            self.place.insert(key.to_owned(), self.order.len());
            self.order.push(Some(key.to_owned()));
        }
    }

    /// The keys, each once, in the order of their last change.
    pub(crate) fn list(&self) -> Vec<&str> {
        self.order.iter().filter_map(Option::as_deref).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_operation_wins() {
        let mut keys = Keys::default();
        for (key, has_value) in [("a", true), ("b", true), ("c", false), ("a", true), ("d", true), ("d", false), ("c", true)] {
            keys.entry(key, has_value);
        }
        assert_eq!(keys.list(), ["b", "a", "c"]);
        assert!(Keys::default().list().is_empty());
    }
}
