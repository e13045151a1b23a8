//! The verification of the server's certificate.

use super::x509;
use crate::engine::cause;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::{Arc, OnceLock};
use tokio_rustls::rustls;

/// Signatures that cannot be verified here, but that a server may make if nobody is going to look at them.
const UNVERIFIABLE: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

/// The trusted authorities.
#[derive(Debug)]
pub(super) enum Trust {
    /// Any certificate (`-require 0`).
    ///
    /// The handshake's signature is not looked at either: it shows that the server has the key of its certificate, which
    /// means nothing where any certificate will do, and to check it the certificate would have to be understood.
    Anything,
    /// The given CA certificates.
    Roots(Authorities),
    /// The system's, read when the first certificate has to be verified: most servers have no TLS.
    System(OnceLock<Result<Authorities, String>>),
}

/// Certificates that are trusted.
#[derive(Debug)]
pub(super) struct Authorities {
    webpki: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Takes those that can be understood.
    ///
    /// # Errors
    /// A text if there is none.
    pub fn new(certificates: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Authorities, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        let webpki = built.map_err(|e| format!("no trusted certificates: {e}"))?;
        Ok(Authorities { webpki, certificates })
    }

    /// Whether a server shows one of the trusted certificates itself: one that it has signed for itself with the defaults
    /// of openssl, say, which is that of an authority and as such none for a server.
    fn are_shown(&self, error: &Error, end_entity: &CertificateDer<'_>) -> bool {
        // Dates have been looked at before it comes to this error; nothing has been signed that could be verified.
        let Error::InvalidCertificate(why) = error else { return false };
        cause::reason(why) == Some(&webpki::Error::CaUsedAsEndEntity) && self.certificates.iter().any(|c| c == end_entity)
    }
}

/// The verifier of a connection attempt.
#[derive(Debug)]
pub(super) struct Verifier {
    /// The trusted authorities.
    pub trust: Trust,
    /// Names that the certificate may have besides the one asked for.
    pub names: Vec<ServerName<'static>>,
    /// Look for `names` alone.
    pub only_names: bool,
    /// What can be computed.
    pub provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Who verifies; `None` if nobody does.
    fn judge(&self) -> Result<Option<&Authorities>, Error> {
        match &self.trust {
            Trust::Anything => Ok(None),
            Trust::Roots(v) => Ok(Some(v)),
            Trust::System(cell) => {
                let loaded = cell.get_or_init(|| {
                    let found = rustls_native_certs::load_native_certs();
                    Authorities::new(found.certs, &self.provider)
                });
                loaded.as_ref().map(Some).map_err(|text| {
                    Error::General(format!(
                        "certificate verify failed: the system's certificates: {text} \
                         (do SSL_CERT_FILE and SSL_CERT_DIR name what exists?)"
                    ))
                })
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(judge) = self.judge()? else {
            return Ok(ServerCertVerified::assertion());
        };
        let verify =
            |name: &ServerName<'_>| match judge.webpki.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
                Err(error) if judge.are_shown(&error, end_entity) => {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                    Ok(ServerCertVerified::assertion())
                }
                result => result,
            };
        let mut result = if self.only_names { Err(CertificateError::NotValidForName.into()) } else { verify(server_name) };
        for name in &self.names {
            if !is_wrong_name(&result) {
                break;
            }
            result = verify(name);
        }
        result.map_err(|error| explained(error, end_entity, intermediates))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if matches!(self.trust, Trust::Anything) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms).map_err(|error| explained(error, cert, &[]))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if matches!(self.trust, Trust::Anything) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms).map_err(|error| explained(error, cert, &[]))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        if matches!(self.trust, Trust::Anything) {
            schemes.extend(UNVERIFIABLE);
        }
        schemes
    }
}

fn is_wrong_name(result: &Result<ServerCertVerified, Error>) -> bool {
    matches!(
        result,
        Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
    )
}

/// Adds to an error what the certificates have that cannot be verified at all.
fn explained(error: Error, end_entity: &[u8], intermediates: &[CertificateDer<'_>]) -> Error {
    let Error::InvalidCertificate(why) = &error else { return error };
    let mut found: Vec<String> = x509::objections(end_entity).iter().map(|o| format!("the server's certificate: {o}")).collect();
    for issuer in intermediates {
        found.extend(x509::objections(issuer).iter().map(|o| format!("the certificate of an authority in its chain: {o}")));
    }
    if found.is_empty() {
        return error;
    }
    Error::General(format!("certificate verify failed: {}; {}", cause::words(why), found.join("; ")))
}
