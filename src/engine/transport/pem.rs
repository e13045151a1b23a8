//! Files of certificates in all forms that OpenSSL reads, block by block.

use crate::engine::der::{OID, SEQUENCE, all, content, dotted, first};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Labels of a certificate.
const CERTIFICATE: &[&str] = &["CERTIFICATE", "X509 CERTIFICATE", TRUSTED];

/// Label of a certificate that is followed by the purposes for which its owner trusts it.
const TRUSTED: &str = "TRUSTED CERTIFICATE";

/// Decoder that is lenient about the end: some programs leave the padding or some bits wrong.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// A block of a PEM file.
pub(super) struct Block {
    /// The words between BEGIN and the dashes.
    pub label: String,
    /// Number of its first line, from 1.
    pub line: usize,
    /// Its bytes, or why there are none.
    pub der: Result<Vec<u8>, &'static str>,
    /// Whether a password is needed to make sense of the bytes.
    pub encrypted: bool,
}

/// A block that has begun: its label, its line and its text up to now.
struct Open {
    label: String,
    line: usize,
    text: Vec<u8>,
}

/// The blocks of a file in their order; the text around them is ignored.
pub(super) fn blocks(file: &[u8]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    // Lines end with LF, perhaps after a CR, or in old files with CR alone.
    let end = if file.contains(&b'\n') { b'\n' } else { b'\r' };
    for (number, line) in file.split(|b| *b == end).enumerate() {
        let line = line.trim_ascii();
        if let Some(label) = between(line, "-----BEGIN ") {
            found.extend(open.take().map(unfinished));
            open = Some(Open { label, line: number + 1, text: Vec::new() });
        } else if let Some(label) = between(line, "-----END ") {
            found.extend(open.take().map(|begun| if begun.label == label { finished(begun) } else { unfinished(begun) }));
        } else if let Some(open) = &mut open {
            open.text.extend(line);
            open.text.push(b'\n');
        }
    }
    found.extend(open.take().map(unfinished));
    found
}

fn between(line: &[u8], start: &str) -> Option<String> {
    let label = line.strip_prefix(start.as_bytes())?.strip_suffix(b"-----")?;
    // Two of them on one line are none.
    (!label.windows(5).any(|w| w == b"-----")).then(|| String::from_utf8_lossy(label).into_owned())
}

fn unfinished(open: Open) -> Block {
    Block { label: open.label, line: open.line, der: Err("it has no end"), encrypted: false }
}

fn finished(open: Open) -> Block {
    // Headers stand before the first empty line; base64 has no colon.
    let (headers, body) = match open.text.windows(2).position(|w| w == b"\n\n") {
        Some(at) if open.text[..at].contains(&b':') => open.text.split_at(at),
        _ => (&[][..], &open.text[..]),
    };
    let body: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let encrypted = open.label == "ENCRYPTED PRIVATE KEY" || headers.windows(9).any(|w| w == b"ENCRYPTED");
    let der = BASE64.decode(body).map_err(|_| "it is not base64");
    Block { label: open.label, line: open.line, der, encrypted }
}

/// What a file holds in place of what was looked for, as the end of a text; empty if there is nothing to say about it.
pub(super) fn instead(file: &[u8]) -> String {
    if first(file).is_some_and(|(element, _)| element.tag == SEQUENCE) {
        return "; it is binary (DER or PKCS #12), and PEM is needed".to_string();
    }
    let mut labels: Vec<String> = blocks(file).into_iter().map(|block| block.label).collect();
    labels.sort_unstable();
    labels.dedup();
    match labels.is_empty() || labels.iter().any(|label| CERTIFICATE.contains(&label.as_str())) {
        true => String::new(),
        false => format!("; it holds {}", labels.join(", ")),
    }
}

/// Whether a block is meant to be a certificate.
pub(super) fn is_certificate(block: &Block) -> bool {
    CERTIFICATE.contains(&block.label.as_str())
}

/// The certificate in a block that is meant to be one.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn certificate(block: &Block) -> Result<&[u8], &'static str> {
    let der = block.der.as_deref().map_err(|reason| *reason)?;
    let (certificate, after) = first(der).filter(|(e, _)| e.tag == SEQUENCE).ok_or("it is cut off or no certificate")?;
    if block.label == TRUSTED && !trusted_for_servers(after) {
        return Err("its owner does not trust it for servers");
    }
    Ok(certificate.whole)
}

