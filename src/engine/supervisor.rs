//! The I/O thread: asks the pool for the next server, waits, attempts, runs the session, and starts over.

use super::config::Config;
use super::error::{Code, Problem};
use super::listener::{End, Event, Status};
use super::log::Level;
use super::pool::{Next, Pool, Server, ServerEntry};
use super::shared::{Shared, Stop, count};
use super::transport::Target;
use super::{cause, lock, timers};
use super::{request, session};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Stack size of the I/O thread. TLS needs more than 64 KiB; the default of 2 MiB would be felt with a thousand connections.
const STACK: usize = 512 * 1024;

/// Starts the I/O thread.
pub(super) fn spawn(shared: Arc<Shared>, epoch: u64) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("nats-io".to_string()).stack_size(STACK).spawn(move || {
        let done = Done { shared: shared.clone(), epoch };
        let mut supervisor = Supervisor { shared, epoch, tickets: 0 };
        // A defect here must not leave the owner waiting for events that never come.
        let listener = Arc::clone(&supervisor.shared.listener);
        if let Err(panic) = listener.guard(&mut || supervisor.run()) {
            supervisor.give_up(true, Some(Problem::new(Code::Panic, format!("internal error: {panic}"))));
        }
        drop(done);
    })
}

/// Tells `close` that the thread is through, whatever ended it.
struct Done {
    shared: Arc<Shared>,
    epoch: u64,
}

impl Drop for Done {
    fn drop(&mut self) {
        let mut life = lock(&self.shared.life);
        if life.epoch == self.epoch {
            life.done = true;
        }
        drop(life);
        self.shared.life_changed.notify_all();
    }
}

/// How one turn with a server ended.
enum Turn {
    /// The owner closes.
    Stopped,
    /// No connection came about.
    Failed(Problem),
    /// There was a connection; now it is gone. Why, unless that was told before.
    Lost(Option<Problem>),
}

struct Supervisor {
    shared: Arc<Shared>,
    epoch: u64,
    tickets: u64,
}

