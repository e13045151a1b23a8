//! Counters (NATS ADR-49): integers of any size, which only their text can hold.

/// Header that adds to a counter.
pub(crate) const INCR: &str = "Nats-Incr";

/// Header that says which streams a counter was copied from.
pub(crate) const SOURCES: &str = "Nats-Counter-Sources";

/// JetStream API level of the servers that have counters.
pub(crate) const LEVEL: u32 = 2;

/// The header's value for what is to be added: an integer with its sign; `None` for what is none.
pub(crate) fn increment(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => ('+', &text[1..]),
        b'-' => ('-', &text[1..]),
        _ => ('+', text),
    };
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| format!("{sign}{digits}"))
}

/// The value in a counter's payload.
pub(crate) fn value(payload: &[u8]) -> Option<String> {
    let payload: serde_json::Value = serde_json::from_slice(payload).ok()?;
    payload.get("val")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments() {
        let large = "340282366920938463463374607431768211456";
        for (text, expected) in [("5", "+5"), ("+5", "+5"), ("-7", "-7"), (" 0 ", "+0"), (large, &format!("+{large}"))] {
            assert_eq!(increment(text).as_deref(), Some(expected));
        }
        for text in ["", "+", "-", "1.5", "x", "0x10", "--1", "1e3"] {
            assert_eq!(increment(text), None, "{text}");
        }
    }

    #[test]
    fn values() {
        assert_eq!(value(br#"{"val":"-18446744073709551617"}"#).as_deref(), Some("-18446744073709551617"));
        for payload in [&b""[..], b"x", b"{}", br#"{"val":5}"#] {
            assert_eq!(value(payload), None);
        }
    }
}
