//! Callers that write to the socket themselves.

use super::{Batch, Frame, Outbox, Queue};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::net::tcp::OwnedWriteHalf;

/// Bytes that a caller writes itself at most: more is the writer's work.
const MOST_AT_ONCE: usize = 64 * 1024;

impl Outbox {
    /// Writes what waits in the writer's place, if it is free and a round trip or the like needs no note of the session.
    pub(super) fn write_now(&self, queue: &mut Queue) {
        let Some(socket) = queue.socket.as_ref().filter(|_| queue.free && !queue.awake) else { return };
        if queue.bytes.len() > MOST_AT_ONCE || queue.stale > 0 || self.is_urgent() || queue.frames.iter().any(Frame::is_special) {
            return;
        }
        queue.frames.iter().for_each(Frame::told);
        // Whatever is wrong with the socket, the writer meets it too.
        let written = socket.try_write(&queue.bytes).unwrap_or(0);
        if written < queue.bytes.len() {
            queue.ahead = written;
            return;
        }
        self.wrote(&queue.frames);
        queue.bytes.clear();
        queue.frames.clear();
        queue.requests.clear();
        queue.controls = 0;
    }

    /// A session begins whose socket callers may write to.
    pub fn attach(&self, socket: Arc<OwnedWriteHalf>) {
        crate::engine::lock(&self.queue).socket = Some(socket);
        self.has_socket.store(true, Ordering::Relaxed);
    }

    /// The session ends. What a caller had begun to write becomes the batch's, if that is empty.
    pub fn detach(&self, batch: &mut Batch) {
        let mut queue = crate::engine::lock(&self.queue);
        (queue.socket, queue.free) = (None, false);
        self.has_socket.store(false, Ordering::Relaxed);
        let begun = queue.ahead > 0;
        drop(queue);
        if begun {
            self.refill(batch);
        }
    }
}
