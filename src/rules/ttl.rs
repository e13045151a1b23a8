//! Lifetimes of single messages: the words of the header `Nats-TTL` (NATS ADR-43).

/// Header that limits the life of a message.
pub(crate) const HEADER: &str = "Nats-TTL";

/// JetStream API level of the servers that look at it.
pub(crate) const LEVEL: u32 = 1;

/// Least lifetime in ms that servers take.
const LEAST: u64 = 1_000;

/// Word for a message that no age limit of its stream removes.
const NEVER: &str = "never";

/// The header's value for a lifetime as scripts give it: whole milliseconds, at least 1000, or `never`. `None` for anything else.
pub(crate) fn word(text: &str) -> Option<String> {
    let text = text.trim();
    if text == NEVER {
        return Some(NEVER.to_owned());
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    of_millis(text.parse().ok()?)
}

/// The header's value for a lifetime in ms: whole seconds, or a duration as Go writes it. `None` below the least one, and above
/// what fits into the server's nanoseconds.
pub(crate) fn of_millis(ms: u64) -> Option<String> {
    if ms < LEAST || ms > i64::MAX as u64 / 1_000_000 {
        return None;
    }
    Some(match (ms / 1_000, ms % 1_000) {
        (seconds, 0) => seconds.to_string(),
        (seconds, rest) => format!("{seconds}.{}s", format!("{rest:03}").trim_end_matches('0')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, expected) in [
            ("1000", "1"),
            ("5000", "5"),
            ("2500", "2.5s"),
            ("1001", "1.001s"),
            ("3600000", "3600"),
            (" 1050 ", "1.05s"),
            ("never", "never"),
            ("9223372036854", "9223372036.854s"),
        ] {
            assert_eq!(word(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "0", "999", "-1", "-1000", "1e4", "5s", "Never", "1000.5", "+1000", "9223372036855", "99999999999999999999"]
        {
            assert_eq!(word(text), None, "{text}");
        }
    }
}
