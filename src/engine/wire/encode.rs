//! The client's side of the protocol, straight into a buffer. The caller has checked every text ([`is_word`]).

use super::header;

/// PING
pub const PING: &[u8] = b"PING\r\n";

/// PONG
pub const PONG: &[u8] = b"PONG\r\n";

/// Greatest number that the server can read as the maximum of a subscription: it stops at nine digits.
pub const MOST_MSGS: u64 = 999_999_999;

/// Whether a text can stand as one word of a control line. A blank or line end would let its author write protocol of his own.
pub fn is_word(text: &str) -> bool {
    // All bytes, found or not: then the compiler compares many at a time.
    !text.is_empty() && !text.bytes().fold(false, |found, b| found | matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

/// The check of a pedantic server (`IsValidLiteralSubject`): tokens neither empty nor wildcards.
pub fn is_literal(subject: &str) -> bool {
    subject.split('.').all(|t| !matches!(t, "" | "*" | ">"))
}

fn decimal(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// PUB, or HPUB with headers. `reply` may be empty: its place stays empty between its blanks.
pub fn publish(out: &mut Vec<u8>, subject: &str, reply: &[&str], headers: &[(String, String)], payload: &[u8]) {
    out.extend_from_slice(if headers.is_empty() { b"PUB " } else { b"HPUB " });
    out.extend_from_slice(subject.as_bytes());
    out.push(b' ');
    for part in reply {
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b' ');
    if headers.is_empty() {
        decimal(out, payload.len() as u64);
        out.extend_from_slice(b"\r\n");
    } else {
        let block = header::block_len(headers);
        decimal(out, block as u64);
        out.push(b' ');
        decimal(out, (block + payload.len()) as u64);
        out.extend_from_slice(b"\r\n");
        header::write(out, headers);
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// SUB. The place of a queue group that is not there stays empty between its blanks.
pub fn subscribe(out: &mut Vec<u8>, subject: &str, queue: Option<&str>, sid: u64) {
    out.extend_from_slice(b"SUB ");
    out.extend_from_slice(subject.as_bytes());
    out.push(b' ');
    out.extend_from_slice(queue.unwrap_or_default().as_bytes());
    out.push(b' ');
    decimal(out, sid);
    out.extend_from_slice(b"\r\n");
}

/// UNSUB, at once or after `max` messages counted from the SUB.
pub fn unsubscribe(out: &mut Vec<u8>, sid: u64, max: Option<u64>) {
    out.extend_from_slice(b"UNSUB ");
    decimal(out, sid);
    if let Some(max) = max {
        out.push(b' ');
        decimal(out, max);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn verbs() {
        assert_eq!(text(|o| publish(o, "a", &[], &[], b"xyz")), "PUB a  3\r\nxyz\r\n");
        assert_eq!(text(|o| publish(o, "a", &["r.", "1"], &[], b"")), "PUB a r.1 0\r\n\r\n");
        let lines = [("b".to_string(), "1".to_string()), ("A b".to_string(), String::new())];
        assert_eq!(text(|o| publish(o, "a", &[], &lines[..1], b"x")), "HPUB a  18 19\r\nNATS/1.0\r\nb: 1\r\n\r\nx\r\n");
        assert_eq!(text(|o| publish(o, "a", &["r"], &lines, b"xy")), "HPUB a r 25 27\r\nNATS/1.0\r\nb: 1\r\nA b: \r\n\r\nxy\r\n");
        assert_eq!(text(|o| subscribe(o, "a.*", None, 7)), "SUB a.*  7\r\n");
        assert_eq!(text(|o| subscribe(o, "a", Some("q"), 8)), "SUB a q 8\r\n");
        assert_eq!(text(|o| unsubscribe(o, 7, None)), "UNSUB 7\r\n");
        assert_eq!(text(|o| unsubscribe(o, 7, Some(20))), "UNSUB 7 20\r\n");
    }

    #[test]
    fn literal_subjects() {
        for good in ["a", "a.b", "a*.>b"] {
            assert!(is_literal(good), "{good}");
        }
        for bad in ["", "a..b", ".a", "a.", "*", "a.*.b", "a.>"] {
            assert!(!is_literal(bad), "{bad}");
        }
    }

    #[test]
    fn words() {
        for good in ["a", "a.b", "ä", "\u{a0}"] {
            assert!(is_word(good), "{good}");
        }
        for bad in ["", "a b", "a\tb", "a\r\nPUB x 0", "\n"] {
            assert!(!is_word(bad), "{bad}");
        }
    }
}
