//! The writer of a session: restores subscriptions, then writes what the outbox holds.

use super::{Awaited, DRAIN_LIMIT, Session};
use crate::engine::config::Config;
use crate::engine::listener::{End, Status};
use crate::engine::log::Level;
use crate::engine::outbox::{Batch, Kind};
use crate::engine::pace::Pace;
use crate::engine::subs::Owner;
use crate::engine::wire::encode;
use crate::engine::{CallId, lock, request};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Time without a byte for which a close waits for the server to have read everything: answers take more than half a second by way of a
/// satellite.
const FAREWELL: Duration = Duration::from_millis(1000);

/// Time that the end of the stream may take, as TLS has it.
const END: Duration = Duration::from_millis(250);

/// Time for which queued frames are held back until the server has announced the limits of the account.
const LIMITS: Duration = Duration::from_millis(250);

impl Session<'_> {
    /// Writes until the owner closes and all is out.
    pub(super) async fn write<W: AsyncWrite + Unpin>(&self, w: &mut W, batch: &mut Batch, config: &Config) -> io::Result<()> {
        let written = self.write_all(w, batch, config).await;
        if let Err(e) = &written {
            self.shared.outbox.failed(e);
            // The reader tells the cause, once it has read what had arrived.
            tokio::time::sleep(DRAIN_LIMIT).await;
        }
        written
    }

    async fn write_all<W: AsyncWrite + Unpin>(&self, w: &mut W, batch: &mut Batch, config: &Config) -> io::Result<()> {
        let outbox = &self.shared.outbox;
        let renewed = request::pulls_to_renew(self.shared);
        let mut restored = self.restored(&renewed);
        if outbox.is_waiting() || !restored.is_empty() {
            // The second INFO, which has the limits of the account, comes before the answer; and whoever sees the connection
            // restored may send to a subscription at once, by way of another connection.
            restored.extend_from_slice(encode::PING);
            self.awaited.borrow_mut().push_back(Awaited::Session);
            self.restoring.set(true);
            w.write_all(&restored).await?;
            w.flush().await?;
            // A server that does not answer gets them all the same.
            let _ = tokio::time::timeout(LIMITS, self.answered.notified()).await;
        }
        self.prepare(config);
        request::renew_pulls(self.shared, &renewed);
        // `connected` means that what was queued until now is out, however much is added meanwhile.
        if outbox.refill(batch) {
            self.write_batch(w, batch).await?;
        }
        w.flush().await?;
        self.announce();
        let mut pace = Pace::new(Instant::now());
        loop {
            while outbox.refill(batch) {
                pace.count(batch.len(), batch.calls.min(batch.len()));
                self.write_batch(w, batch).await?;
            }
            self.write_urgent(w).await?;
            w.flush().await?;
            if self.shared.stopping() && !outbox.is_waiting() {
                break;
            }
            pace.count(outbox.take_aside(), 0);
            let in_flight = lock(&self.shared.calls).count();
            outbox.pushed(pace.worth_a_wake(Instant::now(), in_flight), batch).await;
        }
        if outbox.has_published() {
            self.farewell(w).await?;
        }
        // It would be the end of the process or of the connection in any case.
        let _ = tokio::time::timeout(END, w.shutdown()).await;
        Ok(())
    }

    /// Commands that tell the server of the subscriptions it knew before, but for the inboxes of pulls that get new ones.
    fn restored(&self, renewed: &[CallId]) -> Vec<u8> {
        let mut out = Vec::new();
        for sub in lock(&self.shared.subs).sent() {
            let mut state = sub.state();
            let replaced = matches!(sub.owner(), Owner::Call(id) if renewed.binary_search(&id).is_ok());
            if state.ended || replaced {
                continue;
            }
            state.tell();
            encode::subscribe(&mut out, sub.subject(), sub.queue(), sub.id());
            if let Some(left) = state.told_limit() {
                encode::unsubscribe(&mut out, sub.id(), Some(left));
            }
        }
        out
    }

    /// Goes through what waited for a connection: calls may have ended, and this server may take less than the one before.
    fn prepare(&self, config: &Config) {
        let shared = self.shared;
        let mut refused = Vec::new();
        let mut calls = lock(&shared.calls);
        shared.outbox.prepare(config.pedantic, |frame| {
            let id = match frame.kind {
                Kind::Request(id) | Kind::Part(id) if !calls.contains(id) => return false,
                Kind::Request(id) | Kind::Part(id) => Some(id),
                _ => None,
            };
            match shared.check_size(frame.body as usize, frame.headers) {
                Ok(()) => true,
                Err(problem) => {
                    refused.push((id, problem));
                    false
                }
            }
        });
        let mut inboxes = Vec::new();
        for (id, problem) in refused {
            crate::engine::shared::count(&shared.counters.dropped, 1);
            if let Some(id) = id
                && let Some(call) = calls.remove(id)
            {
                shared.end_call(id, &call, End::Refused(problem.clone()));
                inboxes.extend(call.inbox());
            }
            self.report(problem);
        }
        drop(calls);
        for sub in inboxes {
            shared.end_now(&sub);
        }
    }

    fn announce(&self) {
        if !self.shared.stopping() {
            let address = &self.address;
            // Before the status: a script that waits for that may end right after.
            self.shared.log(Level::Info, || format!("Connected to {address}"));
            self.announced.set(true);
            self.shared.transition(self.epoch, Status::Connected, None);
        }
    }

    /// Writes what is in the batch, a slice at a time.
    async fn write_batch<W: AsyncWrite + Unpin>(&self, w: &mut W, batch: &mut Batch) -> io::Result<()> {
        let outbox = &self.shared.outbox;
        while !batch.is_empty() {
            // A caller may have begun with the first frame: nothing can come before the rest of it.
            let mut at = batch.written.get();
            if at == 0 {
                self.write_urgent(w).await?;
                let withdrawn = outbox.withdrawals();
                if std::mem::replace(&mut batch.withdrawn, withdrawn) != withdrawn {
                    let calls = lock(&self.shared.calls);
                    outbox.dropped(batch.drop_ended(|id| calls.contains(id)));
                    continue;
                }
            }
            let (frames, bytes) = batch.slice();
            let count = frames.len();
            for frame in frames.iter().filter(|frame| frame.is_special()) {
                if let Kind::Ping(id) = frame.kind {
                    self.awaited.borrow_mut().push_back(Awaited::Call(id, Instant::now()));
                } else if frame.odd {
                    self.odd.borrow_mut().push_back(frame.own);
                }
            }
            while at < bytes.len() {
                let n = w.write(&bytes[at..]).await?;
                if n == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                at += n;
                // Where the connection may break.
                batch.written.set(at);
                outbox.progressed();
            }
            batch.written.set(0);
            outbox.wrote(batch.next_frames(count));
            batch.advance(count);
        }
        Ok(())
    }

    /// Writes what overtakes the queue.
    async fn write_urgent<W: AsyncWrite + Unpin>(&self, w: &mut W) -> io::Result<()> {
        let outbox = &self.shared.outbox;
        if !outbox.is_urgent() {
            return Ok(());
        }
        let mut out = Vec::new();
        if outbox.urgent(&mut out) {
            self.awaited.borrow_mut().push_back(Awaited::KeepAlive);
        }
        w.write_all(&out).await
    }

    /// Before a close: a socket closed with unread input is reset, and what we sent last could be lost.
    async fn farewell<W: AsyncWrite + Unpin>(&self, w: &mut W) -> io::Result<()> {
        self.awaited.borrow_mut().push_back(Awaited::Session);
        w.write_all(encode::PING).await?;
        w.flush().await?;
        let mut seen = self.shared.received.last();
        while tokio::time::timeout(FAREWELL, self.answered.notified()).await.is_err() {
            let received = self.shared.received.last();
            if received == seen {
                break;
            }
            seen = received;
        }
        Ok(())
    }
}
