//! Files with certificates and keys.

use super::ec_key;
use super::pem;
use super::target::Warn;
use crate::engine::user_files;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls;

/// Description of the keys that can sign.
const KEYS: &str = "it is damaged, or of another kind than RSA with 2048 to 4096 bits, P-256, P-384 and Ed25519";

/// A certificate and the line of its file where it begins.
struct Found {
    line: usize,
    certificate: CertificateDer<'static>,
}

/// The content of a file.
///
/// # Errors
/// A text that names the file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    user_files::bytes(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Error text for a file or folder without a usable certificate.
pub(super) fn nothing(path: &Path, file: &[u8]) -> String {
    format!("{}: no certificate found that can be used{}", path.display(), pem::instead(file))
}

/// The certificates in the bytes of a file; warns of each that cannot be read.
fn certificates(file: &[u8], path: &Path, warn: Warn<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for block in pem::blocks(file).iter().filter(|block| pem::is_certificate(block)) {
        match pem::certificate(block) {
            Ok(der) => found.push(Found { line: block.line, certificate: der.to_vec().into() }),
            Err(reason) => left_out(path, block.line, reason, warn),
        }
    }
    found
}

/// The certificates in the bytes of a file that can be trusted; warns of each that cannot be used.
pub(super) fn authorities(file: &[u8], path: &Path, warn: Warn<'_>) -> Vec<CertificateDer<'static>> {
    let mut trusted = Vec::new();
    for Found { line, certificate } in certificates(file, path, warn) {
        match webpki::anchor_from_trusted_cert(&certificate) {
            Ok(_) => trusted.push(certificate),
            Err(error) => left_out(path, line, &format!("it cannot be understood ({error})"), warn),
        }
    }
    trusted
}

fn left_out(path: &Path, line: usize, reason: &str, warn: Warn<'_>) {
    warn(format!("{}: the certificate at line {line} is left out: {reason}", path.display()));
}

/// A client certificate with the chain behind it, and its key.
///
/// # Errors
/// A text that names the file and what is wrong with it.
pub(super) fn identity(cert: &Path, key: &Path, provider: &Arc<CryptoProvider>, warn: Warn<'_>) -> Result<CertifiedKey, String> {
    let file = read(cert)?;
    let found = certificates(&file, cert, warn);
    if found.is_empty() {
        return Err(nothing(cert, &file));
    }
    let chain: Vec<CertificateDer<'static>> = found.into_iter().map(|f| f.certificate).collect();
    let der = private_key(key)?;
    let completed = ec_key::completed(&der, &chain[0]);
    let load = |der| provider.key_provider.load_private_key(der);
    let signing = match (load(der), completed) {
        (Ok(signing), _) => signing,
        (Err(_), None) => return Err(format!("{}: the key cannot be used: {KEYS}", key.display())),
        (Err(_), Some(completed)) => load(completed).map_err(|_| {
            format!("the key in {} is not that of the certificate in {}, or it is damaged", key.display(), cert.display())
        })?,
    };
    let identity = CertifiedKey::new(chain, signing);
    match identity.keys_match() {
        // A certificate that cannot be understood here, such as one of version 1, is for the server to judge.
        Ok(())
        | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown) | rustls::Error::InvalidCertificate(_)) => {
            Ok(identity)
        }
        Err(_) => Err(format!("the key in {} is not that of the certificate in {}", key.display(), cert.display())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let shown = path.display();
    let file = read(path)?;
    for block in pem::blocks(&file) {
        if !block.label.ends_with("PRIVATE KEY") {
            continue;
        }
        if block.encrypted {
            return Err(format!("{shown}: the key is protected by a password, which is not supported"));
        }
        let der = block.der.map_err(|reason| format!("{shown}: the key at line {}: {reason}", block.line))?;
        return match block.label.as_str() {
            "PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs8(der.into())),
            "RSA PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs1(der.into())),
            "EC PRIVATE KEY" => Ok(PrivateKeyDer::Sec1(der.into())),
            other => Err(format!("{shown}: keys of the kind {other} are not supported")),
        };
    }
    Err(format!("{shown}: no private key found{}", pem::instead(&file)))
}
