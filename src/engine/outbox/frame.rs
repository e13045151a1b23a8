//! Frames, of which a buffer is a row.

use super::super::CallId;
use super::super::subs::Sub;
use std::sync::Arc;

/// Kind of a frame.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Kind {
    /// A message.
    Publish,
    /// The message of a call, which is not sent any more once the call has ended.
    Request(CallId),
    /// A message of a conversation, which is sent in the session to which it was given, or not at all.
    Part(CallId),
    /// Begin a subscription.
    Subscribe(Arc<Sub>),
    /// Limit a subscription to its `max`.
    Limit(Arc<Sub>),
    /// End a subscription now.
    Unsubscribe,
    /// A round trip.
    Ping(CallId),
}

/// One frame of the buffer.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Frame {
    /// Kind.
    pub kind: Kind,
    /// Length in the buffer.
    pub(super) len: u32,
    /// Length of payload and headers, as it counts for `max_payload` and the statistics.
    pub body: u32,
    /// Length of payload, headers and subjects, as it counts for the limit of what may wait.
    pub(super) size: u32,
    /// Whether the message has headers.
    pub headers: bool,
    /// Whether a pedantic server will complain about its subject.
    pub odd: bool,
    /// Whether the library made its subject.
    pub own: bool,
    /// Whether its call has ended, so that it is not to be sent.
    pub(super) dead: bool,
}

impl Frame {
    /// A message with these lengths; its own in the buffer is not known yet.
    pub(super) fn message(kind: Kind, body: usize, size: usize, headers: bool) -> Frame {
        Frame { body: body as u32, size: size as u32, headers, ..Frame::control(kind, 0) }
    }

    pub(super) fn control(kind: Kind, len: usize) -> Frame {
        Frame { kind, len: len as u32, body: 0, size: 0, headers: false, odd: false, own: false, dead: false }
    }

    /// The server is being told: from now on a subscription is restored after a loss, and ended by an UNSUB.
    pub(super) fn told(&self) {
        if let Kind::Subscribe(sub) = &self.kind {
            sub.state().tell();
        }
    }

    /// Whether the session has to note that it is on its way.
    pub fn is_special(&self) -> bool {
        self.odd || matches!(self.kind, Kind::Ping(_))
    }

    /// Whether it need not be sent any more: its call has ended, or its subscription before the server was told of it.
    pub(super) fn is_stale(&self) -> bool {
        match &self.kind {
            Kind::Subscribe(sub) | Kind::Limit(sub) => {
                let state = sub.state();
                state.ended && !state.sent
            }
            _ => self.dead,
        }
    }

    /// Whether it carries a message.
    pub fn is_message(&self) -> bool {
        matches!(self.kind, Kind::Publish | Kind::Request(_) | Kind::Part(_))
    }
}

/// Keeps some frames of a buffer that begin at `start`; the others' bytes go.
pub(super) fn retain(
    bytes: &mut Vec<u8>,
    start: usize,
    frames: Vec<Frame>,
    mut keep: impl FnMut(&Frame) -> bool,
    kept: &mut Vec<Frame>,
) {
    let (mut from, mut to) = (start, start);
    for frame in frames {
        let len = frame.len as usize;
        if keep(&frame) {
            if from != to {
                bytes.copy_within(from..from + len, to);
            }
            to += len;
            kept.push(frame);
        }
        from += len;
    }
    bytes.truncate(to);
}

/// Size of a message's waiting part.
pub(super) fn sizes(frames: &[Frame]) -> u64 {
    frames.iter().map(|f| u64::from(f.size)).sum()
}
