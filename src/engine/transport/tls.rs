//! TLS: trust, client certificates, and the names a certificate may carry.

use super::Warn;
use crate::engine::config::TlsConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio_rustls::rustls;

/// Builds the client configuration. `other_names`: names that are accepted besides the host,
/// for servers that are known by address only.
///
/// # Errors
/// A text that names the file and what is wrong with it.
pub(in crate::engine) fn client_config(tls: &TlsConfig, other_names: &[String], _warn: Warn<'_>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        trust: trust(tls, &provider)?,
        names: names(tls, other_names)?,
        only_names: tls.servername.is_some(),
        provider: provider.clone(),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match (&tls.certfile, &tls.keyfile) {
        (Some(cert), key) => {
            // A certificate file may hold the key as well.
            let key = load_key(key.as_ref().unwrap_or(cert))?;
            builder
                .with_client_auth_cert(load_certs(cert)?, key)
                .map_err(|e| format!("client certificate {}: {e}", cert.display()))
        }
        (None, Some(key)) => Err(format!("{} has no certificate (-certfile)", key.display())),
        (None, None) => Ok(builder.with_no_client_auth()),
    }
}

/// The name that the server is asked for (SNI) and whose certificate is looked for first.
///
/// # Errors
/// A text if there is none that TLS could use.
pub(super) fn name_to_ask_for(tls: &TlsConfig, host: &str) -> Result<ServerName<'static>, String> {
    let name = tls.servername.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_string()).map_err(|_| format!("{name} is not a server name"))
}

fn names(tls: &TlsConfig, others: &[String]) -> Result<Vec<ServerName<'static>>, String> {
    match &tls.servername {
        Some(name) => match ServerName::try_from(name.clone()) {
            Ok(name) => Ok(vec![name]),
            Err(_) => Err(format!("{name} is not a server name")),
        },
        None => {
            let valid = |n: &String| ServerName::try_from(n.clone()).ok();
            Ok(others.iter().filter_map(valid).collect())
        }
    }
}

fn trust(tls: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<Trust, String> {
    if !tls.require {
        return Ok(Trust::Anything);
    }
    if tls.cafile.is_none() && tls.cadir.is_none() {
        return Ok(Trust::System(OnceLock::new()));
    }
    let mut roots = RootCertStore::empty();
    if let Some(file) = &tls.cafile {
        for cert in load_certs(file)? {
            roots.add(cert).map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    if let Some(dir) = &tls.cadir {
        let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        for path in entries.flatten().map(|e| e.path()).filter(|p| p.is_file()) {
            // Such folders hold other files, too.
            if let Ok(certs) = load_certs(&path) {
                roots.add_parsable_certificates(certs);
            }
        }
    }
    Ok(Trust::Roots(webpki(roots, provider)?))
}

fn webpki(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|e| format!("no trusted certificates: {e}"))
}

fn load_certs(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certs = CertificateDer::pem_file_iter(path)
        .and_then(|certs| certs.collect::<Result<Vec<_>, _>>())
        .map_err(|e| format!("{}: {e}", path.display()))?;
    if certs.is_empty() {
        return Err(format!("{}: no certificate found", path.display()));
    }
    Ok(certs)
}

fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|e| format!("{shown}: {e}"))?;
    let encrypted = text.windows(9).any(|w| w == b"ENCRYPTED");
    PrivateKeyDer::from_pem_slice(&text).map_err(|e| {
        if encrypted {
            format!("{shown}: the key is protected by a password, which is not supported")
        } else {
            format!("{shown}: {e}")
        }
    })
}

/// Whom to trust.
#[derive(Debug)]
enum Trust {
    /// Any certificate.
    Anything,
    /// The given CA certificates.
    Roots(Arc<WebPkiServerVerifier>),
    /// The system's, read when the first certificate has to be verified: most servers have no TLS.
    System(OnceLock<Result<Arc<WebPkiServerVerifier>, String>>),
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    names: Vec<ServerName<'static>>,
    /// Look for `names` instead of the host.
    only_names: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn webpki(&self) -> Result<Option<&Arc<WebPkiServerVerifier>>, Error> {
        match &self.trust {
            Trust::Anything => Ok(None),
            Trust::Roots(v) => Ok(Some(v)),
            Trust::System(cell) => {
                let loaded = cell.get_or_init(|| {
                    let mut roots = RootCertStore::empty();
                    let found = rustls_native_certs::load_native_certs();
                    roots.add_parsable_certificates(found.certs);
                    webpki(roots, &self.provider)
                });
                match loaded {
                    Ok(v) => Ok(Some(v)),
                    Err(text) => Err(Error::General(format!("certificate verify failed: the system's certificates: {text}"))),
                }
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
        let Some(webpki) = self.webpki()? else {
            return Ok(ServerCertVerified::assertion());
        };
        let verify = |name: &ServerName<'_>| webpki.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
        let mut result = if self.only_names { Err(CertificateError::NotValidForName.into()) } else { verify(server_name) };
        for name in &self.names {
            if !is_wrong_name(&result) {
                break;
            }
            result = verify(name);
        }
        result
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_wrong_name(result: &Result<ServerCertVerified, Error>) -> bool {
    matches!(
        result,
        Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
    )
}
