//! Reasons why a connection to a server could not be made or has ended, as the errors of docs/core.md, "Asynchronous".
//!
//! They are decided by the types of errors alone; `address` is `host:port` for the text.

use super::config::Losses;
use super::der::{OID, all, dotted};
use super::error::{Code, Problem};
use super::wire::header;
use std::error::Error;
use std::io;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

/// `ErrConnectionTimeout`
pub(super) fn timeout(address: &str) -> Problem {
    Problem::new(Code::ConnectionTimeout, format!("Connection timeout for {address}"))
}

/// `ErrConnectionRefused`
pub(super) fn refused(address: &str, reason: &str) -> Problem {
    let text = format!("Failed to connect to {address}: {reason}");
    Problem::new(Code::ConnectionRefused, text)
}

/// `ErrTLS`
pub(super) fn tls_failed(address: &str, reason: &str) -> Problem {
    let text = format!("TLS handshake with server {address} failed: {reason}");
    Problem::new(Code::Tls, text)
}

/// `ErrSecureConnWanted`
pub(super) fn no_tls(address: &str) -> Problem {
    let text = format!("Server {address} does not provide TLS");
    Problem::new(Code::SecureConnWanted, text)
}

/// `ErrProtocol`
pub(super) fn protocol(address: &str) -> Problem {
    let text = format!("Server {address} does not speak the NATS protocol");
    Problem::new(Code::Protocol, text)
}

/// Length of the part that is shown of a line that cannot be understood.
const SHOWN: usize = 200;

/// `ErrProtocol` of a line that cannot be understood.
pub(super) fn invalid(line: &[u8]) -> Problem {
    let line = header::text(line.trim_ascii_end());
    let shown: String = line.chars().take(SHOWN).collect();
    Problem::new(Code::Protocol, format!("Invalid protocol {shown}"))
}

/// `ErrProtocol` of a gateway that answers the WebSocket upgrade with another HTTP status.
pub(super) fn no_upgrade(address: &str, status: u16) -> Problem {
    let text = format!("Server {address} refused the WebSocket upgrade with HTTP status {status}");
    Problem::new(Code::Protocol, text)
}

/// `ErrBrokenSocket`
pub(super) fn broken(address: &str) -> Problem {
    let text = format!("Server {address} closed the connection");
    Problem::new(Code::BrokenSocket, text)
}

/// `ErrBrokenSocket` of a connection that was reset, if resets are told apart ([`Losses::tell_resets`]).
pub(super) fn reset(address: &str) -> Problem {
    Problem::new(Code::BrokenSocket, format!("Connection to {address} broken - ECONNRESET"))
}

/// A connection that was made and broke. It was not refused, whatever the system calls it.
pub(super) fn of_loss(error: &io::Error, address: &str, losses: Losses) -> Problem {
    if losses.tell_resets && error.kind() == io::ErrorKind::ConnectionReset && find::<rustls::Error>(error).is_none() {
        return reset(address);
    }
    match of_io(error, address) {
        problem if problem.code == Code::ConnectionRefused => broken(address),
        problem => problem,
    }
}

/// An error of a socket or of a layer on it: a TLS error may be inside.
pub(super) fn of_io(error: &io::Error, address: &str) -> Problem {
    if let Some(tls) = find::<rustls::Error>(error) {
        return of_tls(tls, address);
    }
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => protocol(address),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::WriteZero => broken(address),
        io::ErrorKind::TimedOut => timeout(address),
        _ => refused(address, &error.to_string()),
    }
}

/// An error of a TLS handshake or stream.
pub(super) fn of_tls(error: &rustls::Error, address: &str) -> Problem {
    match error {
        // A server without TLS sends clear text where a TLS record is expected.
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => no_tls(address),
        rustls::Error::InvalidCertificate(why) => tls_failed(address, &format!("certificate verify failed: {}", words(why))),
        rustls::Error::General(text) => tls_failed(address, text),
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => tls_failed(
            address,
            &format!("{error}: no protocol version, cipher or kind of key that both sides have; see \"TLS\" in docs/guide.md"),
        ),
        other => tls_failed(address, &other.to_string()),
    }
}

