//! One connection to one server, from its INFO to its end.

use super::attempt::Link;
use super::config::Config;
use super::connect_error as why;
use super::deliver::deliver;
use super::error::{Code, Problem};
use super::info::Info;
use super::log::Level;
use super::message::Message;
use super::pool::ServerEntry;
use super::roundtrip::Probes;
use super::server_error::{Verdict, classify};
use super::shared::{Shared, Stop, count};
use super::subs::Sub;
use super::{lock, quiet, trace_probe};
use async_nats::{Client, Event, ServerError, Subscriber};
use futures_util::Stream;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::mpsc;

/// Messages handed over at once.
const BATCH: usize = 512;

/// After a loss, what had arrived is delivered, for so long at most.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// The server closes right after an error of an unknown kind, or not at all: so long it takes to find out.
const HOLD: Duration = Duration::from_millis(50);

/// State of a session. Only tasks on its I/O thread use it.
pub(super) struct Session {
    pub shared: Arc<Shared>,
    pub epoch: u64,
    pub client: Client,
    pub address: String,
    pub pedantic: bool,
    pub echo: bool,
    pub probes: Mutex<Probes>,
    /// A keep-alive is due.
    pub keep_alive_due: AtomicBool,
    /// Subscriptions the server was told of in this session.
    pub cells: Mutex<HashMap<u64, Arc<Cell>>>,
    /// Held by each pump: its end shows that all of them are done.
    pump_token: Mutex<Option<mpsc::Sender<()>>>,
}

/// A subscription of the wire library, shared by its pump and the writer.
pub(super) struct Cell {
    pub sub: Arc<Sub>,
    state: Mutex<CellState>,
}

struct CellState {
    subscriber: Option<Subscriber>,
    closed: bool,
    waker: Option<Waker>,
    /// Size of the latest batch: a good guess for the next one, which then needs no moves while it grows.
    latest: usize,
    /// Subject of the latest message.
    subject: Option<async_nats::Subject>,
}

impl Cell {
    fn new(sub: Arc<Sub>, subscriber: Subscriber) -> Cell {
        Cell {
            sub,
            state: Mutex::new(CellState { subscriber: Some(subscriber), closed: false, waker: None, latest: 1, subject: None }),
        }
    }

    /// Takes the subscription out for a command; it must be put back.
    pub fn take(&self) -> Option<Subscriber> {
        lock(&self.state).subscriber.take()
    }

    /// Puts it back and lets the pump go on.
    pub fn put_back(&self, subscriber: Subscriber) {
        let mut state = lock(&self.state);
        state.subscriber = Some(subscriber);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Takes the subscription out for good.
    pub fn close(&self) -> Option<Subscriber> {
        let mut state = lock(&self.state);
        state.closed = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        state.subscriber.take()
    }

    /// What has arrived, up to a batch; `None` at the end.
    fn poll_batch(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<Message>>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Poll::Ready(None);
        }
        // Also while messages are awaited: the subscription does not wake its reader when it is taken out and closed.
        state.waker = Some(cx.waker().clone());
        let CellState { subscriber: Some(subscriber), latest, subject, .. } = &mut *state else { return Poll::Pending };
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            match Pin::new(&mut *subscriber).poll_next(cx) {
                Poll::Ready(Some(m)) => {
                    if batch.is_empty() {
                        batch.reserve_exact(*latest);
                    }
                    batch.push(Message::new(m, subject));
                }
                Poll::Ready(None) if batch.is_empty() => return Poll::Ready(None),
                Poll::Pending if batch.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        *latest = batch.len();
        Poll::Ready(Some(batch))
    }
}

/// Runs a session to its end: `None` if the owner closed it, else why it was lost.
pub(super) async fn run(shared: &Arc<Shared>, epoch: u64, link: Link, entry: &ServerEntry, config: &Config) -> Option<Problem> {
    quiet::take_panic();
    trace_probe::take();
    let (pump_token, mut pumps_done) = mpsc::channel(1);
    if let Some(inbox) = &mut lock(&shared.calls).inbox {
        inbox.refused = false;
    }
    let session = Arc::new(Session {
        shared: shared.clone(),
        epoch,
        client: link.client,
        address: entry.address(),
        pedantic: config.pedantic,
        echo: config.echo,
        probes: Mutex::default(),
        keep_alive_due: AtomicBool::new(false),
        cells: Mutex::default(),
        pump_token: Mutex::new(Some(pump_token)),
    });
    shared.set_info(link.info);
    let problem = tokio::select! {
        problem = session.watch_events(link.events) => problem,
        problem = session.keep_alive(config) => problem,
        never = session.repeat_probes() => match never {},
        () = session.write() => return None,
        () = shared.stopped(Stop::Now) => return None,
    };
    lock(&session.pump_token).take();
    if problem.code != Code::StaleConnection {
        // The answer is no more than that all is done, or that it takes too long.
        let _ = tokio::time::timeout(DRAIN_LIMIT, pumps_done.recv()).await;
    }
    Some(problem)
}

impl Session {
    /// Starts handing over the messages of a subscription.
    pub fn start_pump(self: &Arc<Self>, sub: &Arc<Sub>, subscriber: Subscriber) {
        let cell = Arc::new(Cell::new(sub.clone(), subscriber));
        let old = lock(&self.cells).insert(sub.id(), cell.clone());
        if let Some(old) = old {
            old.close();
        }
        let token = lock(&self.pump_token).clone();
        let session = self.clone();
        // Unconstrained: a task's budget would stop it after 128 messages, while the reader that shares the thread
        // goes on for megabytes. It ends its turn when all that has been read is handed over.
        tokio::spawn(tokio::task::unconstrained(async move {
            session.pump(&cell).await;
            drop(token);
        }));
    }