impl Supervisor {
    /// One runtime for the life of the thread.
    fn run(&mut self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => {
                let problem = Problem::new(Code::ConnectionRefused, format!("Failed to connect: no I/O runtime: {e}"));
                return self.give_up(false, Some(problem));
            }
        };
        let shared = self.shared.clone();
        runtime.block_on(async {
            tokio::select! {
                () = self.servers() => (),
                never = timers::run(&shared) => match never {},
            }
        });
        // Simply dropping it would wait for a name look-up that hangs.
        runtime.shutdown_background();
    }

    /// One server after the other, until the owner closes or no server is left.
    async fn servers(&mut self) {
        let mut reconnecting = false;
        let mut last_problem: Option<Problem> = None;
        // Pings end at the loss, but not before the requests that end with the same loss.
        let mut lost_now = false;
        loop {
            let next = self.next(reconnecting);
            let (server, wait) = match next {
                Next::Try { server, wait, dropped } => {
                    self.log_dropped(&dropped);
                    (server, wait)
                }
                Next::Exhausted { dropped } => {
                    self.log_dropped(&dropped);
                    self.give_up(reconnecting, last_problem);
                    return;
                }
            };
            request::end_gathering(&self.shared);
            if std::mem::take(&mut lost_now) && !self.shared.config().losses.keep_pings {
                self.shared.end_calls(|c| c.probes(), || End::Lost);
            }
            // A failed attempt that is not the end of it is an error of its own.
            if let Some(problem) = last_problem.take() {
                self.shared.error(self.epoch, problem);
            }
            match self.turn(&server, wait, reconnecting).await {
                Turn::Stopped => return,
                Turn::Failed(problem) => {
                    lock(&self.shared.pool).failed(server.id, Instant::now(), wall_ms());
                    last_problem = Some(problem);
                }
                Turn::Lost(problem) => {
                    reconnecting = true;
                    lost_now = true;
                    if !self.shared.transition(self.epoch, Status::Reconnecting, problem) {
                        return;
                    }
                }
            }
            if self.shared.stopping() {
                return;
            }
        }
    }

    fn next(&self, reconnecting: bool) -> Next {
        let mut pool = lock(&self.shared.pool);
        if reconnecting {
            let (wait, max) = self.limits();
            pool.next_again(Instant::now(), wait, max)
        } else {
            pool.next_of_round()
        }
    }

    fn limits(&self) -> (Duration, Option<u64>) {
        let config = self.shared.config();
        let max = u64::try_from(config.max_reconnect_attempts).ok();
        (config.reconnect_time_wait, max)
    }

    fn log_dropped(&self, dropped: &[ServerEntry]) {
        for entry in dropped {
            self.shared.log(Level::Debug, || format!("Server {} left the pool", entry.address()));
        }
    }

    async fn turn(&mut self, server: &Server, wait: Option<Duration>, reconnecting: bool) -> Turn {
        let shared = self.shared.clone();
        if let Some(wait) = wait {
            let wait = self.asked_wait(server, wait);
            let waited = async {
                let wait = wait.await;
                if !wait.is_zero() {
                    shared.log(Level::Debug, || {
                        let address = server.entry.address();
                        format!("Waiting for {} ms before connecting to {address}", wait.as_millis())
                    });
                    tokio::time::sleep(wait).await;
                }
            };
            tokio::select! {
                () = shared.stopped(Stop::Drain) => return Turn::Stopped,
                () = waited => (),
            }
        }
        let config = shared.config();
        let address = server.entry.address();
        shared.log(Level::Info, || format!("Connecting to {address}"));
        let names = {
            let mut pool = lock(&shared.pool);
            pool.trying(server.id, Instant::now(), wall_ms());
            pool.names_for(&server.entry)
        };
        let attempted = tokio::select! {
            () = shared.stopped(Stop::Drain) => return Turn::Stopped,
            attempted = self.attempt(server, &config, &names) => attempted,
        };
        let link = match attempted {
            Ok(link) => link,
            Err(problem) => return Turn::Failed(problem),
        };
        lock(&shared.pool).connected(server.id, Instant::now());
        session::discover(&shared, &link.info, server.scheme);
        if reconnecting {
            count(&shared.counters.reconnects, 1);
        }
        match session::run(&shared, self.epoch, link, address, server.scheme, &config).await {
            None => Turn::Stopped,
            Some(loss) if loss.seen => Turn::Lost(Some(loss.problem).filter(|_| !loss.told)),
            Some(loss) => {
                lock(&shared.pool).relapsed(server.id, server.entry.reconnects);
                Turn::Failed(loss.problem)
            }
        }
    }

    /// One attempt at one server, within `-connect_timeout`.
    async fn attempt(&self, server: &Server, config: &Config, other_names: &[String]) -> Result<session::Link, Problem> {
        let entry = &server.entry;
        let shared = &self.shared;
        let warn = |text: String| shared.log(Level::Warn, || text);
        let limit = Some(config.connect_timeout).filter(|limit| !limit.is_zero());
        let deadline = limit.and_then(|limit| tokio::time::Instant::now().checked_add(limit));
        let target = Target {
            host: &entry.host,
            port: entry.port,
            scheme: server.scheme,
            path: &entry.path,
            config,
            other_names,
            deadline,
            warn: &warn,
            received: &self.shared.received,
        };
        let attempt = session::establish(&target, entry);
        match deadline {
            Some(deadline) => {
                let timely = tokio::time::timeout_at(deadline, attempt).await;
                timely.unwrap_or_else(|_| Err(cause::timeout(&entry.address())))
            }
            None => attempt.await,
        }
    }

    /// The wait before a reconnection attempt, asked for if the owner wants to be.
    fn asked_wait<'a>(&mut self, server: &'a Server, usual: Duration) -> impl Future<Output = Duration> + use<'a> {
        self.tickets += 1;
        let ticket = self.tickets;
        let shared = self.shared.clone();
        async move {
            if !shared.config().custom_delay {
                return usual;
            }
            lock(&shared.delay_answer).take();
            shared.listener.event(Event::AskDelay { ticket, server: Box::new(server.entry.clone()) });
            loop {
                if let Some((number, wait)) = lock(&shared.delay_answer).take()
                    && number == ticket
                {
                    let wait = wait.unwrap_or(shared.config().reconnect_time_wait);
                    return Pool::wait_left(server, Instant::now(), wait);
                }
                shared.delay_wake.notified().await;
            }
        }
    }

    /// No server is left.
    fn give_up(&self, reconnecting: bool, last: Option<Problem>) {
        let shared = &self.shared;
        let error = if reconnecting || lock(&shared.pool).len() == 1 {
            last.unwrap_or_else(|| Problem::new(Code::NoServers, "Server pool is empty"))
        } else {
            if let Some(problem) = last {
                shared.error(self.epoch, problem);
            }
            Problem::new(Code::NoServers, "No servers available for connection")
        };
        if shared.stopping() {
            return;
        }
        lock(&shared.pool).closed();
        let dropped = shared.outbox.clear();
        count(&shared.counters.dropped, dropped as u64);
        // Taken before the transition and told after it: the owner may open again as soon as it knows.
        let requests = shared.take_calls(|c| c.requests());
        let probes = shared.take_calls(|c| c.probes());
        shared.end_subs();
        let closed = shared.transition(self.epoch, Status::Closed { dropped }, Some(error));
        for (id, call) in requests.into_iter().chain(probes) {
            shared.end_call(id, &call, if closed { End::Lost } else { End::Closed });
        }
    }
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::{CallId, Conn, Listener, Message, Sub, SubId};
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;

    /// Panics at the first error that it is told.
    struct Fragile(mpsc::Sender<Problem>);

    impl Listener for Fragile {
        fn is_foreign(&self) -> bool {
            false
        }

        fn guard(&self, work: &mut dyn FnMut()) -> Result<(), String> {
            catch_unwind(AssertUnwindSafe(work)).map_err(|_| "text (place)".to_string())
        }

        fn event(&self, event: Event) {
            match event {
                Event::Status { error: Some(problem), .. } => self.0.send(problem).unwrap(),
                Event::Error { .. } => panic!("a test's own"),
                _ => {}
            }
        }

        fn events(&self, _: Vec<Event>) {}
        fn replies(&self, _: CallId, _: Vec<Message>) {}

        fn messages(&self, _: &Arc<Sub>, _: Vec<Message>) {}

        fn sub_end(&self, _: SubId) {}
    }

    #[test]
    fn a_panic_ends_the_connection_and_is_told() {
        let (tell, told) = mpsc::channel();
        let conn = Conn::new(Config::default(), Arc::new(Fragile(tell)));
        conn.set_servers(&["nats://127.0.0.1:1".to_string(), "nats://127.0.0.1:2".to_string()], false).unwrap();
        conn.open(1).unwrap();
        let problem = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!((problem.code, problem.text.as_str()), (Code::Panic, "internal error: text (place)"));
        conn.close(Duration::ZERO);
    }
}
