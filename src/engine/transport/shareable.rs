//! The write half of a plain TCP connection, which not only the writer may use.

use socket2::SockRef;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

/// A share of it. The socket is shut down when the last share goes.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Shareable(Arc<OwnedWriteHalf>);

impl Shareable {
    /// The first share.
    pub fn new(half: OwnedWriteHalf) -> Shareable {
        Shareable(Arc::new(half))
    }

    /// Writes what the socket takes at once. Nothing is written to a connection that the server has ended, which the I/O thread
    /// may not have seen yet: that would be lost, while what is left in the queue goes to the next server.
    ///
    /// # Errors
    /// `WouldBlock`; the end, as the system tells it.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut byte = [MaybeUninit::uninit()];
        match SockRef::from(self.0.as_ref().as_ref()).peek(&mut byte) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => self.0.try_write(bytes),
        }
    }
}

impl AsyncWrite for Shareable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.as_ref().as_ref().poll_write_ready(cx))?;
            match self.try_write(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => (),
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
