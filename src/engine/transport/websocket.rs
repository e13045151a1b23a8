//! A byte stream over the binary frames of a WebSocket.

use super::ahead::ReadAhead;
use super::target::Target;
use super::upgrade::upgrade;
use crate::engine::error::Problem;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{ClientBuilder, Error, Limits, Message, WebSocketStream};

/// Limit of what a frame from the server may hold: its own ceiling for a message, and some room for control lines.
const LARGEST_FRAME: usize = 64 * 1024 * 1024 + 256 * 1024;

/// Limit of what a frame to the server holds, so that a large write neither is copied at once nor blocks a pong.
const FRAME: usize = 256 * 1024;

/// A byte stream whose bytes travel in binary frames, cut anywhere. Pings are answered while it is read; a close frame
/// of the server is the end of the stream.
pub(in crate::engine) struct WebSocket<S> {
    inner: WebSocketStream<ReadAhead<S>>,
    /// What is left of the frame read last.
    rest: Bytes,
    /// A close frame of ours has been queued.
    closing: bool,
}

/// Asks for the upgrade on an established stream.
///
/// # Errors
/// `ErrProtocol` if the peer answers anything but a WebSocket's yes, or what ended the stream.
pub(super) async fn open<S>(stream: S, target: &Target<'_>) -> Result<WebSocket<S>, Problem>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = upgrade(stream, target).await?;
    let limits = Limits::default().max_payload_len(Some(LARGEST_FRAME));
    Ok(WebSocket { inner: ClientBuilder::new().limits(limits).take_over(stream), rest: Bytes::new(), closing: false })
}

/// The error as a socket would have it.
fn socket_error(error: Error) -> io::Error {
    match error {
        // The peer ended the stream in the middle of a frame, which the framing layer has no kind for.
        Error::Io(e) if e.kind() == io::ErrorKind::Other => io::Error::new(io::ErrorKind::UnexpectedEof, e),
        Error::Io(e) => e,
        Error::AlreadyClosed => io::ErrorKind::BrokenPipe.into(),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_next(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(e)) => return Poll::Ready(Err(socket_error(e))),
                Some(Ok(message)) if message.is_binary() || message.is_text() => this.rest = message.into_payload().into(),
                // Pings have been answered, the end comes with the next poll.
                Some(Ok(_)) => (),
            }
        }
        let count = this.rest.len().min(buf.remaining());
        buf.put_slice(&this.rest[..count]);
        this.rest.advance(count);
        if this.rest.is_empty() {
            // Lets the frame's memory go.
            this.rest = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.inner).poll_ready(cx)).map_err(socket_error)?;
        let count = buf.len().min(FRAME);
        let frame = Message::binary(BytesMut::from(&buf[..count]));
        Pin::new(&mut this.inner).start_send(frame).map_err(socket_error)?;
        // As much as the socket takes at once: whoever forgets to flush must not wait for ever.
        match Pin::new(&mut this.inner).poll_flush(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(socket_error(e))),
            _ => Poll::Ready(Ok(count)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx).map_err(socket_error)
    }

    /// Says goodbye and ends the stream; the server's goodbye is not awaited.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closing {
            this.closing = true;
            match Pin::new(&mut this.inner).start_send(Message::close(None, "")) {
                Ok(()) | Err(Error::AlreadyClosed) => (),
                Err(e) => return Poll::Ready(Err(socket_error(e))),
            }
        }
        ready!(Pin::new(&mut this.inner).poll_flush(cx)).map_err(socket_error)?;
        Pin::new(this.inner.get_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alive::Pulse;
    use tokio::io::AsyncReadExt;

    /// What a client reads from these bytes of a server, and how it ends.
    fn read(bytes: &[u8]) -> (Vec<u8>, Result<(), io::ErrorKind>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let stream =
                ReadAhead { stream: tokio::io::join(bytes, tokio::io::sink()), bytes: Bytes::new(), received: Pulse::new() };
            let inner = ClientBuilder::new().limits(Limits::default().max_payload_len(Some(LARGEST_FRAME))).take_over(stream);
            let mut socket = WebSocket { inner, rest: Bytes::new(), closing: false };
            let mut got = Vec::new();
            let end = socket.read_to_end(&mut got).await.map(|_| ()).map_err(|e| e.kind());
            (got, end)
        })
    }

    #[test]
    fn frames() {
        let end = Err(io::ErrorKind::UnexpectedEof);
        assert_eq!(read(b"\x82\x02ab\x82\x00\x82\x01c"), (b"abc".to_vec(), Ok(())));
        assert_eq!(read(b"\x02\x01a\x89\x02hi\x00\x01b\x8a\x00\x80\x01c"), (b"abc".to_vec(), Ok(())));
        assert_eq!(read(b"\x81\x02ab\x88\x00"), (b"ab".to_vec(), Ok(())));
        assert_eq!(read(b"\x82\x02ab\x88\x02\x03\xe8\x82\x01c").0, b"ab");
        assert_eq!(read(b"\x82\x05ab"), (Vec::new(), end));
        assert_eq!(read(b"\x82"), (Vec::new(), end));
        let bad = (Vec::new(), Err(io::ErrorKind::InvalidData));
        for bytes in [&b"\x82\x81abcdx"[..], b"\x83\x00", b"\xc2\x00", b"\x82\x7f\x40\0\0\0\0\0\0\0", b"\x09\x00", b"\x88\x01x"] {
            assert_eq!(read(bytes), bad, "{bytes:?}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..random(6) {
                let first = [0x82, 0x81, 0x88, 0x89, 0x8a, 0x02, 0x00, 0x80, random(256) as u8][random(9) as usize];
                let payload: Vec<u8> = (0..random(8)).map(|_| random(256) as u8).collect();
                bytes.extend([first, payload.len() as u8]);
                bytes.extend(payload);
            }
            let cut = random(bytes.len() as u64 + 1) as usize;
            let _ = read(&bytes[..if random(3) == 0 { cut } else { bytes.len() }]);
        }
    }
}
