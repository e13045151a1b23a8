//! Descriptions of certificates, for errors whose cause the verifier cannot tell.

use crate::engine::der::{BIT_STRING, BOOLEAN, INTEGER, OID, SEQUENCE, all, content, dotted, first};

/// Least size of an RSA key whose signatures are verified.
const LEAST_RSA_BITS: usize = 2048;

/// Critical extensions that the verifier understands: key usage, alternative names, basic constraints, name constraints,
/// distribution points of revocation lists, extended key usage.
const UNDERSTOOD: &[&str] = &["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];

/// What the verifier does not accept in a certificate, whoever has signed it; empty if it finds nothing.
pub(super) fn objections(certificate: &[u8]) -> Vec<String> {
    match fields(certificate) {
        None => vec!["it cannot be read".to_string()],
        Some(fields) => {
            let mut found = Vec::new();
            if fields.version != 3 {
                found.push(format!("it has version {}, and only version 3 can be verified", fields.version));
            }
            found.extend(key_objection(fields.key));
            for oid in critical(fields.extensions).filter(|oid| !UNDERSTOOD.contains(&oid.as_str())) {
                found.push(format!("its critical extension {oid} is not understood"));
            }
            found
        }
    }
}

/// Content of the certificate's SubjectPublicKeyInfo.
pub(super) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    fields(certificate).map(|fields| fields.key)
}

struct Fields<'a> {
    version: u64,
    /// Content of the SubjectPublicKeyInfo.
    key: &'a [u8],
    /// Content of the list of extensions.
    extensions: &'a [u8],
}

fn fields(certificate: &[u8]) -> Option<Fields<'_>> {
    let mut rest = content(content(certificate, SEQUENCE)?, SEQUENCE)?;
    let mut version = 1;
    let (head, after) = first(rest)?;
    if head.tag == 0xa0 {
        let number = content(head.content, INTEGER)?;
        version = number.iter().fold(0u64, |sum, b| sum << 8 | u64::from(*b)) + 1;
        rest = after;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = first(rest)?.1;
    }
    let (key, rest) = first(rest)?;
    let extensions = all(rest).find(|e| e.tag == 0xa3).and_then(|e| content(e.content, SEQUENCE));
    Some(Fields { version, key: key.content, extensions: extensions.unwrap_or_default() })
}

fn critical(extensions: &[u8]) -> impl Iterator<Item = String> {
    all(extensions).filter_map(|extension| {
        let (id, rest) = first(extension.content)?;
        let critical = content(rest, BOOLEAN).is_some_and(|value| value != [0]);
        (id.tag == OID && critical).then(|| dotted(id.content))
    })
}

fn key_objection(key: &[u8]) -> Option<String> {
    let (algorithm, bits) = first(key)?;
    let (id, parameters) = first(algorithm.content)?;
    match dotted(id.content).as_str() {
        "1.2.840.113549.1.1.1" => {
            // The first byte of a bit string says how many bits of the last one do not count.
            let modulus = content(content(content(bits, BIT_STRING)?.get(1..)?, SEQUENCE)?, INTEGER)?;
            let size = bit_length(modulus);
            (size < LEAST_RSA_BITS).then(|| format!("its RSA key has {size} bits, and at least {LEAST_RSA_BITS} are needed"))
        }
        "1.2.840.10045.2.1" => {
            let curve = content(parameters, OID).map(dotted).unwrap_or_default();
            let name = match curve.as_str() {
                "1.2.840.10045.3.1.7" | "1.3.132.0.34" => return None,
                "1.3.132.0.35" => "P-521",
                "1.3.132.0.10" => "secp256k1",
                "" => "of its own",
                other => other,
            };
            Some(format!("its key is on the curve {name}, and only P-256 and P-384 are supported"))
        }
        "1.3.101.112" => None,
        "1.3.101.113" => Some("its key is Ed448, which is not supported".to_string()),
        "1.2.840.113549.1.1.10" => Some("its key is for RSA-PSS only, which is not supported".to_string()),
        other => Some(format!("its key is of the kind {other}, which is not supported")),
    }
}

fn bit_length(number: &[u8]) -> usize {
    let significant: &[u8] = &number[number.iter().take_while(|b| **b == 0).count()..];
    significant.first().map_or(0, |top| significant.len() * 8 - top.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;

    /// Version 3, RSA of 512 bits, the critical extensions 1.2.3.4 and basic constraints, 1.2.3.5 that is not critical.
    const EXTENDED: &str = "\
        MIIBZDCCAQ6gAwIBAgIUA21X5zEm3WN0wAEAWiruYyUIx/MwDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjYx\
        MzM2NTVaFw0zNjExMjMxMzM2NTVaMAwxCjAIBgNVBAMMAXgwXDANBgkqhkiG9w0BAQEFAANLADBIAkEAmWP0cYKyVA9u6Lc+Xa3h\
        DfvkXr1HuLo1OWNjfYSkjM2SUZgEP3BSCHmD9cOpCgSxN5nV+LeV7CNCZl5C8zAMPQIDAQABo0gwRjAMBgMqAwQBAf8EAgUAMAwG\
        A1UdEwEB/wQCMAAwCQYDKgMFBAIFADAdBgNVHQ4EFgQUQDbs5aMlToti2yQuWhfXGh3lPi8wDQYJKoZIhvcNAQELBQADQQCIpFoh\
        /Go06HILfqwQm3n1USV1ddMNli4OdNZ60hknlC/3DI/pHf56IHEU6/4iMvx/hNjASZ9jUpDOcVTlKlmm";

    /// Version 1, the same key.
    const FIRST: &str = "\
        MIIBFDCBvwIUSBqJvIOUKSkgrkTgJKeUOtwtiSswDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjYxMzM2NTVa\
        Fw0zNjExMjMxMzM2NTVaMAwxCjAIBgNVBAMMAXgwXDANBgkqhkiG9w0BAQEFAANLADBIAkEAmWP0cYKyVA9u6Lc+Xa3hDfvkXr1H\
        uLo1OWNjfYSkjM2SUZgEP3BSCHmD9cOpCgSxN5nV+LeV7CNCZl5C8zAMPQIDAQABMA0GCSqGSIb3DQEBCwUAA0EAcalb3bfSz0cg\
        N/vj2eblfNErH5HbfWBqMebXFm2rvZe79Saw2wHVVCQ+VbyL1hZd9plpOxFnkpkZ5hD3qDBJqw==";

    fn der(text: &str) -> Vec<u8> {
        base64::engine::general_purpose::STANDARD.decode(text).unwrap()
    }

    #[test]
    fn what_is_wrong() {
        let small = "its RSA key has 512 bits, and at least 2048 are needed";
        assert_eq!(objections(&der(EXTENDED)), [small, "its critical extension 1.2.3.4 is not understood"]);
        assert_eq!(objections(&der(FIRST)), ["it has version 1, and only version 3 can be verified", small]);
    }

    #[test]
    fn damaged_ones() {
        let whole = der(EXTENDED);
        for length in 0..whole.len() {
            assert_eq!(objections(&whole[..length]), ["it cannot be read"]);
        }
        // Any byte may be any other: there is an answer.
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                objections(&changed);
            }
        }
        assert_eq!([bit_length(&[]), bit_length(&[0, 0]), bit_length(&[0, 1, 0])], [0, 0, 9]);
    }
}
