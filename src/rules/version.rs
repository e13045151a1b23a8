//! Versions of servers, as in INFO.

use std::fmt;

/// Major, minor and patch number of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// The numbers of a version such as `2.10.0-RC.1`, for which a preview counts as what it comes before; `None` if it
    /// has none.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let text = text.trim().trim_start_matches('v');
        let numbers = text.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        Some(Version(parts.next()??, parts.next()??, parts.next().flatten().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        for (text, version) in [
            ("2.9.10", Version(2, 9, 10)),
            ("2.10.0-RC.1", Version(2, 10, 0)),
            ("v2.11", Version(2, 11, 0)),
            ("2.12.1+x", Version(2, 12, 1)),
        ] {
            assert_eq!(Version::parse(text), Some(version), "{text}");
        }
        for text in ["", "2", "x.y", "main", "99999999999.1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert!(Version(2, 9, 99) < Version(2, 10, 0));
        assert_eq!(Version(2, 10, 0).to_string(), "2.10.0");
    }
}