    async fn pump(&self, cell: &Arc<Cell>) {
        while let Some(batch) = std::future::poll_fn(|cx| cell.poll_batch(cx)).await {
            if !deliver(&self.shared, self.epoch, &cell.sub, batch) {
                break;
            }
        }
        let mut cells = lock(&self.cells);
        if cells.get(&cell.sub.id()).is_some_and(|c| Arc::ptr_eq(c, cell)) {
            cells.remove(&cell.sub.id());
        }
        drop(cells);
        // Its drop tells the server, if the server does not know yet.
        cell.close();
    }

    /// Watches the wire library's events until the connection is gone; returns the cause.
    async fn watch_events(&self, mut events: mpsc::UnboundedReceiver<Event>) -> Problem {
        let mut held: Option<Problem> = None;
        loop {
            let event = match held {
                None => events.recv().await,
                Some(_) => match tokio::time::timeout(HOLD, events.recv()).await {
                    Ok(event) => event,
                    Err(_) => {
                        self.report(held.take());
                        continue;
                    }
                },
            };
            match event {
                Some(Event::ServerError(error)) => {
                    self.report(held.take());
                    match self.server_error(&error) {
                        Heard::Nothing => (),
                        Heard::MayClose(problem) => held = Some(problem),
                        Heard::Closes(problem) => return problem,
                    }
                }
                Some(Event::LameDuckMode) => self.lame_duck(),
                Some(Event::SlowConsumer(_)) => self.overrun(),
                Some(Event::Disconnected) | None => {
                    return held.unwrap_or_else(|| self.cause());
                }
                Some(_) => (),
            }
        }
    }

    fn report(&self, problem: Option<Problem>) {
        if let Some(problem) = problem {
            self.shared.error(self.epoch, problem);
        }
    }

    fn server_error(&self, error: &ServerError) -> Heard {
        let text = match error {
            ServerError::AuthorizationViolation => "Authorization Violation",
            ServerError::Other(text) => text,
            ServerError::SlowConsumer(_) => return Heard::Nothing,
        };
        match classify(text) {
            Verdict::Fatal(problem) => return Heard::Closes(problem),
            Verdict::Other(problem) => return Heard::MayClose(problem),
            Verdict::BadSubject(problem) => self.report(Some(problem)),
            Verdict::InvalidSubject(problem) => {
                if !self.invalid_subject_was_probe() {
                    self.report(Some(problem));
                }
            }
            Verdict::Permission { subject, problem } => {
                if !self.violation_was_probe(&subject) {
                    self.forget_refusal(&subject);
                    self.report(Some(problem));
                }
            }
        }
        Heard::Nothing
    }

    fn lame_duck(&self) {
        let info = lock(&self.shared.info).clone();
        if let Some(info) = info {
            self.shared.set_info(Info { ldm: true, ..Info::clone(&info) });
        }
    }

    /// Our pumps lagged by more than the wire library holds: lost, but not in silence. Its numbers of subscriptions
    /// are not ours, so nobody can be named.
    fn overrun(&self) {
        count(&self.shared.counters.dropped, 1);
        let text = "Slow consumer: messages were dropped before they reached their subscription";
        self.report(Some(Problem::new(Code::SlowConsumer, text)));
    }

    /// Why the connection broke, when no server error tells.
    fn cause(&self) -> Problem {
        if quiet::take_panic() {
            return why::protocol(&self.address);
        }
        let error = trace_probe::take().unwrap_or_default();
        let malformed = error.contains("InvalidInput") || error.contains("InvalidData") || error.contains("kind: Other");
        let text = error.to_ascii_lowercase();
        if malformed && !text.contains("hmsg") {
            if text.contains("header") || text.contains("status parameter") {
                let text = format!("Malformed header block from server {}", self.address);
                return Problem::new(Code::BadHeaderMsg, text);
            }
            if !error.contains("kind: Other") {
                return why::protocol(&self.address);
            }
        } else if malformed {
            return why::protocol(&self.address);
        }
        why::broken(&self.address)
    }

    /// Checks that the server lives: anything it sends counts. Ends when the connection is stale.
    async fn keep_alive(&self, config: &Config) -> Problem {
        let period = config.ping_interval;
        if period.is_zero() {
            return std::future::pending().await;
        }
        let statistics = self.client.statistics();
        let received = || statistics.in_bytes.load(Ordering::Relaxed);
        let (mut seen, mut outstanding) = (received(), 0);
        loop {
            tokio::time::sleep(period).await;
            let now = received();
            if now != seen {
                (seen, outstanding) = (now, 0);
            }
            if outstanding >= config.max_outstanding_pings.max(1) {
                let text = format!("Stale connection to server {}", self.address);
                return Problem::new(Code::StaleConnection, text);
            }
            outstanding += 1;
            self.keep_alive_due.store(true, Ordering::Relaxed);
            self.shared.outbox.poke();
            let log = &self.shared;
            log.log(Level::Debug, || format!("Keep-alive, {outstanding} outstanding"));
        }
    }
}

/// What a server error asks of the session.
enum Heard {
    /// Dealt with.
    Nothing,
    /// Wait whether the server closes.
    MayClose(Problem),
    /// This is the end.
    Closes(Problem),
}
