//! The way out: restores subscriptions, then writes what the outbox holds.

use super::error::{Code, Problem};
use super::listener::Status;
use super::lock;
use super::log::Level;
use super::message::Wire;
use super::outbox::{Batch, Item};
use super::session::Session;
use super::shared::{count, count_own};
use super::subs::Sub;
use async_nats::{Client, SubscribeErrorKind};
use futures_util::Sink;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes after which a flush is awaited: bounds what is inside the wire library.
const FLUSH_EACH: usize = 1 << 20;

/// More items than this in such a time are a flood.
const FLOOD: usize = 64;
const FLOOD_TIME: Duration = Duration::from_millis(1);

/// The connection is gone; what is left goes back to the outbox.
pub(super) struct Gone;

impl Session {
    /// Writes until the owner closes and all is out. If the connection breaks, it waits for ever: the events tell.
    pub async fn write(self: &Arc<Self>) {
        if self.write_all().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn write_all(self: &Arc<Self>) -> Result<(), Gone> {
        let restored = lock(&self.shared.subs).sent();
        let mut batch = self.shared.outbox.take();
        for sub in restored {
            self.subscribe(&sub).await?;
            if sub.state().max.is_some() {
                self.limit(&sub).await?;
            }
        }
        let mut writer = Writer { session: self, sink: self.client.clone(), unflushed: 0, published: false, pace: Pace::new() };
        // `connected` means that what was queued until now is out, however much is added meanwhile.
        writer.write_batch(&mut batch).await?;
        self.flush().await?;
        self.announce();
        loop {
            while batch.refill() {
                writer.pace.count(batch.len());
                writer.write_batch(&mut batch).await?;
            }
            if self.shared.stopping() {
                break;
            }
            if self.keep_alive_due.swap(false, Ordering::Relaxed) {
                self.send_probe(0).await?;
            }
            self.shared.outbox.pushed(writer.pace.is_flood()).await;
        }
        self.flush().await?;
        if writer.published {
            self.farewell().await?;
        }
        Ok(())
    }

    fn announce(&self) {
        if !self.shared.stopping() {
            let address = &self.address;
            // Before the status: who waits for it may be gone right after.
            self.shared.log(Level::Info, || format!("Connected to {address}"));
            self.shared.transition(self.epoch, Status::Connected, None);
        }
    }

    pub async fn flush(&self) -> Result<(), Gone> {
        self.client.flush().await.map_err(|_| Gone)
    }

    /// Tells the server of a subscription and starts delivering its messages.
    pub async fn subscribe(self: &Arc<Self>, sub: &Arc<Sub>) -> Result<(), Gone> {
        {
            let mut state = sub.state();
            if state.ended {
                return Ok(());
            }
            // Before the command: if it is lost with the connection, the next session restores it.
            state.base = state.delivered;
            state.sent = true;
        }
        let subject = sub.subject().to_string();
        self.expect_refusal(&subject);
        let subscribed = match sub.queue() {
            Some(queue) => self.client.queue_subscribe(subject, queue.to_string()).await,
            None => self.client.subscribe(subject).await,
        };
        match subscribed {
            Ok(subscriber) => self.start_pump(sub, subscriber),
            Err(e) if e.kind() == SubscribeErrorKind::Other => return Err(Gone),
            Err(_) => {
                // The wire library keeps it from the server, which would say the same.
                let text = format!("invalid subject {}", sub.subject());
                let problem = Problem::new(Code::BadSubject, text);
                self.shared.error(self.epoch, problem);
            }
        }
        Ok(())
    }

    /// Tells the server the maximum of a subscription, as counted from where this session began.
    pub async fn limit(&self, sub: &Arc<Sub>) -> Result<(), Gone> {
        let left = {
            let state = sub.state();
            state.max.map(|max| max.saturating_sub(state.base))
        };
        let cell = lock(&self.cells).get(&sub.id()).cloned();
        let (Some(left), Some(cell)) = (left, cell) else {
            return Ok(());
        };
        if let Some(mut subscriber) = cell.take() {
            let told = subscriber.unsubscribe_after(left).await;
            cell.put_back(subscriber);
            told.map_err(|_| Gone)?;
        }
        Ok(())
    }

    async fn unsubscribe(&self, sub: &Arc<Sub>) -> Result<(), Gone> {
        let cell = lock(&self.cells).remove(&sub.id());
        match cell.and_then(|c| c.close()) {
            Some(mut subscriber) => subscriber.unsubscribe().await.map_err(|_| Gone),
            None => Ok(()),
        }
    }
}

struct Writer<'a> {
    session: &'a Arc<Session>,
    sink: Client,
    /// Bytes given to the wire library since the last flush.
    unflushed: usize,
    /// Something was published in this session.
    published: bool,
    pace: Pace,
}

