//! The queue of frames, to which callers append under the lock.

use super::super::CallId;
use super::super::message::Publication;
use super::super::pace;
use super::super::subs::Sub;
use super::super::transport::Shareable;
use super::super::wire::encode;
use super::frame::{Frame, Kind, retain};
use std::sync::Arc;

/// The queue itself.
#[derive(Debug, Default)]
pub(in crate::engine) struct Queue {
    /// All frames, one after the other.
    pub(super) bytes: Vec<u8>,
    /// Place and kind of each.
    pub(super) frames: Vec<Frame>,
    /// Calls whose message waits, with the index of its frame; numbers of calls grow.
    pub(super) requests: Vec<(CallId, usize)>,
    /// Number of frames of subscriptions and round trips among them.
    pub(super) controls: usize,
    /// Number of frames that need not be sent any more.
    pub(super) stale: usize,
    /// Whether the server checks subjects strictly.
    pub(super) pedantic: bool,
    /// Number of the server's PINGs that wait for an answer, which overtakes the frames.
    pub(super) pongs: u32,
    /// Whether a keep-alive is due, which overtakes the frames.
    pub(super) keep_alive: bool,
    /// Whether a connection is wanted, so that frames are taken.
    pub(super) open: bool,
    /// Whether the writer is at work and needs no wake.
    pub(super) awake: bool,
    /// The session's socket, if it is plain TCP.
    pub(super) socket: Option<Shareable>,
    /// Whether the writer sleeps and has left nothing half written, so that a caller may write instead.
    pub(super) free: bool,
    /// Number of bytes at the front that a caller wrote, the rest of which the socket did not take.
    pub(super) ahead: usize,
    /// Number of frames for which the writer is woken; in a flood more than a few.
    pub(super) worth: usize,
    /// Whether a publisher gives the writer time.
    pub(super) publisher_waits: bool,
    /// Whether one did and the writer was slow: no publisher waits until it has taken what is there.
    pub(super) given_up: bool,
    /// Number of bytes of all messages ever queued.
    pub(super) queued_bytes: u64,
}

impl Queue {
    /// Appends a message, whose reply subject is given in parts.
    pub fn publish(&mut self, p: &Publication<'_>, reply: &[&str], kind: Kind) {
        let start = self.bytes.len();
        let subject = p.subject.as_str();
        encode::publish(&mut self.bytes, subject, reply, p.headers, p.payload);
        let body = p.body_len();
        let size = body + subject.len() + reply.iter().map(|part| part.len()).sum::<usize>();
        if let Kind::Request(id) = kind {
            let at = match self.requests.last() {
                // A pull that is asked for again has an old number.
                Some((last, _)) if *last > id => self.requests.partition_point(|(other, _)| *other < id),
                _ => self.requests.len(),
            };
            self.requests.insert(at, (id, self.frames.len()));
        }
        let odd = self.pedantic && !encode::is_literal(subject);
        let (headers, own) = (!p.headers.is_empty(), odd && p.subject.is_own());
        self.message(start, Frame { odd, own, ..Frame::message(kind, body, size, headers) });
    }

    /// Appends an answer to a message.
    pub fn answer(&mut self, to: &str, payload: &[u8]) {
        let start = self.bytes.len();
        encode::publish(&mut self.bytes, to, &[], &[], payload);
        let odd = self.pedantic && !encode::is_literal(to);
        let frame = Frame::message(Kind::Publish, payload.len(), payload.len() + to.len(), false);
        self.message(start, Frame { odd, own: odd, ..frame });
    }

    fn message(&mut self, start: usize, frame: Frame) {
        self.queued_bytes += u64::from(frame.size);
        self.frames.push(Frame { len: (self.bytes.len() - start) as u32, ..frame });
    }

    /// Appends the begin of a subscription, and its limit if it has one.
    pub fn subscribe(&mut self, sub: &Arc<Sub>) {
        self.control(Kind::Subscribe(sub.clone()), |out| encode::subscribe(out, sub.subject(), sub.queue(), sub.id()));
        self.limit(sub);
    }

    /// Appends the limit of a subscription, as counted from where the session subscribed.
    pub fn limit(&mut self, sub: &Arc<Sub>) {
        if let Some(left) = sub.state().told_limit() {
            self.control(Kind::Limit(sub.clone()), |out| encode::unsubscribe(out, sub.id(), Some(left)));
        }
    }

    /// Tells the server to send no more, though the subscription goes on; the next server is not told of it at all.
    pub fn hush(&mut self, sub: &Arc<Sub>) {
        sub.state().hushed = true;
        self.control(Kind::Unsubscribe, |out| encode::unsubscribe(out, sub.id(), None));
    }

    /// Ends a subscription: tells the server, or takes back what it has not been told yet.
    pub fn unsubscribe(&mut self, sub: &Arc<Sub>) {
        if sub.state().sent {
            return self.control(Kind::Unsubscribe, |out| encode::unsubscribe(out, sub.id(), None));
        }
        self.stale += 1;
        self.tidy();
    }

    /// Whether the writer should be woken for what is there.
    pub(super) fn is_due(&self, at_once: bool) -> bool {
        let worth = if at_once || self.controls > 0 { 1 } else { self.worth };
        pace::is_worth_a_wake(worth, self.frames.len(), self.bytes.len())
    }

    /// Appends a round trip.
    pub fn ping(&mut self, id: CallId) {
        self.control(Kind::Ping(id), |out| out.extend_from_slice(encode::PING));
    }

    /// Whether the message of this call waits.
    pub fn has_request(&self, id: CallId) -> bool {
        self.requests.binary_search_by_key(&id, |(id, _)| *id).is_ok()
    }

    /// Calls whose message waits, in the order of their numbers.
    pub fn waiting_calls(&self) -> Vec<CallId> {
        self.requests.iter().map(|(id, _)| *id).collect()
    }

    fn control(&mut self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.controls += 1;
        self.frames.push(Frame::control(kind, self.bytes.len() - start));
    }

    /// Drops what need not be sent once it is the larger part.
    pub(super) fn tidy(&mut self) {
        if self.stale * 2 > self.frames.len() {
            self.retain(|frame| !frame.is_stale());
            self.stale = 0;
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Frame) -> bool) {
        let frames = std::mem::take(&mut self.frames);
        retain(&mut self.bytes, 0, frames, keep, &mut self.frames);
        self.index();
    }

    pub(super) fn index(&mut self) {
        self.requests.clear();
        self.controls = 0;
        for (at, frame) in self.frames.iter().enumerate() {
            match frame.kind {
                Kind::Request(id) => self.requests.push((id, at)),
                Kind::Publish | Kind::Part(_) => (),
                _ => self.controls += 1,
            }
        }
        self.requests.sort_unstable();
    }
}
