//! As much of DER as is needed to say what a certificate is.

/// Tag of a SEQUENCE.
pub(in crate::engine) const SEQUENCE: u8 = 0x30;
/// Tag of an INTEGER.
pub(in crate::engine) const INTEGER: u8 = 0x02;
/// Tag of an OBJECT IDENTIFIER.
pub(in crate::engine) const OID: u8 = 0x06;
/// Tag of a BIT STRING.
pub(in crate::engine) const BIT_STRING: u8 = 0x03;
/// Tag of an OCTET STRING.
pub(in crate::engine) const OCTET_STRING: u8 = 0x04;
/// Tag of a BOOLEAN.
pub(in crate::engine) const BOOLEAN: u8 = 0x01;

/// An element of DER.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    /// Tag and length included.
    pub whole: &'a [u8],
}

/// The first element and what follows it; `None` if there is none that is whole.
pub(in crate::engine) fn first(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (bytes.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, content, whole: &input[..input.len() - rest.len()] }, rest))
}

/// The elements one after the other, up to the first that is broken.
pub(in crate::engine) fn all(mut input: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (element, rest) = first(input)?;
        input = rest;
        Some(element)
    })
}

/// The content of the one element that the input begins with, if it has this tag.
pub(in crate::engine) fn content(input: &[u8], tag: u8) -> Option<&[u8]> {
    first(input).filter(|(element, _)| element.tag == tag).map(|(element, _)| element.content)
}

/// An object identifier as people write it.
pub(in crate::engine) fn dotted(oid: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for byte in oid {
        number = number.saturating_mul(128) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let top = (number / 40).min(2);
                numbers.push(top);
                number -= top * 40;
            }
            numbers.push(std::mem::take(&mut number));
        }
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        let (one, rest) = first(&[0x30, 3, 2, 1, 5, 0xff]).unwrap();
        assert_eq!(
            (one.tag, one.content, one.whole, rest),
            (SEQUENCE, &[2u8, 1, 5][..], &[0x30u8, 3, 2, 1, 5][..], &[0xffu8][..])
        );
        assert_eq!(content(one.content, INTEGER), Some(&[5u8][..]));
        assert_eq!(content(one.content, OID), None);
        assert_eq!(first(&[0x30, 0x81, 1, 7, 8]).unwrap().1, &[8]);
        for broken in
            [&[][..], &[0x30], &[0x30, 2, 1], &[0x30, 0x80, 0, 0], &[0x30, 0x82, 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]]
        {
            assert!(first(broken).is_none(), "{broken:?}");
        }
        assert_eq!(all(&[5, 0, 5, 0, 5]).count(), 2);
    }

    #[test]
    fn identifiers() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(&[0x55, 0x1d, 0x0f]), "2.5.29.15");
        assert_eq!(dotted(&[0x88, 0x37, 3]), "2.999.3");
        assert_eq!(dotted(&[]), "");
    }
}
