//! The server pool: a queue whose current server is at its end. Knows no clock and no socket.

use super::config::Losses;
use super::error::Problem;
use super::url::{self, Scheme, UrlAuth};
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// A server of the pool, as scripts see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEntry {
    /// `nats`, `tls`, `ws` or `wss`.
    pub scheme: &'static str,
    /// Host as configured.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query of a WebSocket URL, otherwise empty. Scripts do not see it.
    pub path: String,
    /// Whether it was learnt from a server's INFO.
    pub discovered: bool,
    /// Number of failed attempts since the last success.
    pub reconnects: u64,
    /// Time of the last attempt, or of its failure (see [`Losses::wait_for_failed`]), in milliseconds since 1970 (0: never).
    pub last_attempt: u64,
    /// Credentials of the URL.
    pub auth: UrlAuth,
}

impl ServerEntry {
    /// `host:port` for texts.
    pub fn address(&self) -> String {
        url::address(&self.host, self.port)
    }
}

/// A server, with what only the engine needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Key that survives moves in the queue.
    pub id: u64,
    /// The public part.
    pub entry: ServerEntry,
    /// Scheme of the URL.
    pub scheme: Scheme,
    /// Time from which it is waited for, on a clock that never jumps.
    last: Option<Instant>,
}

/// Host and port.
type Place<'a> = (&'a str, u16);

impl Server {
    fn place(&self) -> Place<'_> {
        (&self.entry.host, self.entry.port)
    }
}

/// The next step.
#[derive(Debug)]
pub(super) enum Next {
    /// Try this server (now at the end of the queue) after `wait`.
    Try {
        /// The server.
        server: Server,
        /// Rest of `reconnect_time_wait`; `None`: this server is not waited for.
        wait: Option<Duration>,
        /// Servers that left the pool on the way.
        dropped: Vec<ServerEntry>,
    },
    /// Nobody is left to try.
    Exhausted {
        /// Servers that left the pool on the way.
        dropped: Vec<ServerEntry>,
    },
}

/// The pool.
#[derive(Debug, Default)]
pub(super) struct Pool {
    servers: VecDeque<Server>,
    next_id: u64,
    /// Servers not yet tried by the first round of `connect`.
    first_round: usize,
    has_current: bool,
    losses: Losses,
}

