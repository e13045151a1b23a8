//! The engine as its users see it.

use super::config::Config;
use super::counted::Counted;
use super::error::{Code, Problem};
use super::listener::{End, Listener};
use super::message::Outgoing;
use super::pool::ServerEntry;
use super::repeat::Repeat;
use super::request::{self, RequestSpec, Wait};
use super::shared::{Phase, Shared, Statistics, Stop, count};
use super::subs::{Sub, SubSpec};
use super::wire::info::Info;
use super::{CallId, SubId, lock, supervisor};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time that an I/O thread may take to end when it was told to end at once.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// A connection to NATS: one object, opened and closed any number of times.
#[derive(Clone)]
pub struct Conn {
    pub(super) shared: Arc<Shared>,
}

impl Conn {
    /// A closed connection: no thread, no socket.
    pub fn new(config: Config, listener: Arc<dyn Listener>) -> Conn {
        Conn { shared: Arc::new(Shared::new(config, listener)) }
    }

    /// Whether this process is a fork of the one in which the connection was made. In a fork it is closed, and stays so.
    pub fn is_foreign(&self) -> bool {
        self.shared.listener.is_foreign()
    }

    /// Replaces the options. Limits and the log level take effect at once, the others with the next attempt or wait.
    pub fn configure(&self, config: Config) {
        if self.is_foreign() {
            return;
        }
        self.shared.configure(config);
    }

    /// Replaces the pool, or leaves it as it is if one URL is bad. `randomize` shuffles and drops duplicates.
    ///
    /// # Errors
    /// `ErrInvalidArg`: a bad URL, or WebSocket URLs among others.
    pub fn set_servers(&self, urls: &[String], randomize: bool) -> Result<(), Problem> {
        if self.is_foreign() {
            return Err(Problem::forked());
        }
        lock(&self.shared.pool).set(urls, randomize)
    }

    /// The pool in order, the current server last.
    pub fn servers(&self) -> Vec<ServerEntry> {
        if self.is_foreign() {
            return Vec::new();
        }
        lock(&self.shared.pool).list()
    }

    /// Host as configured and port of the server in use or being tried.
    pub fn current_server(&self) -> Option<(String, u16)> {
        if self.is_foreign() {
            return None;
        }
        let pool = lock(&self.shared.pool);
        pool.current().map(|e| (e.host.clone(), e.port))
    }

    /// Starts connecting; `epoch` comes back in the events. A connection that is open already is left alone.
    ///
    /// # Errors
    /// `ErrNoServers` on an empty pool.
    pub fn open(&self, epoch: u64) -> Result<(), Problem> {
        if self.is_foreign() {
            return Err(Problem::forked());
        }
        let shared = &self.shared;
        if shared.phase() != Phase::Closed {
            return Ok(());
        }
        let ended = lock(&shared.life).thread.take();
        if let Some(thread) = ended {
            // It has given up by itself and is at its last statement.
            let _ = thread.join();
        }
        {
            let mut pool = lock(&shared.pool);
            if pool.len() == 0 {
                return Err(Problem::new(Code::NoServers, "Server pool is empty"));
            }
            pool.begin(shared.config().losses);
        }
        let mut life = lock(&shared.life);
        life.epoch = epoch;
        life.done = false;
        shared.stop.send_replace(Stop::No);
        shared.outbox.open();
        shared.set_phase(Phase::Connecting);
        match supervisor::spawn(shared.clone(), epoch) {
            Ok(thread) => life.thread = Some(thread),
            Err(e) => {
                shared.set_phase(Phase::Closed);
                shared.outbox.clear();
                let text = format!("Cannot start the I/O thread: {e}");
                return Err(Problem::new(Code::NoServers, text));
            }
        }
        Ok(())
    }

    /// Closes: waits until what was published is written, flushed and seen by the server, for at most
    /// `flush_within` without progress; then ends all calls (`End::Closed`) and subscriptions.
    /// Returns the number of messages dropped. Does nothing on a closed connection.
    pub fn close(&self, flush_within: Duration) -> usize {
        if self.is_foreign() {
            return 0;
        }
        let shared = &self.shared;
        let thread = {
            let mut life = lock(&shared.life);
            let thread = life.thread.take();
            if shared.phase() != Phase::Closed {
                shared.stop.send_replace(Stop::Drain);
            }
            thread
        };
        shared.outbox.shut();
        shared.outbox.poke();
        if let Some(thread) = thread
            && self.await_end(flush_within)
        {
            let _ = thread.join();
        }
        if shared.phase() == Phase::Closed {
            return 0;
        }
        let dropped = shared.outbox.clear();
        count(&shared.counters.dropped, dropped as u64);
        shared.set_phase(Phase::Closed);
        lock(&shared.pool).closed();
        shared.end_calls(|c| c.requests(), || End::Closed);
        shared.end_calls(|c| c.probes(), || End::Closed);
        shared.end_subs();
        dropped
    }

    /// Waits for the I/O thread; false if it does not end.
    fn await_end(&self, flush_within: Duration) -> bool {
        let shared = &self.shared;
        let mut life = lock(&shared.life);
        let mut seen = shared.outbox.progress();
        let mut patience = flush_within;
        loop {
            if life.done {
                return true;
            }
            let waited = shared.life_changed.wait_timeout(life, patience);
            let timed_out;
            (life, timed_out) = match waited {
                Ok((guard, result)) => (guard, result.timed_out()),
                Err(poisoned) => {
                    let (guard, result) = poisoned.into_inner();
                    (guard, result.timed_out())
                }
            };
            if !timed_out || life.done {
                continue;
            }
            let progress = shared.outbox.progress();
            if *shared.stop.borrow() == Stop::Now {
                return false;
            }
            if progress == seen {
                shared.stop.send_replace(Stop::Now);
                patience = LAST_WAIT;
            }
            seen = progress;
        }
    }

