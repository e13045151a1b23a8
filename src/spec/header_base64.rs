//! Base64 (RFC 4648, section 4), in which `STREAM.MSG.GET` gives headers and payload.

const INVALID: u8 = 0xff;

/// Value of each character of the alphabet.
static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut table = [INVALID; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut i = 0;
    while i < alphabet.len() {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table
}

/// The bytes of a base64 text, with or without padding; `None` if it is not one.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text).as_bytes();
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 2);
    for chunk in body.chunks(4) {
        let mut bits = 0u32;
        for &byte in chunk {
            let value = VALUES[byte as usize];
            if value == INVALID {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        let bytes = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        match chunk.len() {
            // A single character holds less than a byte.
            1 => return None,
            len => out.extend_from_slice(&bytes[1..len]),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn vectors() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg==", b"foob"),
            ("Zm9vYmE=", b"fooba"),
            ("Zm9vYmFy", b"foobar"),
            ("Zg", b"f"),
            ("AP+A", b"\x00\xff\x80"),
            ("//79", b"\xff\xfe\xfd"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["Z", "Zg=a", "Zm9v\n", "é", "Zm9vY"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
