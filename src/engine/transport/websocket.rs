//! WebSocket: the upgrade, and a byte stream over binary frames.

use super::limited::Limited;
use super::target::Target;
use crate::engine::cause;
use crate::engine::error::Problem;
use crate::engine::url::{Scheme, address};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use http::{HeaderName, HeaderValue, Uri};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{ClientBuilder, Error, Limits, Message, WebSocketStream, upgrade};

/// Limit of what a frame from the server may hold: its own ceiling for a message, and some room for control lines.
const LARGEST_FRAME: usize = 64 * 1024 * 1024 + 256 * 1024;

/// Limit of what a frame to the server holds, so that a large write neither is copied at once nor blocks a pong.
const FRAME: usize = 256 * 1024;

/// Limit of the answer to the upgrade, which is kept whole until its end has come.
const LARGEST_ANSWER: usize = 64 * 1024;

/// A byte stream whose bytes travel in binary frames, cut anywhere. Pings are answered while it is read; a close frame
/// of the server is the end of the stream.
pub(in crate::engine) struct WebSocket<S> {
    inner: WebSocketStream<Limited<S>>,
    /// What is left of the frame read last.
    rest: Bytes,
    /// A close frame of ours has been queued.
    closing: bool,
}

/// Asks for the upgrade on an established stream.
///
/// # Errors
/// `ErrProtocol` if the peer answers anything but a WebSocket's yes, or what ended the stream.
pub(super) async fn upgrade<S>(stream: S, target: &Target<'_>) -> Result<WebSocket<S>, Problem>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shown = target.address();
    let uri = uri(target).ok_or_else(|| cause::protocol(&shown))?;
    let mut builder = ClientBuilder::from_uri(uri).limits(Limits::default().max_payload_len(Some(LARGEST_FRAME)));
    for (name, value) in &target.config.ws_headers {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) else {
            return Err(cause::protocol(&shown));
        };
        builder = builder.add_header(name, value).map_err(|_| cause::protocol(&shown))?;
    }
    match builder.connect_on(Limited { stream, left: Some(LARGEST_ANSWER) }).await {
        Ok((mut inner, _)) => {
            inner.get_mut().left = None;
            Ok(WebSocket { inner, rest: Bytes::new(), closing: false })
        }
        Err(Error::Upgrade(upgrade::Error::DidNotSwitchProtocols(status))) => Err(cause::no_upgrade(&shown, status)),
        Err(other) => Err(cause::of_io(&socket_error(other), &shown)),
    }
}

/// The URI for the request line and the Host header; the scheme's own port is left out, as browsers do.
fn uri(target: &Target<'_>) -> Option<Uri> {
    let authority = if target.port == target.scheme.default_port() {
        let with_port = address(target.host, 0);
        with_port.strip_suffix(":0")?.to_string()
    } else {
        target.address()
    };
    let scheme = if target.scheme == Scheme::Wss { "wss" } else { "ws" };
    let path = if target.path.is_empty() { "/" } else { target.path };
    format!("{scheme}://{authority}{path}").parse().ok()
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
