//! Callers that write to the socket themselves.

use super::{Batch, Frame, Outbox, Queue};
use crate::engine::transport::Shareable;
use std::io;
use std::sync::atomic::Ordering;

/// Greatest number of bytes that a caller writes itself; more is the writer's work.
const MOST_AT_ONCE: usize = 64 * 1024;

impl Outbox {
    /// Writes the waiting frames instead of the writer, if that is idle, and if there is no round trip or the like of which the
    /// session must take note.
    pub(super) fn write_now(&self, queue: &mut Queue) {
        let Some(socket) = queue.socket.as_ref().filter(|_| queue.free && !queue.awake) else { return };
        if queue.bytes.len() > MOST_AT_ONCE || queue.stale > 0 || self.is_urgent() || queue.frames.iter().any(Frame::is_special) {
            return;
        }
        queue.frames.iter().for_each(Frame::told);
        match socket.try_write(&queue.bytes) {
            Ok(written) if written == queue.bytes.len() => (),
            Ok(written) => {
                queue.ahead = written;
                return;
            }
            // The writer goes on, or meets what is wrong with the socket.
            Err(error) => return self.failed(&error),
        }
        self.wrote(&queue.frames);
        self.aside.fetch_add(queue.frames.len() - queue.requests.len(), Ordering::Relaxed);
        queue.bytes.clear();
        queue.frames.clear();
        queue.requests.clear();
        queue.controls = 0;
    }

    /// Number of messages that callers have written since this was last asked, their calls not counted.
    pub fn take_aside(&self) -> usize {
        self.aside.swap(0, Ordering::Relaxed)
    }

    /// A session begins; callers may write to its socket, if it is plain TCP.
    pub fn attach(&self, socket: Option<Shareable>) {
        self.published.store(false, Ordering::Relaxed);
        self.reset.store(false, Ordering::Relaxed);
        self.has_socket.store(socket.is_some(), Ordering::Relaxed);
        crate::engine::lock(&self.queue).socket = socket;
    }

    /// Notes that a write failed: the system tells a reset only once, to whoever asks first.
    pub fn failed(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionReset {
            self.reset.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a write has met a reset in this session.
    pub fn was_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
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
    use super::super::Kind;
    use super::*;
    use crate::engine::message::{Publication, Subject};
    use socket2::SockRef;
    use std::time::Duration;
    use tokio::net::{TcpListener, TcpStream};

    /// The outbox of a session with an idle writer, and both ends of its connection.
    async fn session() -> (Outbox, tokio::net::tcp::OwnedReadHalf, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (read, write) = ours.unwrap().into_split();
        write.writable().await.unwrap();
        let outbox = Outbox::default();
        outbox.open();
        outbox.attach(Some(Shareable::new(write)));
        outbox.with(|q| q.free = true);
        (outbox, read, theirs.unwrap().0)
    }

    fn publish(outbox: &Outbox) {
        let subject = Subject::from("s");
        let p = Publication { subject: &subject, reply: None, headers: &[], payload: b"1" };
        outbox.with_at_once(|q| q.publish(&p, &[], Kind::Publish));
    }

    fn run(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), work).await.unwrap() });
    }

    #[test]
    fn written_by_the_caller() {
        run(async {
            let (outbox, _read, theirs) = session().await;
            publish(&outbox);
            assert!(!outbox.is_waiting() && outbox.has_published());
            assert_eq!((outbox.take_aside(), outbox.take_aside()), (1, 0));
            theirs.readable().await.unwrap();
            let mut came = [0; 64];
            let count = theirs.try_read(&mut came).unwrap();
            assert_eq!(&came[..count], b"PUB s  1\r\n1\r\n");
            // The next session has not written anything.
            outbox.attach(None);
            assert!(!outbox.has_published());
            publish(&outbox);
            assert!(outbox.is_waiting());
        });
    }

    #[test]
    fn an_end_that_the_io_thread_has_not_seen() {
        run(async {
            let (outbox, _read, theirs) = session().await;
            drop(theirs);
            publish(&outbox);
            assert!(outbox.is_waiting() && !outbox.has_published() && !outbox.was_reset());
        });
    }

    #[test]
    fn a_reset_is_remembered() {
        run(async {
            let (outbox, _read, theirs) = session().await;
            SockRef::from(&theirs).set_linger(Some(Duration::ZERO)).unwrap();
            drop(theirs);
            publish(&outbox);
            assert!(outbox.is_waiting() && outbox.was_reset());
            outbox.attach(None);
            assert!(!outbox.was_reset());
        });
    }
}
