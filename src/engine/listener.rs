//! Events that the engine tells its owner.

use super::error::Problem;
use super::log::Level;
use super::message::Message;
use super::pool::ServerEntry;
use super::subs::Sub;
use super::wire::info::Info;
use super::{CallId, SubId};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Receiver of everything that happens on a connection.
///
/// The functions are called from the I/O thread or from inside a call of [`super::Conn`], with locks of
/// the engine held: they must not block and must not call `Conn` back. [`Sub::taken`] may be called anywhere.
pub trait Listener: Send + Sync + 'static {
    /// Runs the I/O thread's work.
    ///
    /// # Errors
    /// Text and place of a panic, which is caught.
    fn guard(&self, work: &mut dyn FnMut()) -> Result<(), String>;
    /// Whether this process is a fork of the one in which the connection was made: the other threads do not exist in it, and
    /// those that held locks never give them back.
    fn is_foreign(&self) -> bool;
    /// Completion lane: statuses, errors and the ends of calls in the order in which they happened.
    fn event(&self, e: Event);
    /// The same for several at once.
    fn events(&self, events: Vec<Event>);
    /// The same for replies to one call.
    fn replies(&self, call: CallId, messages: Vec<Message>);
    /// Message lane: messages of a subscription, in order.
    fn messages(&self, sub: &Arc<Sub>, batch: Vec<Message>);
    /// Message lane: nothing more will come for this subscription. Called once for each.
    fn sub_end(&self, id: SubId);
}

/// Transitions that the engine makes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Connected, and what had been queued until then has been sent.
    Connected,
    /// The connection was lost; the next server is being tried.
    Reconnecting,
    /// No server is left.
    Closed {
        /// Number of messages that waited to be sent and were dropped.
        dropped: usize,
    },
}

/// How a call ended.
#[derive(Debug)]
pub enum End {
    /// No (further) reply in time.
    Timeout,
    /// Nobody listens to the subject; the server's status message.
    NoResponders(Message),
    /// A status message ended a pull, or the mark of the end a request for many answers.
    Status(Message),
    /// No further answer came for a while to a request for many.
    Stalled,
    /// The connection was lost for good (pings and requests for many answers: lost at all; pings unless
    /// [`super::Losses::keep_pings`]).
    Lost,
    /// The connection was closed by its owner.
    Closed,
    /// All the replies asked for have come.
    Full,
    /// Answer to a ping, with the time from its sending to the answer.
    Pong(Duration),
    /// The server refused the message or its reply subject.
    Refused(Problem),
}

/// One event of the completion lane.
#[derive(Debug)]
pub enum Event {
    /// A transition; `error` is its cause (`None` for `Connected`).
    Status {
        /// The number given to `open`.
        epoch: u64,
        /// The new status.
        status: Status,
        /// The cause, unless it was told before; it does not come as an `Error` too.
        error: Option<Problem>,
    },
    /// An INFO was seen; `Conn::servers` already holds the servers it names.
    Info(Arc<Info>),
    /// An asynchronous error, failed attempts included.
    Error {
        /// The number given to `open`.
        epoch: u64,
        /// The error.
        problem: Problem,
    },
    /// A log line whose level is enabled.
    Log {
        /// Time of the line.
        at: SystemTime,
        /// Its level.
        level: Level,
        /// The line.
        text: String,
    },
    /// A question: how long to wait since the last attempt at this server. The answer is `Conn::answer_delay`.
    AskDelay {
        /// Number for the answer.
        ticket: u64,
        /// The next server.
        server: Box<ServerEntry>,
    },
    /// A reply. For a shared request it is the end as well, no `End` follows.
    Reply {
        /// The call.
        call: CallId,
        /// The reply.
        message: Message,
    },
    /// Calls that are counted ended in such a way that their owner wants to know.
    Settled {
        /// Number of the owner.
        owner: CallId,
    },
    /// A call ended without (a further) reply.
    End {
        /// The call.
        call: CallId,
        /// How it ended.
        end: End,
    },
}
