//! One connection to one server, from its PONG to its end. It never reconnects.
//!
//! Reader, writer and keep-alive are futures that share the I/O thread and a [`Session`]; what outlives a session is in
//! [`Shared`].

mod credentials;
mod handshake;
pub(super) mod input;
mod reader;
mod server;
mod writer;

pub(super) use handshake::{Link, establish};
pub(super) use server::discover;

use super::cause;
use super::config::{Config, Losses};
use super::error::{Code, Problem};
use super::log::Level;
use super::outbox::Batch;
use super::shared::{Shared, Stop, count};
use super::transport::{Shareable, Stream};
use super::url::Scheme;
use super::{CallId, lock, refused};
use input::Input;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

/// Time for which bytes that had arrived before a loss are read after the writer has noticed it.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// Purpose of a PING whose PONG is awaited; PONGs come in the order of the PINGs.
enum Awaited {
    /// A call, with the time of its PING.
    Call(CallId, Instant),
    /// The session itself.
    Session,
    /// Nothing: it shows that the server lives.
    KeepAlive,
}

/// State of a session; all of it is used on the I/O thread alone.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    epoch: u64,
    /// `host:port`
    address: String,
    scheme: Scheme,
    /// PINGs under way.
    awaited: RefCell<VecDeque<Awaited>>,
    /// Whether the session's own PONG has come.
    answered: Notify,
    /// Number of bytes received.
    received: Cell<u64>,
    /// An error after which the server closes, or not: until when it is awaited.
    held: RefCell<Option<(Problem, tokio::time::Instant)>>,
    /// The latest of those that have been told: until when the close may be its, and how much had been received by then.
    told: RefCell<Option<(Problem, Instant, u64)>>,
    /// Whether the cause of the loss has been told already.
    cause_told: Cell<bool>,
    /// Subjects that a pedantic server complains about, in order: whether they are the library's own.
    odd: RefCell<VecDeque<bool>>,
    /// The server ended the connection for what was being written.
    choked: Cell<bool>,
    /// The same for a control line that is too long: whether subscriptions were being restored, and the error.
    long_line: RefCell<Option<(bool, Problem)>>,
    /// Whether the server has not yet answered the PING behind the subscriptions that it was told of at first.
    restoring: Cell<bool>,
    /// Whether the server has said that it is about to shut down.
    leaving: Cell<bool>,
    /// Whether the connection has been announced.
    announced: Cell<bool>,
    /// What losses mean.
    losses: Losses,
}

/// How a session was lost.
pub(super) struct Loss {
    /// Why.
    pub problem: Problem,
    /// The connection had been announced, or would have been, were it not for a message that the server choked on and that is
    /// not sent again. Otherwise nobody has ever seen it, and it is as good as an attempt that failed.
    pub seen: bool,
    /// Whether the owner has been told of the problem already.
    pub told: bool,
}

/// Runs a session to its end: `None` if the owner closed it, else how it was lost.
pub(super) async fn run(
    shared: &Arc<Shared>,
    epoch: u64,
    link: Link,
    address: String,
    scheme: Scheme,
    config: &Config,
) -> Option<Loss> {
    if let Some(inbox) = &mut lock(&shared.calls).inbox {
        // Unless it is not restored.
        inbox.refused &= !inbox.sub.state().sent;
    }
    let session = Session {
        shared,
        epoch,
        address,
        scheme,
        awaited: RefCell::default(),
        answered: Notify::new(),
        received: Cell::new(0),
        held: RefCell::default(),
        told: RefCell::default(),
        cause_told: Cell::new(false),
        odd: RefCell::default(),
        choked: Cell::new(false),
        long_line: RefCell::default(),
        restoring: Cell::new(false),
        leaving: Cell::new(false),
        announced: Cell::new(false),
        losses: config.losses,
    };
    shared.set_info(link.info);
    let (mut input, mut batch) = (link.input, Batch::default());
    let ended = match link.stream {
        Stream::Tcp(tcp) => {
            let (r, w) = tcp.into_split();
            let w = Shareable::new(w);
            shared.outbox.attach(Some(w.clone()));
            session.turn(r, w, &mut input, &mut batch, config).await
        }
        other => {
            shared.outbox.attach(None);
            let (r, w) = tokio::io::split(other);
            session.turn(r, w, &mut input, &mut batch, config).await
        }
    };
    shared.outbox.detach(&mut batch);
    shared.outbox.wrote(batch.settle());
    let calls = lock(&shared.calls);
    let dropped = shared.outbox.give_back(batch, session.choked.get(), |id| calls.contains(id));
    drop(calls);
    count(&shared.counters.dropped, dropped);
    if let Some((restoring, problem)) = session.long_line.take() {
        refused::by_length(shared, restoring, &problem).into_iter().for_each(|problem| session.report(problem));
    }
    let (seen, told) = (session.announced.get() || session.choked.get(), session.cause_told.get());
    ended.map(|problem| Loss { problem, seen, told })
}

impl Session<'_> {
    async fn turn<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &self,
        mut r: R,
        mut w: W,
        input: &mut Input,
        batch: &mut Batch,
        config: &Config,
    ) -> Option<Problem> {
        tokio::select! {
            biased;
            problem = self.read(&mut r, input) => Some(problem),
            written = self.write(&mut w, batch, config) => match written {
                Ok(()) => None,
                Err(e) => Some(cause::of_loss(&e, &self.address, self.losses)),
            },
            problem = self.keep_alive(config) => Some(problem),
            () = self.shared.stopped(Stop::Now) => None,
        }
    }

    /// Reports an asynchronous error.
    fn report(&self, problem: Problem) {
        self.shared.error(self.epoch, problem);
    }

    /// Checks that the server lives: anything it sends counts. Ends when the connection is stale.
    async fn keep_alive(&self, config: &Config) -> Problem {
        let period = config.ping_interval;
        if period.is_zero() {
            return std::future::pending().await;
        }
        let (mut seen, mut outstanding) = (self.received.get(), 0);
        loop {
            tokio::time::sleep(period).await;
            // Of a WebSocket's frame only what could be understood: one that never ends would be a sign of life for ever.
            let now = self.received.get();
            if now != seen {
                (seen, outstanding) = (now, 0);
            }
            if outstanding >= config.max_outstanding_pings.max(1) {
                let text = format!("Stale connection to server {}", self.address);
                return Problem::new(Code::StaleConnection, text);
            }
            outstanding += 1;
            self.shared.outbox.keep_alive();
            self.shared.log(Level::Debug, || format!("Keep-alive, {outstanding} outstanding"));
        }
    }
}
