//! One attempt at one server.

use super::config::Config;
use super::connect_error as why;
use super::error::Problem;
use super::info::Info;
use super::pool::ServerEntry;
use super::url::Scheme;
use super::{auth, transport};
use async_nats::{Client, ConnectOptions, ReconnectToServer, ServerAddr, ServerInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Stands for "no limit"; tokio's timers do not reach much further.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Messages a subscription may lag behind inside the wire library, which drops what exceeds it.
/// Far above what our draining tasks can lag; the real limits are those of the subscription's own queue.
const SUBSCRIPTION_CAPACITY: usize = 1 << 20;

/// Commands that may wait inside the wire library.
const CLIENT_CAPACITY: usize = 1024;

/// Nobody listens here: the wire library's own reconnection, which cannot be switched off, ends at once.
const DEAD: &str = "nats://127.0.0.1:0";

/// An established connection.
pub(super) struct Link {
    /// The wire library's client.
    pub client: Client,
    /// Its events; the end of the channel is the end of the connection.
    pub events: UnboundedReceiver<async_nats::Event>,
    /// The server's INFO.
    pub info: Info,
}

/// Connects to a server: look-up, TCP, TLS and NATS handshake. `other_names` may stand in its certificate, too; `warn`
/// hears of files that can be used in part only.
///
/// # Errors
/// Those of the contract's table of asynchronous errors.
pub(super) async fn attempt(
    entry: &ServerEntry,
    scheme: Scheme,
    config: &Config,
    other_names: &[String],
    warn: transport::Warn<'_>,
) -> Result<Link, Problem> {
    let address = entry.address();
    if config.secure && scheme == Scheme::Ws {
        return Err(why::no_tls(&address));
    }
    let limit = match config.connect_timeout {
        Duration::ZERO => FOREVER,
        limit => limit,
    };
    let started = Instant::now();
    let (events_tx, events) = unbounded_channel();
    let tls = transport::client_config(&config.tls, other_names, warn).map_err(|reason| why::tls_failed(&address, &reason))?;
    let options = options(scheme, config).tls_client_config(tls).event_callback(move |event| {
        let events_tx = events_tx.clone();
        async move {
            // Nobody listens any more: the session is over.
            let _ = events_tx.send(event);
        }
    });
    let (options, has_credentials) = auth::apply(options, &entry.auth, config)?;
    look_up(entry, &address, limit).await?;
    let real: ServerAddr = format!("{}://{address}{}", scheme.as_str(), entry.path)
        .parse()
        .map_err(|e: std::io::Error| why::refused(&address, &e.to_string()))?;
    let dead: ServerAddr = DEAD.parse().map_err(|e: std::io::Error| why::refused(&address, &e.to_string()))?;
    let servers = vec![real.clone(), dead.clone()];
    let first = AtomicBool::new(true);
    let options = options.reconnect_to_server_callback(move |_, _| {
        let addr = if first.swap(false, Ordering::Relaxed) { real.clone() } else { dead.clone() };
        async move {
            let delay = Some(Duration::ZERO);
            Some(ReconnectToServer { addr, delay })
        }
    });
    // In a task of its own: a panic of the wire library would unwind through us.
    let task = tokio::spawn(options.connect(servers));
    let left = limit.saturating_sub(started.elapsed());
    match tokio::time::timeout(left, task).await {
        Err(_) => Err(why::timeout(&address)),
        Ok(Err(_panicked)) => Err(why::protocol(&address)),
        Ok(Ok(Err(error))) => Err(why::translate(&error, &address, has_credentials)),
        Ok(Ok(Ok(client))) => {
            let info = info(client.server_info());
            Ok(Link { client, events, info })
        }
    }
}

/// The look-up by itself: the wire library's time limit does not cover it, and its failure has an error of its own.
async fn look_up(entry: &ServerEntry, address: &str, limit: Duration) -> Result<(), Problem> {
    let look_up = tokio::net::lookup_host((entry.host.as_str(), entry.port));
    match tokio::time::timeout(limit, look_up).await {
        Err(_) => Err(why::refused(address, "the host name look-up timed out")),
        Ok(Err(e)) => Err(why::refused(address, &e.to_string())),
        Ok(Ok(mut found)) => match found.next() {
            Some(_) => Ok(()),
            None => Err(why::refused(address, "the host name has no address")),
        },
    }
}

fn options(scheme: Scheme, config: &Config) -> ConnectOptions {
    let mut options = ConnectOptions::new()
        .connection_timeout(FOREVER)
        .ping_interval(FOREVER)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .client_capacity(CLIENT_CAPACITY)
        .ignore_discovered_servers()
        .retain_servers_order()
        .max_reconnects(1)
        .reconnect_delay_callback(|_| Duration::ZERO)
        .skip_subject_validation(true)
        .require_tls(config.secure || scheme == Scheme::Tls);
    if !config.name.is_empty() {
        options = options.name(&config.name);
    }
    if !config.echo {
        options = options.no_echo();
    }
    if config.tls_first {
        options = options.tls_first();
    }
    options
}

fn info(i: ServerInfo) -> Info {
    let text = |s: String| (!s.is_empty()).then_some(s);
    Info {
        server_id: text(i.server_id),
        server_name: text(i.server_name),
        version: text(i.version),
        go: text(i.go),
        proto: i64::from(i.proto),
        host: text(i.host),
        port: i.port,
        max_payload: i.max_payload,
        client_id: (i.client_id != 0).then_some(i.client_id),
        client_ip: text(i.client_ip),
        headers: i.headers,
        auth_required: i.auth_required,
        tls_required: i.tls_required,
        jetstream: i.jetstream,
        nonce: text(i.nonce),
        ldm: i.lame_duck_mode,
        connect_urls: i.connect_urls,
        cluster: i.cluster,
        domain: i.domain,
    }
}
