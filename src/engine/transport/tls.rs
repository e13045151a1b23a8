//! TLS: trust, client certificates, and the names a certificate may carry.

use super::files;
use super::target::Warn;
use super::verifier::{Authorities, Trust, Verifier};
use crate::engine::config::TlsConfig;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio_rustls::rustls;

/// Builds the client configuration. `other_names`: names that are accepted besides the host,
/// for servers that are known by address only.
///
/// # Errors
/// A text that names the file and what is wrong with it.
pub(in crate::engine) fn client_config(tls: &TlsConfig, other_names: &[String], warn: Warn<'_>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        trust: trust(tls, &provider, warn)?,
        names: names(tls, other_names)?,
        only_names: tls.servername.is_some(),
        provider: provider.clone(),
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match (&tls.certfile, &tls.keyfile) {
        (Some(cert), key) => {
            // A certificate file may hold the key as well.
            let identity = files::identity(cert, key.as_ref().unwrap_or(cert), &provider, warn)?;
            Ok(builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))))
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
    match server_name(name) {
        // An address is never sent, and nobody is going to look at it.
        Err(_) if !tls.require => Ok(ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into())),
        result => result,
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_string()).map_err(|_| format!("{name} is not a server name"))
}

fn names(tls: &TlsConfig, others: &[String]) -> Result<Vec<ServerName<'static>>, String> {
    match &tls.servername {
        Some(name) if tls.require => Ok(vec![server_name(name)?]),
        Some(_) => Ok(Vec::new()),
        None => Ok(others.iter().filter_map(|name| server_name(name).ok()).collect()),
    }
}

fn trust(tls: &TlsConfig, provider: &Arc<CryptoProvider>, warn: Warn<'_>) -> Result<Trust, String> {
    if !tls.require {
        return Ok(Trust::Anything);
    }
    if tls.cafile.is_none() && tls.cadir.is_none() {
        return match in_environment(warn) {
            // The system's certificates then, or the error that there are none.
            found if found.is_empty() => Ok(Trust::System(OnceLock::new())),
            found => Ok(Trust::Roots(Authorities::new(found, provider)?)),
        };
    }
    let mut trusted = Vec::new();
    if let Some(file) = &tls.cafile {
        let bytes = files::read(file)?;
        trusted = files::authorities(&bytes, file, warn);
        if trusted.is_empty() {
            return Err(files::nothing(file, &bytes));
        }
    }
    if let Some(dir) = &tls.cadir {
        trusted.extend(in_folder(dir, |_| true, warn)?);
        if trusted.is_empty() {
            return Err(files::nothing(dir, &[]));
        }
    }
    Ok(Trust::Roots(Authorities::new(trusted, provider)?))
}

/// The certificates in files of a folder whose names are `wanted`.
fn in_folder(dir: &Path, wanted: fn(&OsStr) -> bool, warn: Warn<'_>) -> Result<Vec<CertificateDer<'static>>, String> {
    let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut trusted = Vec::new();
    for path in entries.flatten().filter(|e| wanted(&e.file_name())).map(|e| e.path()).filter(|p| p.is_file()) {
        // Such folders hold other files, too.
        let Ok(file) = files::read(&path) else { continue };
        trusted.extend(files::authorities(&file, &path, warn));
    }
    Ok(trusted)
}

/// Whether a file has the name by which OpenSSL looks a certificate up: the hash of its subject and a number. The same
/// certificates stand beside it under other names.
fn is_hashed(name: &OsStr) -> bool {
    let Some((hash, number)) = name.to_str().and_then(|name| name.split_once('.')) else { return false };
    hash.len() == 8
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// The certificates that the variables of OpenSSL name; they are read as those that a script names.
fn in_environment(warn: Warn<'_>) -> Vec<CertificateDer<'static>> {
    let mut trusted = Vec::new();
    if let Some(file) = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from) {
        match files::read(&file) {
            Ok(bytes) => trusted.extend(files::authorities(&bytes, &file, warn)),
            Err(text) => warn(format!("SSL_CERT_FILE: {text}")),
        }
    }
    let dirs = std::env::var_os("SSL_CERT_DIR").unwrap_or_default();
    for dir in std::env::split_paths(&dirs).filter(|dir| !dir.as_os_str().is_empty()) {
        match in_folder(&dir, is_hashed, warn) {
            Ok(found) => trusted.extend(found),
            Err(text) => warn(format!("SSL_CERT_DIR: {text}")),
        }
    }
    trusted
}
