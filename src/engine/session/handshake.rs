//! The handshake with a server of the pool, until the PONG that makes it a connection.

use super::credentials::{credentials, reads_files};
use super::input::Input;
use crate::engine::cause;
use crate::engine::config::{Config, Losses};
use crate::engine::error::{Code, Problem};
use crate::engine::pool::ServerEntry;
use crate::engine::server_error::classify;
use crate::engine::transport::{self, Stream, Target};
use crate::engine::url::Scheme;
use crate::engine::user_files::aside;
use crate::engine::wire::connect::{self, Connect, Credentials};
use crate::engine::wire::info::Info;
use crate::engine::wire::parse::Op;
use crate::engine::wire::{encode, header};
use std::io;
use tokio::io::AsyncWriteExt;

/// Error text for a file that could not be read in time.
const TOO_LATE: &str = "The file with the credentials cannot be read: nothing came in time";

/// An established connection.
pub(in crate::engine) struct Link {
    /// The byte stream.
    pub stream: Stream,
    /// Bytes that came behind the PONG.
    pub input: Input,
    /// The server's latest INFO.
    pub info: Info,
}

/// Connects to a server: socket, INFO, TLS, CONNECT, PING, and waits for the PONG. The caller limits its time.
///
/// # Errors
/// Those of docs/core.md, "Asynchronous".
pub(in crate::engine) async fn establish(target: &Target<'_>, entry: &ServerEntry) -> Result<Link, Problem> {
    let (config, address) = (target.config, target.address());
    let mut stream = transport::open(target).await?;
    let mut input = Input::new();
    let mut info = first_info(&mut stream, &mut input, &address, config.losses).await?;
    let wanted = config.secure || matches!(target.scheme, Scheme::Tls | Scheme::Wss);
    if !stream.is_secure() && !stream.is_websocket() && (wanted || info.tls_required) {
        if !info.tls_required && !info.tls_available {
            return Err(cause::no_tls(&address));
        }
        // Bytes that came in clear text must not be taken for bytes that came under TLS.
        if !input.is_empty() {
            return Err(cause::protocol(&address));
        }
        stream = transport::secure(stream, target).await?;
    }
    let credentials = match info.auth_required {
        true if reads_files(config) => {
            let (auth, config, nonce) = (entry.auth.clone(), config.clone(), info.nonce.clone());
            let read = aside(target.deadline, move || credentials(&auth, &config, nonce.as_deref()));
            read.await.unwrap_or_else(|| Err(Problem::new(Code::Authorization, TOO_LATE)))?
        }
        true => credentials(&entry.auth, config, info.nonce.as_deref())?,
        false => Credentials::default(),
    };
    let mut hello = Vec::new();
    let secure = stream.is_secure();
    connect::write(&mut hello, &introduction(config, &info, secure, &credentials));
    hello.extend_from_slice(encode::PING);
    let sent = async {
        stream.write_all(&hello).await?;
        stream.flush().await
    };
    // A server that has already refused may have closed: its error tells more than that of the socket.
    let sent = sent.await;
    loop {
        match next(&mut stream, &mut input, &address).await? {
            Said::Pong => return Ok(Link { stream, input, info }),
            Said::Info(later) => info = *later,
            Said::Nothing => (),
            Said::Ping => stream.write_all(encode::PONG).await.map_err(|e| cause::of_io(&e, &address))?,
            Said::Error(problem) if problem.code == Code::Authorization && info.auth_required && credentials.is_empty() => {
                let text = format!("No credentials known for NATS server at {address}");
                return Err(Problem::new(Code::Authorization, text));
            }
            Said::Error(problem) => return Err(problem),
            Said::End(e) => {
                let error = sent.err().or(e);
                return Err(error.map_or_else(|| cause::broken(&address), |e| cause::of_loss(&e, &address, config.losses)));
            }
        }
    }
}

fn introduction<'a>(config: &'a Config, info: &Info, secure: bool, credentials: &'a Credentials) -> Connect<'a> {
    Connect {
        verbose: config.verbose,
        pedantic: config.pedantic,
        tls_required: secure,
        name: &config.name,
        echo: config.echo,
        headers: info.headers,
        credentials,
    }
}

async fn first_info(stream: &mut Stream, input: &mut Input, address: &str, losses: Losses) -> Result<Info, Problem> {
    match next(stream, input, address).await? {
        Said::Info(info) => Ok(*info),
        Said::Error(problem) => Err(problem),
        Said::End(e) => Err(e.map_or_else(|| cause::broken(address), |e| cause::of_loss(&e, address, losses))),
        Said::Pong | Said::Ping | Said::Nothing => Err(cause::protocol(address)),
    }
}

/// A line of a server before the connection is made.
enum Said {
    Info(Box<Info>),
    Error(Problem),
    Ping,
    Pong,
    Nothing,
    End(Option<io::Error>),
}

async fn next(stream: &mut Stream, input: &mut Input, address: &str) -> Result<Said, Problem> {
    loop {
        match input.next() {
            Ok(Some(Op::Message(..) | Op::Large(_))) => return Err(cause::protocol(address)),
            Err(_) => return Err(cause::invalid(input.line())),
            Ok(Some(Op::Info(json))) => {
                let info = Info::parse(json).ok_or_else(|| cause::protocol(address))?;
                return Ok(Said::Info(Box::new(info)));
            }
            Ok(Some(Op::Error(text))) => {
                let text = header::text(text);
                // A bare -ERR is no refusal on which anybody could act.
                return if text.is_empty() { Err(cause::protocol(address)) } else { Ok(Said::Error(classify(&text).into())) };
            }
            Ok(Some(Op::Ping)) => return Ok(Said::Ping),
            Ok(Some(Op::Pong)) => return Ok(Said::Pong),
            Ok(Some(Op::Ok)) => return Ok(Said::Nothing),
            Ok(None) => match input.read(stream).await {
                Ok(0) => return Ok(Said::End(None)),
                Ok(_) => (),
                // What a server says that is asked for TLS and has none shows itself only here.
                Err(e) => return Ok(Said::End(Some(e))),
            },
        }
    }
}
