//! TCP to a host that may have several addresses (RFC 8305).

use super::target::Target;
use crate::engine::cause;
use crate::engine::error::Problem;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

/// Head start of an address before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Time that stands for "no deadline"; tokio's timers do not reach much further.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Connects to the first of the host's addresses that answers.
///
/// # Errors
/// `ErrConnectionRefused` for a host without address or with none that can be reached, `ErrConnectionTimeout`; the text
/// names each address that failed if there are several.
pub(super) async fn dial(target: &Target<'_>) -> Result<TcpStream, Problem> {
    let address = target.address();
    let deadline = target.deadline.unwrap_or_else(|| Instant::now() + FOREVER);
    let found = match timeout_at(deadline, tokio::net::lookup_host((target.host, target.port))).await {
        Err(_) => return Err(cause::refused(&address, "the host name look-up timed out")),
        Ok(Err(e)) => return Err(cause::refused(&address, &e.to_string())),
        Ok(Ok(found)) => in_turn(found.collect()),
    };
    let mut failed = Vec::new();
    let connected = timeout_at(deadline, race(&found, &mut failed, connect)).await;
    match connected {
        Ok(Some(stream)) => {
            // A socket without it works too, but slower.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(None) => Err(all_failed(&address, &failed)),
        Err(_) if failed.is_empty() => Err(cause::timeout(&address)),
        Err(_) => Err(cause::timeout(&format!("{address} ({})", listed(&failed)))),
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    not_itself(TcpStream::connect(address).await?)
}

/// Refuses a connection of a socket to itself: on a port from which the system serves outgoing connections, a client that tries again and
/// again while no server is there gets one some day, which would keep the server from its port.
fn not_itself(stream: TcpStream) -> io::Result<TcpStream> {
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn all_failed(address: &str, failed: &[(SocketAddr, io::Error)]) -> Problem {
    match failed {
        [] => cause::refused(address, "the host name has no address"),
        [(_, error)] => cause::of_io(error, address),
        several if several.iter().all(|(_, e)| e.kind() == io::ErrorKind::TimedOut) => cause::timeout(address),
        several => cause::refused(address, &listed(several)),
    }
}

fn listed(failed: &[(SocketAddr, io::Error)]) -> String {
    let texts: Vec<String> = failed.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    texts.join("; ")
}

/// IPv6 and IPv4 alternately, beginning with the family that the system prefers, each address once.
fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = found.first().copied() else { return found };
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for address in found {
        let family = if address.is_ipv6() == first.is_ipv6() { &mut one } else { &mut other };
        if !family.contains(&address) {
            family.push(address);
        }
    }
    let mut other = other.into_iter();
    let mut ordered = Vec::new();
    for address in one {
        ordered.push(address);
        ordered.extend(other.next());
    }
    ordered.extend(other);
    ordered
}

/// Tries the addresses in their order, the next one as soon as one has failed or had its head start; the first that
/// connects wins. `None` if there is none; `failed` tells why, also if the future is dropped.
async fn race<S, F>(
    addresses: &[SocketAddr],
    failed: &mut Vec<(SocketAddr, io::Error)>,
    connect: impl Fn(SocketAddr) -> F,
) -> Option<S>
where
    F: Future<Output = io::Result<S>>,
{
    let attempt = |address: SocketAddr| {
        let connecting = connect(address);
        async move { (address, connecting.await) }
    };
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    running.push(attempt(waiting.next()?));
    loop {
        tokio::select! {
            biased;
            Some((address, result)) = running.next() => match result {
                Ok(stream) => return Some(stream),
                Err(error) => {
                    failed.push((address, error));
                    match waiting.next() {
                        Some(next) => running.push(attempt(next)),
                        None if running.is_empty() => return None,
                        None => (),
                    }
                }
            },
            () = sleep(HEAD_START), if waiting.len() > 0 => running.extend(waiting.next().map(attempt)),
        }
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