/// How fast items come.
struct Pace {
    since: Instant,
    items: usize,
    flood: bool,
}

impl Pace {
    fn new() -> Pace {
        Pace { since: Instant::now(), items: 0, flood: false }
    }

    fn count(&mut self, items: usize) {
        self.items += items;
    }

    /// Whether so many come that they had better be written together.
    fn is_flood(&mut self) -> bool {
        let time = self.since.elapsed();
        if self.items >= FLOOD || time >= FLOOD_TIME {
            self.flood = self.items >= FLOOD && time < FLOOD_TIME;
            (self.since, self.items) = (Instant::now(), 0);
        }
        self.flood
    }
}

impl Writer<'_> {
    /// Writes what is in the batch.
    async fn write_batch(&mut self, batch: &mut Batch<'_>) -> Result<(), Gone> {
        let session = self.session;
        while !batch.is_empty() {
            if session.keep_alive_due.load(Ordering::Relaxed) {
                session.keep_alive_due.store(false, Ordering::Relaxed);
                session.send_probe(0).await?;
            }
            // A place first, then the item: nothing is lost if the connection breaks while we wait.
            std::future::poll_fn(|cx| Pin::new(&mut self.sink).poll_ready(cx)).await.map_err(|_| Gone)?;
            match batch.pop() {
                // No future of its own: it would be made and moved for each message.
                Some(Item::Publish(wire)) => self.publish(wire)?,
                Some(other) => self.tell(other).await?,
                None => (),
            }
            if self.unflushed >= FLUSH_EACH {
                self.unflushed = 0;
                session.flush().await?;
            }
        }
        Ok(())
    }

    /// Tells the server what is no message.
    async fn tell(&mut self, item: Item) -> Result<(), Gone> {
        let session = self.session;
        match item {
            Item::Publish(_) => (),
            Item::Subscribe(sub) => {
                let known = lock(&session.cells).contains_key(&sub.id());
                if !known || session.inbox_refused(&sub) {
                    session.subscribe(&sub).await?;
                }
            }
            Item::Limit(sub) => session.limit(&sub).await?,
            Item::Unsubscribe(sub) => session.unsubscribe(&sub).await?,
            Item::Probe(id) => session.send_probe(id).await?,
        }
        Ok(())
    }

    fn publish(&mut self, wire: Wire) -> Result<(), Gone> {
        let session = self.session;
        let shared = &session.shared;
        if let Err(problem) = shared.check_size(wire.bytes(), wire.has_headers()) {
            // Another server than the one it was checked against.
            count(&shared.counters.dropped, 1);
            shared.error(session.epoch, problem);
            return Ok(());
        }
        let (size, bytes) = (wire.size(), wire.bytes());
        let bad = session.pedantic && !is_literal(wire.subject());
        Pin::new(&mut self.sink).start_send(wire.into_inner()).map_err(|_| Gone)?;
        self.published = true;
        count_own(&shared.counters.out_msgs, 1);
        count_own(&shared.counters.out_bytes, bytes as u64);
        if bad {
            let problem = Problem::new(Code::BadSubject, "invalid publish subject");
            shared.error(session.epoch, problem);
        }
        self.unflushed += size;
        Ok(())
    }
}

/// The check of a pedantic server (`IsValidLiteralSubject`): tokens neither empty nor wildcards.
fn is_literal(subject: &str) -> bool {
    subject.split('.').all(|t| !matches!(t, "" | "*" | ">"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn literal_subjects() {
        for good in ["a", "a.b", "a*.>b"] {
            assert!(super::is_literal(good), "{good}");
        }
        for bad in ["", "a..b", ".a", "a.", "*", "a.*.b", "a.>"] {
            assert!(!super::is_literal(bad), "{bad}");
        }
    }
}
