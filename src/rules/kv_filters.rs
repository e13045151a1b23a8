//! Several patterns of keys at once.

use std::collections::HashSet;

/// Whether a key, or a pattern, is within a pattern.
pub(crate) fn covers(pattern: &str, key: &str) -> bool {
    let mut tokens = key.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(token)) if token != ">" => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// Whether there are keys within both patterns.
fn overlap(one: &str, other: &str) -> bool {
    let (mut left, mut right) = (one.split('.'), other.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['*', '>'])
}

/// The patterns without those that another one covers, each once.
pub(crate) fn reduced(patterns: &[String]) -> Vec<String> {
    let (plain, wild): (Vec<&String>, Vec<&String>) = patterns.iter().partition(|pattern| is_plain(pattern));
    let mut kept: Vec<&String> = Vec::new();
    for pattern in wild {
        if !kept.iter().any(|wider| covers(wider, pattern)) {
            kept.retain(|narrower| !covers(pattern, narrower));
            kept.push(pattern);
        }
    }
    let mut seen = HashSet::new();
    let plain = plain.into_iter().filter(|key| seen.insert(key.as_str()) && !kept.iter().any(|wider| covers(wider, key)));
    let plain: Vec<&String> = plain.collect();
    kept.into_iter().chain(plain).cloned().collect()
}

/// Number of filters that a consumer is asked for at most.
const FILTERS_MOST: usize = 64;

/// How the keys of several patterns are read through one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// What the server is asked for.
    pub filters: Vec<String>,
    /// What is picked out of what comes, if that may be more than wanted: keys and patterns.
    picked: Option<(HashSet<String>, Vec<String>)>,
}

impl Selection {
    /// The keys of these patterns. The server takes several filters if it is new enough (`many`), and only such that have no key
    /// in common.
    pub(crate) fn new(patterns: &[String], many: bool) -> Selection {
        let filters = reduced(patterns);
        if filters.len() == 1 {
            return Selection { filters, picked: None };
        }
        let apart = || filters.iter().enumerate().all(|(at, one)| !filters[at + 1..].iter().any(|other| overlap(one, other)));
        let all = || vec![">".to_owned()];
        let asked = if many && filters.len() <= FILTERS_MOST && apart() { filters.clone() } else { all() };
        // A user of few permissions may get all of the keys for several.
        let (plain, wild): (Vec<String>, Vec<String>) = filters.into_iter().partition(|pattern| is_plain(pattern));
        Selection { filters: asked, picked: Some((plain.into_iter().collect(), wild)) }
    }

    /// Whether the key is one of those wanted.
    pub(crate) fn takes(&self, key: &str) -> bool {
        self.picked.as_ref().is_none_or(|(plain, wild)| plain.contains(key) || wild.iter().any(|pattern| covers(pattern, key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn patterns_within_patterns() {
        for (pattern, key) in
            [("a", "a"), ("*", "a"), (">", "a.b"), ("a.>", "a.b.c"), ("a.*", "a.b"), ("a.>", "a.*"), (">", "*"), ("*.b", "a.b")]
        {
            assert!(covers(pattern, key), "{pattern} {key}");
        }
        for (pattern, key) in
            [("a", "b"), ("a.>", "a"), ("a.*", "a"), ("a.*", "a.b.c"), ("*", ">"), ("a.*", "a.>"), ("a.b", "a"), ("a", "a.b")]
        {
            assert!(!covers(pattern, key), "{pattern} {key}");
        }
    }

    #[test]
    fn fewer_patterns() {
        assert_eq!(reduced(&list("a.b a.> a.b c a.* c")), list("a.> c"));
        assert_eq!(reduced(&list("a b a")), list("a b"));
    }

    #[test]
    fn selections() {
        let all = Selection::new(&list("a.b a.>"), false);
        assert_eq!(all, Selection { filters: list("a.>"), picked: None });
        let several = Selection::new(&list("a b.*"), true);
        assert_eq!(several.filters, list("b.* a"));
        assert!(several.takes("a") && several.takes("b.x") && !several.takes("c"));
        for (patterns, many) in [("a b.*", false), ("a.* *.b", true)] {
            let own = Selection::new(&list(patterns), many);
            assert_eq!(own.filters, list(">"));
            assert!(own.takes(if many { "x.b" } else { "b.x" }) && !own.takes("x.y"));
        }
        assert!(all.takes("anything"));
    }
}