impl Pool {
    /// Replaces all servers, or none if one URL is bad.
    ///
    /// # Errors
    /// `ErrInvalidArg` for a bad URL or WebSocket URLs among others.
    pub fn set(&mut self, urls: &[String], randomize: bool) -> Result<(), Problem> {
        let mut parsed = urls.iter().map(|text| url::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let websockets = parsed.iter().filter(|u| u.scheme.is_websocket()).count();
        if websockets != 0 && websockets != parsed.len() {
            return Err(Problem::new(super::Code::InvalidArg, "WebSocket URLs cannot be mixed with others in one pool"));
        }
        if randomize {
            let mut seen = Vec::new();
            parsed.retain(|u| {
                let fresh = !seen.contains(u);
                if fresh {
                    seen.push(u.clone());
                }
                fresh
            });
            parsed = shuffled(parsed);
        }
        self.servers.clear();
        self.closed();
        for u in parsed {
            let server = self.make(u, false);
            self.servers.push_back(server);
        }
        Ok(())
    }

    fn make(&mut self, u: url::Url, discovered: bool) -> Server {
        self.next_id += 1;
        Server {
            id: self.next_id,
            scheme: u.scheme,
            last: None,
            entry: ServerEntry {
                scheme: u.scheme.as_str(),
                host: u.host,
                port: u.port,
                path: u.path,
                discovered,
                reconnects: 0,
                last_attempt: 0,
                auth: u.auth,
            },
        }
    }

    /// All servers in pool order.
    pub fn list(&self) -> Vec<ServerEntry> {
        self.servers.iter().map(|s| s.entry.clone()).collect()
    }

    /// Number of servers.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// The server in use, being tried, or about to be tried first.
    pub fn current(&self) -> Option<&ServerEntry> {
        let current = if self.has_current {
            self.servers.back()
        } else if self.first_round > 0 {
            self.servers.front()
        } else {
            None
        };
        current.map(|s| &s.entry)
    }

    /// Starts the round of a `connect`: counters at zero, each server once.
    pub fn begin(&mut self, losses: Losses) {
        self.losses = losses;
        for s in &mut self.servers {
            s.entry.reconnects = 0;
            s.entry.last_attempt = 0;
            s.last = None;
        }
        self.first_round = self.servers.len();
        self.has_current = false;
    }

    /// The next server of the first round.
    pub fn next_of_round(&mut self) -> Next {
        if self.first_round == 0 {
            return Next::Exhausted { dropped: Vec::new() };
        }
        self.first_round -= 1;
        self.rotate(Vec::new(), |_| None)
    }

    /// The next server after a loss; those with `max` failures (`None`: no limit) leave when their turn comes.
    pub fn next_again(&mut self, now: Instant, time_wait: Duration, max: Option<u64>) -> Next {
        let mut dropped = Vec::new();
        while let Some(front) = self.servers.front() {
            if max.is_none_or(|max| front.entry.reconnects < max) {
                let only_failed = self.losses.wait_for_failed;
                return self.rotate(dropped, |last| match last {
                    None if only_failed => None,
                    last => Some(remaining(last, now, time_wait)),
                });
            }
            dropped.extend(self.servers.pop_front().map(|s| s.entry));
        }
        self.closed();
        Next::Exhausted { dropped }
    }

    fn rotate(&mut self, dropped: Vec<ServerEntry>, wait: impl Fn(Option<Instant>) -> Option<Duration>) -> Next {
        let Some(server) = self.servers.pop_front() else {
            return Next::Exhausted { dropped };
        };
        self.servers.push_back(server.clone());
        self.has_current = true;
        Next::Try { wait: wait(server.last), server, dropped }
    }

    /// Rest of a wait of `delay` for a server.
    pub fn wait_left(server: &Server, now: Instant, delay: Duration) -> Duration {
        remaining(server.last, now, delay)
    }

    /// An attempt begins.
    pub fn trying(&mut self, id: u64, now: Instant, wall_ms: u64) {
        if !self.losses.wait_for_failed {
            self.waited_from(id, now, wall_ms);
        }
    }

    /// An attempt failed.
    pub fn failed(&mut self, id: u64, now: Instant, wall_ms: u64) {
        if self.losses.wait_for_failed {
            self.waited_from(id, now, wall_ms);
        }
        if let Some(s) = self.find(id) {
            s.entry.reconnects += 1;
        }
    }

    fn waited_from(&mut self, id: u64, now: Instant, wall_ms: u64) {
        if let Some(s) = self.find(id) {
            s.last = Some(now);
            s.entry.last_attempt = wall_ms;
        }
    }

    /// An attempt succeeded.
    pub fn connected(&mut self, id: u64, now: Instant) {
        let only_failed = self.losses.wait_for_failed;
        if let Some(s) = self.find(id) {
            s.entry.reconnects = 0;
            s.last = Some(now).filter(|_| !only_failed);
            if only_failed {
                s.entry.last_attempt = 0;
            }
        }
    }

    /// Takes a success back: the failures before it count again.
    pub fn relapsed(&mut self, id: u64, failures: u64) {
        if let Some(s) = self.find(id) {
            s.entry.reconnects = failures;
        }
    }

    /// The current server names the servers of its cluster: new ones join at the front, with the credentials of the server that
    /// tells of them; discovered ones that it does not name any more leave. A list that is empty says nothing.
    /// Returns the addresses of those that came and of those that left.
    pub fn discover(&mut self, urls: &[String], randomize: bool) -> (Vec<String>, Vec<String>) {
        let Some(teller) = self.servers.back().filter(|_| self.has_current).cloned() else { return Default::default() };
        let named: Vec<url::Url> = urls.iter().filter_map(|text| discovered(text, &teller)).collect();
        if named.is_empty() {
            return Default::default();
        }
        // An INFO may name very many, so no list is searched for each.
        let places: HashSet<Place<'_>> = named.iter().map(|u| (u.host.as_str(), u.port)).collect();
        let mut gone = Vec::new();
        self.servers.retain(|s| {
            let stays = !s.entry.discovered || s.id == teller.id || places.contains(&s.place());
            if !stays {
                gone.push(s.entry.address());
            }
            stays
        });
        let mut known: HashSet<Place<'_>> = self.servers.iter().map(Server::place).collect();
        let fresh: Vec<url::Url> = named.iter().filter(|u| known.insert((&u.host, u.port))).cloned().collect();
        let mut new = Vec::new();
        for u in if randomize { shuffled(fresh) } else { fresh } {
            let server = self.make(u, true);
            new.push(server.entry.address());
            self.servers.push_front(server);
        }
        (new, gone)
    }

    /// Hosts as configured, one of which a discovered server's certificate may carry:
    /// INFO names such servers by address.
    pub fn names_for(&self, entry: &ServerEntry) -> Vec<String> {
        let configured = |s: &&Server| entry.discovered && !s.entry.discovered;
        let hosts = self.servers.iter().filter(configured);
        hosts.map(|s| s.entry.host.clone()).collect()
    }

    /// Makes no server the current one.
    pub fn closed(&mut self) {
        self.has_current = false;
        self.first_round = 0;
    }

    fn find(&mut self, id: u64) -> Option<&mut Server> {
        self.servers.iter_mut().rev().find(|s| s.id == id)
    }
}

/// A server that an INFO names (`host:port`), to be reached as the one that names it; `None` for what is no address.
fn discovered(text: &str, teller: &Server) -> Option<url::Url> {
    let u = url::parse(text).ok()?;
    Some(url::Url { scheme: teller.scheme, path: teller.entry.path.clone(), auth: teller.entry.auth.clone(), ..u })
}

/// The keys of a RandomState are random: its hashes shuffle well enough.
fn shuffled<T>(list: Vec<T>) -> Vec<T> {
    let random = RandomState::new();
    let mut keyed: Vec<_> = list.into_iter().enumerate().collect();
    keyed.sort_by_key(|(i, _)| random.hash_one(i));
    keyed.into_iter().map(|(_, item)| item).collect()
}

fn remaining(last: Option<Instant>, now: Instant, delay: Duration) -> Duration {
    last.map_or(Duration::ZERO, |t| delay.saturating_sub(now.saturating_duration_since(t)))
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
