//! A byte stream to one server: TCP, TLS over TCP, WebSocket over either.
//!
//! [`open`] makes it, [`secure`] puts TLS on it where the server asks for that only in its INFO.

mod ahead;
mod dial;
mod ec_key;
mod files;
mod pem;
mod shareable;
mod stream;
mod target;
mod tls;
mod upgrade;
mod verifier;
mod websocket;
mod x509;

pub(in crate::engine) use shareable::Shareable;
pub(in crate::engine) use stream::Stream;
pub(in crate::engine) use target::Target;

use super::cause;
use super::error::Problem;
use super::url::Scheme;
use super::{lock, user_files};
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Connects: look-up, TCP to one of the addresses, TLS if the URL or `-tls_first` says so, the WebSocket upgrade.
///
/// # Errors
/// Those of docs/core.md, "Asynchronous".
pub(in crate::engine) async fn open(target: &Target<'_>) -> Result<Stream, Problem> {
    if target.config.secure && target.scheme == Scheme::Ws {
        return Err(cause::no_tls(&target.address()));
    }
    let tcp = dial::dial(target).await?;
    match target.scheme {
        Scheme::Nats | Scheme::Tls if target.config.tls_first => Ok(Stream::Tls(Box::new(handshake(tcp, target).await?))),
        Scheme::Nats | Scheme::Tls => Ok(Stream::Tcp(tcp)),
        Scheme::Ws => Ok(Stream::Ws(Box::new(websocket::open(tcp, target).await?))),
        Scheme::Wss => {
            let tls = handshake(tcp, target).await?;
            Ok(Stream::Wss(Box::new(websocket::open(tls, target).await?)))
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
    let (options, names) = (tls.clone(), target.other_names.to_vec());
    let made = user_files::aside(target.deadline, move || {
        let warnings = Mutex::new(Vec::new());
        let made = tls::client_config(&options, &names, &|text| lock(&warnings).push(text));
        (made, warnings.into_inner().unwrap_or_default())
    });
    let Some((made, warnings)) = made.await else {
        return Err(failed("the files in -tls_opts cannot be read: nothing came in time".to_string()));
    };
    warnings.into_iter().for_each(target.warn);
    let config = made.map_err(failed)?;
    let name = tls::name_to_ask_for(tls, target.host).map_err(failed)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, tcp).await.map_err(|e| cause::of_io(&e, &address))
}
