//! The reader of a session: reads, parses in place, and hands over what one read brought.

use super::input::Input;
use super::{Awaited, Session};
use crate::engine::deliver::deliver;
use crate::engine::error::{Code, Problem};
use crate::engine::listener::End;
use crate::engine::message::{Draft, Latest, Message};
use crate::engine::pending::Kind;
use crate::engine::subs::Sub;
use crate::engine::wire::parse::{Fault, Head, Op};
use crate::engine::{SubId, cause, lock, timers};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Number of messages handed over at once.
const BATCH: usize = 512;

/// Number of bytes for which memory is reserved ahead while a large message arrives. Most messages fit into what is reserved
/// first: memory that grows moves, and beyond 128 KiB the C library takes it from the system, page by page, for each message
/// anew.
const AHEAD: usize = 256 * 1024;

/// Messages of one read, in the order in which they came: a run for each stretch that belongs to one subscription.
#[derive(Default)]
struct Runs {
    list: Vec<(Arc<Sub>, Vec<Message>)>,
    count: usize,
    /// Length of the latest run: a good guess for the next one, which then needs no moves while it grows.
    guess: usize,
    /// Subscription of the latest message.
    sub: Option<Arc<Sub>>,
    latest: Latest,
}

impl Runs {
    fn add(&mut self, sub: Arc<Sub>, message: Message) {
        self.count += 1;
        match self.list.last_mut() {
            Some((last, run)) if last.id() == sub.id() => run.push(message),
            _ => {
                let mut run = Vec::with_capacity(self.guess.clamp(1, BATCH));
                run.push(message);
                self.list.push((sub, run));
            }
        }
    }
}

/// A large message that is being collected.
struct Large {
    draft: Draft,
    sid: SubId,
    header_len: usize,
    total_len: usize,
}

