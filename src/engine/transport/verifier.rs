//! Who decides on the server's certificate.

use super::x509;
use crate::engine::cause;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
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

/// Whom to trust.
#[derive(Debug)]
pub(super) enum Trust {
    /// Any certificate (`-require 0`).
    ///
    /// The handshake's signature is not looked at either: it shows that the server has the key of its certificate, which
    /// means nothing where any certificate will do, and to check it the certificate would have to be understood.
    Anything,
    /// The given CA certificates.
    Roots(Arc<WebPkiServerVerifier>),
    /// The system's, read when the first certificate has to be verified: most servers have no TLS.
    System(OnceLock<Result<Arc<WebPkiServerVerifier>, String>>),
}

/// The verifier of a connection attempt.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Whom to trust.
    pub trust: Trust,
    /// Names that the certificate may have besides the one asked for.
    pub names: Vec<ServerName<'static>>,
    /// Look for `names` alone.
    pub only_names: bool,
    /// What can be computed.
    pub provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// The verifier for a set of authorities.
    ///
    /// # Errors
    /// A text if the set is empty.
    pub fn webpki(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|e| format!("no trusted certificates: {e}"))
    }

    /// Who verifies; `None` if nobody does.
    fn judge(&self) -> Result<Option<&Arc<WebPkiServerVerifier>>, Error> {
        match &self.trust {
            Trust::Anything => Ok(None),
            Trust::Roots(v) => Ok(Some(v)),
            Trust::System(cell) => {
                let loaded = cell.get_or_init(|| {
                    let mut roots = RootCertStore::empty();
                    let found = rustls_native_certs::load_native_certs();
                    roots.add_parsable_certificates(found.certs);
                    Verifier::webpki(roots, &self.provider)
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
        let verify = |name: &ServerName<'_>| judge.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
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
