//! Private keys on elliptic curves in forms that hold less, or other things, than the signing code wants.

use super::x509;
use crate::engine::der::{INTEGER, OCTET_STRING, OID, SEQUENCE, content, dotted, first};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls;

/// Tag of the public key in an EC key.
const PUBLIC: u8 = 0xa1;

/// The key with the curve and the public key that its certificate names, in PKCS #8.
///
/// OpenSSL works the public key out where the file has none (Java's do not), and reads it compressed, and curves that are
/// written out. Here it is taken from the certificate; that it belongs to the private key is checked when that is loaded.
/// `None` if the key is no EC key, or the certificate is not for one on a curve that can sign.
pub(super) fn completed(key: &PrivateKeyDer<'_>, certificate: &[u8]) -> Option<PrivateKeyDer<'static>> {
    let (algorithm, point) = first(x509::public_key(certificate)?)?;
    let (kind, curve) = first(algorithm.content)?;
    let curve = dotted(content(curve, OID)?);
    if dotted(kind.content) != "1.2.840.10045.2.1" || !matches!(curve.as_str(), "1.2.840.10045.3.1.7" | "1.3.132.0.34") {
        return None;
    }
    let scalar = scalar(key)?;
    let public = element(PUBLIC, &[first(point)?.0.whole]);
    let one = element(INTEGER, &[&[1]]);
    let inner = element(SEQUENCE, &[&one, &element(OCTET_STRING, &[scalar]), &public]);
    let zero = element(INTEGER, &[&[0]]);
    let whole = element(SEQUENCE, &[&zero, algorithm.whole, &element(OCTET_STRING, &[&inner])]);
    Some(PrivateKeyDer::Pkcs8(whole.into()))
}

/// The number that is the private key.
fn scalar<'a>(key: &'a PrivateKeyDer<'_>) -> Option<&'a [u8]> {
    let sec1 = match key {
        PrivateKeyDer::Sec1(der) => der.secret_sec1_der(),
        PrivateKeyDer::Pkcs8(der) => {
            let (version, rest) = first(content(der.secret_pkcs8_der(), SEQUENCE)?)?;
            let (algorithm, rest) = first(rest)?;
            let id = content(algorithm.content, OID)?;
            if version.tag != INTEGER || dotted(id) != "1.2.840.10045.2.1" {
                return None;
            }
            content(rest, OCTET_STRING)?
        }
        _ => return None,
    };
    let (version, rest) = first(content(sec1, SEQUENCE)?)?;
    if version.tag != INTEGER || version.content != [1] {
        return None;
    }
    content(rest, OCTET_STRING)
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|b| **b == 0).count()..];
    let mut whole = vec![tag];
    match length {
        [] => whole.push(0),
        [short @ 0..=0x7f] => whole.push(*short),
        // A length has eight bytes at most.
        long => {
            whole.push(0x80 | long.len() as u8);
            whole.extend(long);
        }
    }
    whole.extend(content);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        assert_eq!(element(4, &[]), [4, 0]);
        assert_eq!(element(4, &[&[1], &[2, 3]]), [4, 3, 1, 2, 3]);
        assert_eq!(element(4, &[&[7; 128]])[..4], [4, 0x81, 128, 7]);
        assert_eq!(element(4, &[&[7; 300]])[..5], [4, 0x82, 1, 44, 7]);
        assert_eq!(first(&element(4, &[&[7; 300]])).unwrap().0.content, [7; 300]);
    }

    #[test]
    fn what_is_no_ec_key() {
        let sec1 = |bytes: &[u8]| scalar(&PrivateKeyDer::Sec1(bytes.to_vec().into())).map(<[u8]>::to_vec);
        assert_eq!(sec1(&[0x30, 6, 2, 1, 1, 4, 1, 9]), Some(vec![9]));
        for broken in [&[][..], &[0x30, 0], &[0x30, 6, 2, 1, 2, 4, 1, 9], &[0x30, 3, 2, 1, 1], &[0x30, 6, 2, 1, 1, 4, 2, 9]] {
            assert_eq!(sec1(broken), None);
        }
        assert!(completed(&PrivateKeyDer::Sec1(vec![0x30, 6, 2, 1, 1, 4, 1, 9].into()), &[0x30, 0]).is_none());
    }
}