impl Session<'_> {
    /// Reads until the connection is at its end; returns why.
    pub(super) async fn read<R: AsyncRead + Unpin>(&self, r: &mut R, input: &mut Input) -> Problem {
        let mut runs = Runs::default();
        loop {
            let large = match self.understand(input, &mut runs) {
                Ok(large) => large,
                Err(problem) => {
                    self.hand_over(&mut runs);
                    return problem;
                }
            };
            self.hand_over(&mut runs);
            let ended = match large {
                Some(large) => self.collect(r, input, large, &mut runs).await,
                None => self.patiently(input.read(r)).await,
            };
            match ended {
                Ok(0) => return self.at_end(None),
                Ok(_) => (),
                Err(e) => return self.at_end(Some(&e)),
            }
        }
    }

    /// The cause of an end of the stream: what the server said last, or the socket.
    fn at_end(&self, error: Option<&io::Error>) -> Problem {
        if let Some((problem, _)) = self.held.take() {
            return problem;
        }
        if let Some(problem) = self.told_before() {
            self.cause_told.set(true);
            return problem;
        }
        if self.losses.tell_resets && self.shared.outbox.was_reset() {
            return cause::reset(&self.address);
        }
        match error.map(|e| cause::of_loss(e, &self.address, self.losses)) {
            // A connection that ends without an error was closed.
            Some(problem) if matches!(problem.code, Code::Tls | Code::Protocol | Code::BrokenSocket) => problem,
            _ => cause::broken(&self.address),
        }
    }

    /// Waits for bytes. An error that may be the last thing the server says is told when it was not.
    async fn patiently(&self, reading: impl Future<Output = io::Result<usize>>) -> io::Result<usize> {
        let mut reading = pin!(reading);
        loop {
            let until = self.held.borrow().as_ref().map(|(_, until)| *until);
            let read = match until {
                None => reading.as_mut().await,
                Some(until) => match tokio::time::timeout_at(until, &mut reading).await {
                    Ok(read) => read,
                    Err(_) => {
                        self.tell_held();
                        continue;
                    }
                },
            };
            if let Ok(n) = read {
                self.received.set(self.received.get() + n as u64);
                self.shared.received.beat();
            }
            // Under load there are always bytes, which must not hold the error back for ever.
            if until.is_some_and(|until| tokio::time::Instant::now() >= until) && !matches!(read, Ok(0) | Err(_)) {
                self.tell_held();
            }
            return read;
        }
    }

    /// Takes everything that has come whole. Gives the beginning of a large message, whose rest has to be read.
    fn understand(&self, input: &mut Input, runs: &mut Runs) -> Result<Option<Large>, Problem> {
        loop {
            let op = match input.next() {
                Ok(Some(op)) => op,
                Ok(None) => return Ok(None),
                Err(fault) => return Err(self.no_protocol(fault, input.line())),
            };
            match op {
                Op::Message(head, body) => {
                    let mut draft = Draft::new(&mut runs.latest, head.subject, head.reply, body.len());
                    draft.body().extend_from_slice(body);
                    self.add(runs, draft, head.sid, head.header_len);
                    if runs.count >= BATCH {
                        self.hand_over(runs);
                    }
                    continue;
                }
                Op::Large(head) => {
                    let Head { sid, header_len, total_len, .. } = head;
                    let draft = Draft::new(&mut runs.latest, head.subject, head.reply, AHEAD.min(total_len + 2));
                    return Ok(Some(Large { draft, sid, header_len, total_len }));
                }
                Op::Ok => continue,
                Op::Ping => {
                    self.shared.outbox.pong();
                    continue;
                }
                Op::Pong | Op::Info(_) | Op::Error(_) => (),
            }
            // What came before is handed over before anything that this may cause.
            self.hand_over(runs);
            match op {
                Op::Pong => self.pong(),
                Op::Info(json) => self.info(json)?,
                Op::Error(text) => self.server_error(text)?,
                Op::Message(..) | Op::Large(_) | Op::Ok | Op::Ping => (),
            }
        }
    }

    fn no_protocol(&self, fault: Fault, line: &[u8]) -> Problem {
        self.shared.log(crate::engine::Level::Debug, || format!("No NATS protocol from {}: {fault:?}", self.address));
        cause::invalid(line)
    }

    /// Reads the rest of a large message straight into its own memory, which grows as bytes arrive; 0 at the end of the stream.
    async fn collect<R: AsyncRead + Unpin>(
        &self,
        r: &mut R,
        input: &mut Input,
        mut large: Large,
        runs: &mut Runs,
    ) -> io::Result<usize> {
        let whole = large.total_len + 2;
        large.draft.body().extend_from_slice(input.take(whole));
        while large.draft.added() < whole {
            let left = whole - large.draft.added();
            let body = large.draft.body();
            // At most as much again as has come.
            if body.len() == body.capacity() {
                body.reserve_exact(left.min(body.len().max(AHEAD)));
            }
            let mut rest = (&mut *r).take(left as u64);
            let n = self.patiently(rest.read_buf(body)).await?;
            if n == 0 {
                return Ok(0);
            }
        }
        let body = large.draft.body();
        if !body.ends_with(b"\r\n") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        body.truncate(body.len() - 2);
        self.add(runs, large.draft, large.sid, large.header_len);
        self.hand_over(runs);
        Ok(whole)
    }

    fn add(&self, runs: &mut Runs, draft: Draft, sid: SubId, header_len: usize) {
        if runs.sub.as_ref().is_none_or(|sub| sub.id() != sid) {
            runs.sub = lock(&self.shared.subs).get(sid);
        }
        // Messages still come for a subscription that has just ended.
        let Some(sub) = runs.sub.clone() else { return };
        let (message, bad) = draft.finish(header_len);
        if let Some(bad) = bad {
            self.report(Problem::new(Code::BadHeaderMsg, format!("Unknown header version {bad}")));
        }
        runs.add(sub, message);
    }

    fn hand_over(&self, runs: &mut Runs) {
        if runs.count == 0 {
            return;
        }
        runs.count = 0;
        for (sub, messages) in runs.list.drain(..) {
            runs.guess = messages.len();
            deliver(self.shared, self.epoch, &sub, messages);
        }
        // Kept, it would count messages that come for it when it has ended.
        runs.sub = None;
    }

    /// An answer to the oldest PING; one that nobody asked for is ignored.
    fn pong(&self) {
        let awaited = self.awaited.borrow_mut().pop_front();
        match awaited {
            Some(Awaited::Call(id, sent)) => {
                // Under the lock, so that `cancel` is silent once it returned.
                let mut calls = lock(&self.shared.calls);
                match calls.remove(id).map(|call| call.kind) {
                    Some(Kind::Settle(silent)) => {
                        drop(calls);
                        timers::settled(self.shared, silent, id);
                    }
                    Some(_) => self.shared.tell_end(id, End::Pong(sent.elapsed())),
                    None => (),
                }
            }
            Some(Awaited::Session) => {
                self.restoring.set(false);
                self.answered.notify_one();
            }
            Some(Awaited::KeepAlive) | None => (),
        }
    }
}