    /// Subscribes; messages go to [`Listener::messages`].
    ///
    /// # Errors
    /// `ErrConnectionClosed`, `ErrBadSubject`, `ErrBadQueueName`.
    pub fn subscribe(&self, s: SubSpec) -> Result<SubId, Problem> {
        if self.is_foreign() {
            return Err(Problem::forked());
        }
        let shared = &self.shared;
        super::message::check_framing(&s.subject, "subject")?;
        if let Some(queue) = &s.queue {
            super::message::check_framing(queue, "queue").map_err(|p| Problem::new(Code::BadQueueName, p.text))?;
        }
        let mut subs = lock(&shared.subs);
        let pushed = shared.outbox.with(|q| {
            let spec = SubSpec { max_msgs: s.max_msgs.filter(|max| *max > 0), ..s };
            let sub = subs.add_user(spec);
            q.subscribe(&sub);
            sub.id()
        });
        pushed.ok_or_else(Problem::closed)
    }

    /// A live subscription, whose counters can be read as long as it is kept.
    pub fn subscription(&self, id: SubId) -> Option<Arc<Sub>> {
        if self.is_foreign() {
            return None;
        }
        lock(&self.shared.subs).user(id).ok()
    }

    /// Asks the server for no further messages of a subscription, which goes on with those that are under way: after a round trip
    /// all of them have come.
    pub fn hush(&self, id: SubId) {
        if let Some(sub) = self.subscription(id) {
            self.shared.outbox.with(|q| q.hush(&sub));
        }
    }

    /// Ends a subscription at once, or after `max_msgs` messages counted from its start.
    ///
    /// # Errors
    /// `ErrConnectionClosed`, `ErrBadSubscription`.
    pub fn unsubscribe(&self, id: SubId, max_msgs: Option<u64>) -> Result<(), Problem> {
        let shared = &self.shared;
        if shared.phase() == Phase::Closed {
            return Err(Problem::closed());
        }
        let sub = lock(&shared.subs).user(id)?;
        if let Some(max) = max_msgs.filter(|max| *max > 0) {
            let mut state = sub.state();
            if state.delivered < max {
                state.max = Some(max);
                drop(state);
                let pushed = shared.outbox.with(|q| q.limit(&sub));
                return pushed.ok_or_else(Problem::closed);
            }
        }
        shared.end_now(&sub);
        Ok(())
    }

    /// Sends a request; replies and the end come as events.
    ///
    /// # Errors
    /// Those of [`Conn::publish`].
    pub fn request(&self, r: RequestSpec) -> Result<CallId, Problem> {
        request::request(&self.shared, r)
    }

    /// Sends a request whose outcome is counted on the I/O thread; its end is told to nobody but the sink.
    ///
    /// # Errors
    /// Those of [`Conn::publish`].
    pub fn request_counted(
        &self,
        msg: Outgoing,
        timeout: Option<Duration>,
        repeat: Repeat,
        counted: Counted,
    ) -> Result<CallId, Problem> {
        request::counted(&self.shared, msg, timeout, repeat, counted)
    }

    /// A number for the owner of counted calls.
    pub fn new_owner(&self) -> CallId {
        lock(&self.shared.calls).next_aside()
    }

    /// The number of a call that was refused with `ErrConnectionClosed`, for an owner that has not heard yet that no server is left.
    pub fn unsent_call(&self) -> CallId {
        lock(&self.shared.calls).skip()
    }

    /// The same for a subscription, whose end is told.
    pub fn unsent_subscription(&self) -> SubId {
        let id = lock(&self.shared.subs).skip();
        self.shared.listener.sub_end(id);
        id
    }

    /// Cancels a pending call: no further event of it. False if there is no such call.
    pub fn cancel(&self, id: CallId) -> bool {
        if self.is_foreign() {
            return false;
        }
        request::cancel(&self.shared, id)
    }

    /// Starts a round trip that ends with `Pong`, `Timeout`, `Lost` or `Closed`; `Lost` at once if not connected.
    pub fn ping(&self, wait: Wait) -> CallId {
        request::ping(&self.shared, wait)
    }

    /// Time at which bytes last came from a server, or at which this connection object was made.
    pub fn received_at(&self) -> Instant {
        self.shared.received.last()
    }

    /// Answers `Event::AskDelay`; `None` stands for `reconnect_time_wait`.
    pub fn answer_delay(&self, ticket: u64, wait: Option<Duration>) {
        if self.is_foreign() {
            return;
        }
        *lock(&self.shared.delay_answer) = Some((ticket, wait));
        self.shared.delay_wake.notify_one();
    }

    /// A new unique word.
    pub fn new_token(&self) -> String {
        nuid::next().to_string()
    }

    /// A new unique inbox subject.
    pub fn new_inbox(&self) -> String {
        request::new_inbox(&self.shared)
    }

    /// INFO of the current server, or the last one.
    pub fn server_info(&self) -> Option<Arc<Info>> {
        if self.is_foreign() {
            return None;
        }
        lock(&self.shared.info).clone()
    }

    /// The counters.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}
