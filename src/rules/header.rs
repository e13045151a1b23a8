//! The `NATS/1.0` header block (NATS ADR-4), as stored messages carry it in the field `hdrs` of `STREAM.MSG.GET`.

/// A parsed header block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// First word after the version in the first line (`503`), if any.
    pub status: Option<String>,
    /// Rest of the first line (`No Responders`), if any.
    pub description: Option<String>,
    /// Names and values in the order of the block; a repeated name appears again.
    pub fields: Vec<(String, String)>,
}

/// Why a block cannot be read: it does not begin with `NATS/1.0`, or a line has no colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

const VERSION: &str = "NATS/1.0";

/// Parses a block. Names and values are UTF-8 (other bytes are replaced by U+FFFD) and trimmed, the value is all that follows the first
/// colon; lines with an empty name are skipped; the block ends at the first empty line.
pub fn parse(block: &[u8]) -> Result<Headers, Malformed> {
    let text = String::from_utf8_lossy(block);
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let first = lines.next().and_then(|line| line.strip_prefix(VERSION)).ok_or(Malformed)?;
    if !first.is_empty() && !first.starts_with([' ', '\t']) && !first.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Malformed);
    }
    let mut headers = Headers::default();
    let (status, description) = first.trim().split_once([' ', '\t']).unwrap_or((first.trim(), ""));
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    headers.status = filled(status);
    headers.description = filled(description.trim());
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        if !name.trim().is_empty() {
            headers.fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn fields() {
        let headers = parse(b"NATS/1.0\r\nA: 1\r\nb:x:y \r\nA:2\r\n: lost\r\nE:\r\n\xd1\x8f: \xd1\x8f\r\n\r\nrest").unwrap();
        assert_eq!(headers.fields, pairs(&[("A", "1"), ("b", "x:y"), ("A", "2"), ("E", ""), ("я", "я")]));
        assert_eq!((headers.status, headers.description), (None, None));
    }

    #[test]
    fn status() {
        let headers = parse(b"NATS/1.0 503 No Responders\r\n\r\n").unwrap();
        assert_eq!((headers.status.as_deref(), headers.description.as_deref()), (Some("503"), Some("No Responders")));
        let headers = parse(b"NATS/1.0 100  Idle Heartbeat \r\nNats-Last-Consumer: 1\r\n\r\n").unwrap();
        assert_eq!((headers.status.as_deref(), headers.description.as_deref()), (Some("100"), Some("Idle Heartbeat")));
        assert_eq!(parse(b"NATS/1.0 404\r\n\r\n").unwrap().description, None);
        assert_eq!(parse(b"NATS/1.0").unwrap(), Headers::default());
    }

    #[test]
    fn malformed() {
        for block in [&b""[..], b"HTTP/1.1 200\r\n\r\n", b"NATS/1.0\r\nno colon\r\n\r\n", b"NATS/1.0x\r\n\r\n"] {
            assert_eq!(parse(block), Err(Malformed));
        }
    }
}
