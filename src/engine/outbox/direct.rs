//! Callers that write to the socket themselves.

use super::{Batch, Frame, Outbox, Queue};
use socket2::SockRef;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::net::tcp::OwnedWriteHalf;

/// Greatest number of bytes that a caller writes itself; more is the writer's work.
const MOST_AT_ONCE: usize = 64 * 1024;

/// Whether the server has ended the connection, which the I/O thread may not have seen yet. What is written then is lost, and its
/// answer never comes; left in the queue, it goes to the next server.
fn is_at_end(socket: &OwnedWriteHalf) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    match SockRef::from(socket.as_ref()).peek(&mut byte) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

impl Outbox {
    /// Writes the waiting frames instead of the writer, if that is idle, and if there is no round trip or the like of which the
    /// session must take note.
    pub(super) fn write_now(&self, queue: &mut Queue) {
        let Some(socket) = queue.socket.as_ref().filter(|_| queue.free && !queue.awake) else { return };
        if queue.bytes.len() > MOST_AT_ONCE || queue.stale > 0 || self.is_urgent() || queue.frames.iter().any(Frame::is_special) {
            return;
        }
        if is_at_end(socket) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn an_end_is_seen_before_the_io_thread_looks() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
            let (_read, write) = ours.unwrap().into_split();
            assert!(!is_at_end(&write));
            drop(theirs);
            assert!(is_at_end(&write));
        });
    }
}
