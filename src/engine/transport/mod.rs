//! A byte stream to one server: TCP, TLS over TCP, WebSocket over either.
//!
//! [`open`] makes it, [`secure`] puts TLS on it where the server asks for that only in its INFO.

mod der;
mod dial;
mod files;
mod pem;
mod stream;
mod tls;
mod verifier;
mod websocket;
mod x509;

pub(in crate::engine) use stream::Stream;

use super::cause;
use super::config::Config;
use super::error::Problem;
use super::url::{self, Scheme};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Takes a text for the log: something is not as it should be, and the work goes on.
pub(in crate::engine) type Warn<'a> = &'a (dyn Fn(String) + Send + Sync);

/// What to reach, and how.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Target<'a> {
    /// Name or address, without brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Decides on TLS and WebSocket.
    pub scheme: Scheme,
    /// Path and query of a WebSocket URL; empty is `/`.
    pub path: &'a str,
    /// Credentials are not looked at here.
    pub config: &'a Config,
    /// Names that may stand in the certificate besides the host.
    pub other_names: &'a [String],
    /// When the caller's patience ends, if ever. The caller is the one who ends all: `timeout_at(deadline, ...)` around
    /// `open` and what follows. It stands here so that a look-up or several addresses without an answer get a text of their own.
    pub deadline: Option<Instant>,
    /// Hears of certificates that cannot be used.
    pub warn: Warn<'a>,
}

impl Target<'_> {
    /// `host:port` for texts.
    pub fn address(&self) -> String {
        url::address(self.host, self.port)
    }
}

/// Connects: look-up, TCP to one of the addresses, TLS if the URL or `-tls_first` says so, the WebSocket upgrade.
///
/// # Errors
/// Those of the contract's table of asynchronous errors.
pub(in crate::engine) async fn open(target: &Target<'_>) -> Result<Stream, Problem> {
    if target.config.secure && target.scheme == Scheme::Ws {
        return Err(cause::no_tls(&target.address()));
    }
    let tcp = dial::dial(target).await?;
    match target.scheme {
        Scheme::Nats | Scheme::Tls if target.config.tls_first => Ok(Stream::Tls(Box::new(handshake(tcp, target).await?))),
        Scheme::Nats | Scheme::Tls => Ok(Stream::Tcp(tcp)),
        Scheme::Ws => Ok(Stream::Ws(Box::new(websocket::upgrade(tcp, target).await?))),
        Scheme::Wss => {
            let tls = handshake(tcp, target).await?;
            Ok(Stream::Wss(Box::new(websocket::upgrade(tls, target).await?)))
        }
    }
}

/// Puts TLS on a plain TCP stream; any other is given back as it is: TLS inside of a WebSocket does not exist.
///
/// # Errors
/// `ErrTLS`, `ErrSecureConnWanted`, or what ended the socket.
pub(in crate::engine) async fn secure(stream: Stream, target: &Target<'_>) -> Result<Stream, Problem> {
    match stream {
        Stream::Tcp(tcp) => Ok(Stream::Tls(Box::new(handshake(tcp, target).await?))),
        other => Ok(other),
    }
}

async fn handshake(tcp: TcpStream, target: &Target<'_>) -> Result<TlsStream<TcpStream>, Problem> {
    let address = target.address();
    let tls = &target.config.tls;
    let failed = |reason: String| cause::tls_failed(&address, &reason);
    let config = tls::client_config(tls, target.other_names, target.warn).map_err(failed)?;
    let name = tls::name_to_ask_for(tls, target.host).map_err(failed)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, tcp).await.map_err(|e| cause::of_io(&e, &address))
}
