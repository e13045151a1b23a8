//! The frames that the writer is writing.

use super::super::CallId;
use super::frame::{Frame, Kind, retain};
use std::cell::Cell;

/// Number of bytes for which an empty buffer may keep room while messages come: as far as a publisher may be ahead. To allocate
/// that each time costs more than copying what is put there.
const ROOM_AT_WORK: usize = 4 << 20;

/// Number of bytes for which an empty buffer may keep room when the writer sleeps, so that a flood leaves no memory behind.
const ROOM_AT_REST: usize = 256 * 1024;

/// Number of bytes written before the writer looks for what is urgent, and for calls that have ended meanwhile.
const SLICE: usize = 256 * 1024;

/// The frames that the writer is writing.
#[derive(Debug, Default)]
pub(in crate::engine) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) frames: Vec<Frame>,
    /// The first frame that is not written.
    pub(super) next: usize,
    /// Offset of that frame.
    pub(super) start: usize,
    /// Number of bytes of the latest slice that are written: the connection may break there.
    pub written: Cell<usize>,
    /// Whether there are frames that are not messages.
    pub has_controls: bool,
    /// Number of messages of calls.
    pub calls: usize,
    /// Last seen value of [`Outbox::withdrawals`](super::Outbox::withdrawals).
    pub withdrawn: u64,
}

fn limit_room(bytes: &mut Vec<u8>, frames: &mut Vec<Frame>, room: usize) {
    if bytes.capacity() > room {
        *bytes = Vec::new();
    }
    if frames.capacity() > room / size_of::<Frame>() {
        *frames = Vec::new();
    }
}

impl Batch {
    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.next == self.frames.len()
    }

    /// Number of frames left.
    pub fn len(&self) -> usize {
        self.frames.len() - self.next
    }

    pub(super) fn reset(&mut self) {
        let (mut bytes, mut frames) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.frames));
        bytes.clear();
        frames.clear();
        limit_room(&mut bytes, &mut frames, ROOM_AT_WORK);
        *self = Batch { bytes, frames, ..Batch::default() };
    }

    /// The writer is about to sleep: gives back what room it need not keep, here and in the queue's empty buffers.
    pub(super) fn rest(&mut self, bytes: &mut Vec<u8>, frames: &mut Vec<Frame>) {
        self.reset();
        limit_room(&mut self.bytes, &mut self.frames, ROOM_AT_REST);
        limit_room(bytes, frames, ROOM_AT_REST);
    }

    /// Drops what need not be sent any more: messages of calls that have ended, and subscriptions that ended before the server
    /// was told of them.
    pub(super) fn drop_stale(&mut self) {
        let frames = std::mem::take(&mut self.frames);
        retain(&mut self.bytes, 0, frames, |frame| !frame.is_stale(), &mut self.frames);
    }

    /// Drops messages of calls that have ended; the batch stands between two frames. Returns the sizes of what is dropped.
    pub fn drop_ended(&mut self, pending: impl Fn(CallId) -> bool) -> u64 {
        let mut gone = 0;
        let rest = self.frames.split_off(self.next);
        let keep = |frame: &Frame| match frame.kind {
            Kind::Request(id) if !pending(id) => {
                gone += u64::from(frame.size);
                false
            }
            _ => true,
        };
        retain(&mut self.bytes, self.start, rest, keep, &mut self.frames);
        gone
    }

    /// The next frames, at least one, and their bytes.
    pub fn slice(&self) -> (&[Frame], &[u8]) {
        let (mut count, mut len) = (0, 0);
        for frame in &self.frames[self.next..] {
            if count > 0 && len + frame.len as usize > SLICE {
                break;
            }
            count += 1;
            len += frame.len as usize;
        }
        (&self.frames[self.next..self.next + count], &self.bytes[self.start..self.start + len])
    }

    /// The next frames.
    pub fn next_frames(&self, count: usize) -> &[Frame] {
        &self.frames[self.next..self.next + count]
    }

    /// Notes that so many frames have been written.
    pub fn advance(&mut self, frames: usize) {
        let len: usize = self.next_frames(frames).iter().map(|f| f.len as usize).sum();
        self.next += frames;
        self.start += len;
    }

    /// The connection broke: the frames of the latest slice that were written whole, which are gone. What is left of
    /// `written` belongs to the next one.
    pub fn settle(&mut self) -> &[Frame] {
        let (mut count, mut left) = (0, self.written.get());
        for frame in &self.frames[self.next..] {
            if left < frame.len as usize {
                break;
            }
            left -= frame.len as usize;
            count += 1;
        }
        self.written.set(left);
        self.advance(count);
        &self.frames[self.next - count..self.next]
    }
}