/// Whether what follows a certificate in a TRUSTED block lets it vouch for servers: a list of purposes it is trusted for,
/// then one of those it is not trusted for, each of which may be missing.
fn trusted_for_servers(after: &[u8]) -> bool {
    let Some(lists) = content(after, SEQUENCE) else { return true };
    let names_servers = |list: &[u8]| {
        all(list).filter(|e| e.tag == OID).any(|e| matches!(dotted(e.content).as_str(), "1.3.6.1.5.5.7.3.1" | "2.5.29.37.0"))
    };
    let list = |tag: u8| all(lists).find(|e| e.tag == tag).map(|e| e.content);
    list(SEQUENCE).is_none_or(names_servers) && !list(0xa0).is_some_and(names_servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = (String, usize, Result<Vec<u8>, &'static str>);

    fn seen(file: &[u8]) -> Vec<Seen> {
        blocks(file).into_iter().map(|b| (b.label, b.line, b.der)).collect()
    }

    fn good(line: usize) -> Seen {
        ("CERTIFICATE".to_string(), line, Ok(vec![0x30, 1, 5]))
    }

    #[test]
    fn forms() {
        let block = "-----BEGIN CERTIFICATE-----\nMAEF\n-----END CERTIFICATE-----\n";
        assert_eq!(seen(block.as_bytes()), [good(1)]);
        assert_eq!(seen(format!("{block}text: more\n\n{block}").as_bytes()), [good(1), good(6)]);
        assert_eq!(seen(block.replace('\n', "\r\n").as_bytes()), [good(1)]);
        assert_eq!(seen(block.replace('\n', "\r").as_bytes()), [good(1)]);
        assert_eq!(seen(block.replace('\n', " \t\n").as_bytes()), [good(1)]);
        assert_eq!(seen(block.replace("MAEF", "M A\n\nEF").as_bytes()), [good(1)]);
        assert_eq!(seen(block.replace("MAEF", "Name: x\nOther: y\n\nMAEF").as_bytes()), [good(1)]);
        assert_eq!(seen(block.trim_end().as_bytes()), [good(1)]);
        assert_eq!(seen(b"no block"), []);
        assert_eq!(seen(b""), []);
    }

    #[test]
    fn one_bad_block_among_good_ones() {
        let block = "-----BEGIN CERTIFICATE-----\nMAEF\n-----END CERTIFICATE-----\n";
        let bad = |line, reason| ("CERTIFICATE".to_string(), line, Err(reason));
        let file = format!("{block}{}{block}", block.replace("MAEF", "MA!F"));
        assert_eq!(seen(file.as_bytes()), [good(1), bad(4, "it is not base64"), good(7)]);
        let file = format!("-----BEGIN CERTIFICATE-----\nMAEF\n{block}-----BEGIN CERTIFICATE-----\n");
        assert_eq!(seen(file.as_bytes()), [bad(1, "it has no end"), good(3), bad(6, "it has no end")]);
        let file = "-----BEGIN CERTIFICATE-----\nMAEF\n-----END X509 CERTIFICATE-----\n";
        assert_eq!(seen(file.as_bytes()), [bad(1, "it has no end")]);
    }

    #[test]
    fn what_a_certificate_is_trusted_for() {
        let block = |label: &str, der: &[u8]| Block { label: label.into(), line: 1, der: Ok(der.to_vec()), encrypted: false };
        let servers = [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        let with = |aux: &[u8]| [&[0x30, 1, 5, 0x30, aux.len() as u8], aux].concat();
        let certificate = |aux: &[u8]| certificate(&block(TRUSTED, &with(aux))).map(<[u8]>::to_vec);
        assert_eq!(certificate(&[]), Ok(vec![0x30, 1, 5]));
        assert!(certificate(&[&[0x30, 10][..], &servers].concat()).is_ok());
        assert!(certificate(&[&[0xa0, 10][..], &servers].concat()).is_err());
        assert!(certificate(&[0x30, 3, 6, 1, 0x2a]).is_err());
        assert_eq!(super::certificate(&block("CERTIFICATE", &[0x30, 1, 5, 9])), Ok(&[0x30u8, 1, 5][..]));
        assert!(super::certificate(&block("CERTIFICATE", &[0x30, 2, 5])).is_err());
        assert!(super::certificate(&block("CERTIFICATE", &[])).is_err());
    }

    #[test]
    fn passwords() {
        let key =
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nMAEF\n-----END RSA PRIVATE KEY-----\n";
        assert!(blocks(key)[0].encrypted && blocks(key)[0].der.is_ok());
        assert!(blocks(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAEF\n-----END ENCRYPTED PRIVATE KEY-----")[0].encrypted);
        assert!(!blocks(b"-----BEGIN PRIVATE KEY-----\nMAEF\n-----END PRIVATE KEY-----")[0].encrypted);
    }
}
