//! Why a connection attempt failed, in the terms of the contract.

use super::cause::{find, of_tls, root};
use super::error::{Code, Problem};
use super::server_error::{Verdict, classify};
use async_nats::rustls;
use async_nats::{ConnectError, ConnectErrorKind, ServerError};
use std::io;

pub(super) use super::cause::{broken, no_tls, protocol, refused, timeout, tls_failed};

/// Translates the wire library's error for an attempt at `address` (`host:port`).
/// `credentials`: some were known.
pub(super) fn translate(error: &ConnectError, address: &str, credentials: bool) -> Problem {
    if let Some(tls) = find::<rustls::Error>(error) {
        return of_tls(tls, address);
    }
    if let Some(server) = find::<ServerError>(error) {
        let problem = server_problem(server);
        if problem.code == Code::Authorization && !credentials {
            let text = format!("No credentials known for NATS server at {address}");
            return Problem::new(Code::Authorization, text);
        }
        return problem;
    }
    let reason = root(error).to_string();
    match error.kind() {
        ConnectErrorKind::TimedOut => timeout(address),
        ConnectErrorKind::Dns => refused(address, &reason),
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            let text = format!("Cannot authenticate to {address}: {reason}");
            Problem::new(Code::Authorization, text)
        }
        ConnectErrorKind::Tls => tls_failed(address, &tls_reason(&reason)),
        ConnectErrorKind::ServerParse => refused(address, &reason),
        ConnectErrorKind::MaxReconnects => refused(address, &reason),
        ConnectErrorKind::Io => io_problem(error, address, &reason),
    }
}

fn server_problem(error: &ServerError) -> Problem {
    let text = match error {
        ServerError::AuthorizationViolation => "authorization violation",
        ServerError::Other(text) => text,
        ServerError::SlowConsumer(_) => "slow consumer",
    };
    match classify(text) {
        Verdict::Fatal(p)
        | Verdict::InvalidSubject(p)
        | Verdict::BadSubject(p)
        | Verdict::Other(p)
        | Verdict::Permission { problem: p, .. } => p,
    }
}

fn tls_reason(reason: &str) -> String {
    if reason.contains("platform certs") {
        format!("{reason} (do SSL_CERT_FILE and SSL_CERT_DIR name what exists?)")
    } else {
        reason.to_string()
    }
}

fn io_problem(error: &ConnectError, address: &str, reason: &str) -> Problem {
    if reason.starts_with("expected INFO, got nothing") || reason == "broken pipe" {
        return broken(address);
    }
    if let Some(got) = reason.strip_prefix("expected INFO, got ") {
        // A server may refuse before its INFO; only the debug form of its words is there to be read.
        let said = got.strip_prefix("Error(Other(\"").and_then(|t| t.strip_suffix("\"))"));
        return match said {
            Some(text) if !text.is_empty() => server_problem(&ServerError::Other(text.to_string())),
            _ => protocol(address),
        };
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => protocol(address),
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => broken(address),
        Some(io::ErrorKind::TimedOut) => timeout(address),
        Some(_) => refused(address, reason),
        // No socket error: what the WebSocket handshake did not understand.
        None => protocol(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(source: io::Error) -> ConnectError {
        ConnectError::with_source(ConnectErrorKind::Io, source)
    }

    fn code(error: ConnectError) -> Code {
        translate(&error, "h:1", true).code
    }

    #[test]
    fn io_errors() {
        let kind = |k: io::ErrorKind| code(io_error(k.into()));
        assert_eq!(kind(io::ErrorKind::ConnectionRefused), Code::ConnectionRefused);
        assert_eq!(kind(io::ErrorKind::HostUnreachable), Code::ConnectionRefused);
        assert_eq!(kind(io::ErrorKind::ConnectionReset), Code::BrokenSocket);
        assert_eq!(kind(io::ErrorKind::InvalidInput), Code::Protocol);
        let text = |t: &'static str| code(ConnectError::with_source(ConnectErrorKind::Io, t));
        assert_eq!(text("expected INFO, got nothing"), Code::BrokenSocket);
        assert_eq!(text("expected INFO, got Ping"), Code::Protocol);
        assert_eq!(text("expected INFO, got Error(Other(\"\"))"), Code::Protocol);
        assert_eq!(text("expected INFO, got Error(Other(\"full\"))"), Code::Server);
        assert_eq!(text("broken pipe"), Code::BrokenSocket);
    }

    #[test]
    fn tls_inside_io() {
        let wrap = |e: rustls::Error| io_error(io::Error::new(io::ErrorKind::InvalidData, e));
        let bad = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let problem = translate(&wrap(bad), "h:1", true);
        assert_eq!(problem.code, Code::Tls);
        assert!(problem.text.contains("certificate verify failed"));
        let plain = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(translate(&wrap(plain), "h:1", true).text, "Server h:1 does not provide TLS");
    }

    #[test]
    fn refusals() {
        let refusal = || ConnectError::with_source(ConnectErrorKind::AuthorizationViolation, ServerError::AuthorizationViolation);
        assert_eq!(translate(&refusal(), "h:1", true).text, "authorization violation");
        assert_eq!(translate(&refusal(), "h:1", false).text, "No credentials known for NATS server at h:1");
        let expired = ServerError::Other("User Authentication Expired".into());
        assert_eq!(code(ConnectError::with_source(ConnectErrorKind::Io, expired)), Code::AuthExpired);
    }
}