/// Description of what is wrong with a certificate.
pub(super) fn words(error: &CertificateError) -> String {
    let text = match error {
        CertificateError::BadEncoding => "the certificate cannot be read",
        CertificateError::Expired => "the certificate has expired",
        CertificateError::NotValidYet => "the certificate is not valid yet",
        CertificateError::Revoked => "the certificate was revoked",
        CertificateError::UnhandledCriticalExtension => "the certificate has a critical extension that is not known here",
        CertificateError::UnknownIssuer => "no trusted authority has issued the certificate",
        CertificateError::BadSignature => "a signature is not valid, or its key is of a kind that is not supported",
        CertificateError::NotValidForName => "the certificate is for another name",
        CertificateError::InvalidPurpose => "the certificate is not meant for servers",
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. } => {
            return format!("a certificate was signed with {}, which is not supported", algorithm(id));
        }
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { public_key_algorithm_id: id, .. } => {
            return format!("a certificate was signed by a key of the kind {}, which is not supported", algorithm(id));
        }
        other => match reason(other) {
            Some(webpki::Error::CaUsedAsEndEntity) => "the certificate is that of an authority, not of a server",
            Some(webpki::Error::EndEntityUsedAsCa) => "the certificate was issued by one that is not that of an authority",
            Some(webpki::Error::NameConstraintViolation) => "its authority may not issue certificates for the names in it",
            Some(webpki::Error::PathLenConstraintViolated) => "there are more authorities in between than one of them allows",
            Some(reason) => return format!("the certificate is refused ({reason})"),
            None => return other.to_string(),
        },
    };
    match reason(error) {
        Some(reason) => format!("{text} ({reason})"),
        None => format!("{text} ({error:?})"),
    }
}

/// Name of what an algorithm's identifiers in DER say, the last of which is the most telling.
fn algorithm(identifiers: &[u8]) -> String {
    let oid = all(identifiers).filter(|element| element.tag == OID).last().map(|element| dotted(element.content));
    match oid.as_deref() {
        Some("1.2.840.10045.4.1" | "1.2.840.113549.1.1.5" | "1.2.840.10040.4.3" | "1.3.14.3.2.29") => "SHA-1".to_string(),
        Some("1.2.840.113549.1.1.2" | "1.2.840.113549.1.1.4") => "MD2 or MD5".to_string(),
        Some("1.3.132.0.35") => "P-521".to_string(),
        Some("1.3.101.113") => "Ed448".to_string(),
        Some(other) => other.to_string(),
        None => "an algorithm that cannot be read".to_string(),
    }
}

/// Description of an error of the verifier for which TLS has no error of its own.
pub(super) fn reason(error: &CertificateError) -> Option<&webpki::Error> {
    match error {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

/// The next inner error; `source()` of an io error skips the one it wraps.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|e| e as &(dyn Error + 'static)),
        None => error.source(),
    }
}

/// The first error of a type in a chain of causes.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        at = inner(error);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_socket_errors() {
        let code = |kind: io::ErrorKind| of_io(&kind.into(), "h:1").code;
        assert_eq!(code(io::ErrorKind::ConnectionRefused), Code::ConnectionRefused);
        assert_eq!(code(io::ErrorKind::HostUnreachable), Code::ConnectionRefused);
        assert_eq!(code(io::ErrorKind::ConnectionReset), Code::BrokenSocket);
        assert_eq!(code(io::ErrorKind::UnexpectedEof), Code::BrokenSocket);
        assert_eq!(code(io::ErrorKind::TimedOut), Code::ConnectionTimeout);
        assert_eq!(code(io::ErrorKind::InvalidData), Code::Protocol);
    }

    #[test]
    fn algorithms() {
        assert_eq!(algorithm(&[6, 7, 42, 134, 72, 206, 61, 4, 1]), "SHA-1");
        assert_eq!(algorithm(&[6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 5, 43, 129, 4, 0, 35]), "P-521");
        assert_eq!(algorithm(&[6, 3, 42, 3, 4, 5, 0]), "1.2.3.4");
        assert_eq!(algorithm(&[]), "an algorithm that cannot be read");
    }

    #[test]
    fn tls_inside_a_socket_error() {
        let problem = |e: rustls::Error| of_io(&io::Error::new(io::ErrorKind::InvalidData, e), "h:1");
        let bad = problem(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert_eq!(bad.code, Code::Tls);
        let text = "TLS handshake with server h:1 failed: certificate verify failed: \
                    no trusted authority has issued the certificate (UnknownIssuer)";
        assert_eq!(bad.text, text);
        let plain = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(problem(plain).text, "Server h:1 does not provide TLS");
    }
}
