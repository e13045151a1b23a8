//! The header block (ADR-4): lenient in, strict out; order, case and bytes kept.

use std::borrow::Cow;

/// First line of a block without a status.
const VERSION: &[u8] = b"NATS/1.0";

/// Bytes as text: UTF-8, or else Latin-1, which other clients send.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()),
    }
}

/// Whether bytes are a header block at all.
pub fn is_block(block: &[u8]) -> bool {
    block.strip_prefix(VERSION).is_some_and(|rest| match rest.first() {
        None | Some(b'\r' | b'\n' | b' ' | b'\t') => true,
        Some(b) => b.is_ascii_digit(),
    })
}

/// First word of what is no header block.
pub fn first_word(bytes: &[u8]) -> String {
    let end = bytes.iter().position(u8::is_ascii_whitespace).unwrap_or(bytes.len());
    text(&bytes[..end]).into_owned()
}

fn first_line(block: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', block).unwrap_or(block.len());
    block[..end].strip_prefix(VERSION).unwrap_or_default().trim_ascii()
}

/// The status of a control message, such as 503.
pub fn status(block: &[u8]) -> Option<u16> {
    // Nearly all blocks have none, which one byte shows.
    if !matches!(block.get(VERSION.len()), Some(b' ' | b'\t' | b'0'..=b'9')) {
        return None;
    }
    let line = first_line(block);
    let word = line.split(u8::is_ascii_whitespace).next()?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The text that follows the status; empty if there is none.
pub fn description(block: &[u8]) -> Cow<'_, str> {
    let line = first_line(block);
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    text(line[end..].trim_ascii())
}

/// Names and values in the order of the block, trimmed. A line without a colon or name is skipped.
pub fn lines(block: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    block
        .split(|b| *b == b'\n')
        .skip(1)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let name = line[..colon].trim_ascii();
            (!name.is_empty()).then(|| (text(name), text(line[colon + 1..].trim_ascii())))
        })
}

/// Names and values of a block as a stream keeps it; nothing of what is no block.
pub fn stored(block: &[u8]) -> Vec<(String, String)> {
    let lines = is_block(block).then(|| lines(block)).into_iter().flatten();
    lines.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Whether a header of this name can be sent: it is not empty, and holds neither a colon nor a line end.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains([':', '\r', '\n'])
}

/// Whether a header value can be sent: it holds no line end.
pub fn is_value(value: &str) -> bool {
    !value.contains(['\r', '\n'])
}

/// Length of a block of these lines, with its end.
pub fn block_len(headers: &[(String, String)]) -> usize {
    let lines: usize = headers.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum();
    VERSION.len() + "\r\n\r\n".len() + lines
}

/// Writes a block.
pub fn write(out: &mut Vec<u8>, headers: &[(String, String)]) {
    out.extend_from_slice(VERSION);
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(block: &[u8]) -> Vec<(String, String)> {
        lines(block).map(|(n, v)| (n.into_owned(), v.into_owned())).collect()
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn lenient_in() {
        let block = b"NATS/1.0\r\nB: 1\r\nMy Header: x\r\nno colon\r\na:b:c \r\n: lost\r\nA: b\xe9\r\nB:2\n\xd1\x8f: \xd1\x8f\r\nE:\r\n\r\nrest: 1";
        let expected = [("B", "1"), ("My Header", "x"), ("a", "b:c"), ("A", "b\u{e9}"), ("B", "2"), ("я", "я"), ("E", "")];
        assert_eq!(all(block), pairs(&expected));
        assert_eq!(status(block), None);
    }

    #[test]
    fn statuses() {
        let of = |block: &[u8]| (status(block), description(block).into_owned());
        assert_eq!(of(b"NATS/1.0 503\r\n\r\n"), (Some(503), String::new()));
        assert_eq!(of(b"NATS/1.0 100  Idle Heartbeat \r\nA: 1\r\n\r\n"), (Some(100), "Idle Heartbeat".to_string()));
        assert_eq!(of(b"NATS/1.0 x y\r\n\r\n").0, None);
        assert_eq!(of(b"NATS/1.0").0, None);
        assert_eq!(of(b"").0, None);
    }

    #[test]
    fn blocks() {
        for good in [&b"NATS/1.0\r\n\r\n"[..], b"NATS/1.0", b"NATS/1.0 404 x\r\n\r\n", b"NATS/1.0404\r\n", b"NATS/1.0\nA: 1\n\n"]
        {
            assert!(is_block(good));
        }
        for bad in [&b""[..], b"HTTP/1.1 200\r\n\r\n", b"NATS/1.0x\r\n\r\n", b"NATS/1.", b"A: b\r\n\r\n"] {
            assert!(!is_block(bad));
        }
    }

    #[test]
    fn kept_by_a_stream() {
        assert_eq!(
            stored(b"NATS/1.0\r\nA: b\xe9\r\nnone\r\nMy Header:x\r\n\r\n"),
            pairs(&[("A", "b\u{e9}"), ("My Header", "x")])
        );
        assert!(stored(b"BOGUS\r\nA: 1\r\n\r\n").is_empty() && stored(b"").is_empty());
    }

    #[test]
    fn strict_out() {
        let lines = pairs(&[("b", "1"), ("A", ""), ("My Header", " ä ")]);
        let mut out = Vec::new();
        write(&mut out, &lines);
        assert_eq!(out, "NATS/1.0\r\nb: 1\r\nA: \r\nMy Header:  ä \r\n\r\n".as_bytes());
        assert_eq!(block_len(&lines), out.len());
        assert!(is_name("My Header") && is_value("x:y") && is_value(""));
        for name in ["", "a:b", "a\r", "a\n"] {
            assert!(!is_name(name));
        }
        assert!(!is_value("x\r\ny") && !is_value("\n"));
    }
}
