//! One request, many answers, an end: what batched direct gets and the discovery of services stand on.
//!
//! The answers come to an inbox of the request's own, in their order. They end, whichever comes first, with
//! - an answer that is judged to be the last, or the mark behind the last ([`Part`](crate::engine::Part): by status, header or
//!   content);
//! - the greatest number of answers that is taken;
//! - a stall: nothing for a while after an answer;
//! - the status that nobody listens to the subject;
//! - the timeout of the whole.
//!
//! The I/O thread judges, counts and keeps time, so that nothing which comes behind the end reaches the Tcl thread. Nothing is asked
//! again: when the connection on which the request went out breaks, it ends with `ErrConnectionClosed`, and what has come
//! by then is dropped. A request that still waits for a connection goes out with the next one.

use std::rc::Rc;

use super::calls::Answer;
use super::conn::Client;
use super::fault::{Fault, Waiting};
use crate::engine::{End, Message, RequestSpec};

/// Why no more answers are taken.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The mark of the end came.
    Mark(Message),
    /// The last one came, or as many as are taken.
    Full,
    /// No further one came for a while.
    Stalled,
    /// No further one came in time.
    Timeout,
}

/// The answers of many.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// In the order in which they came.
    pub answers: Vec<Message>,
    /// Why there are no more.
    pub stop: Stop,
}

impl Client {
    /// Sends a request whose mode is [`Mode::Gather`](crate::engine::Mode::Gather), and gathers its answers. To see each of
    /// them as it comes, use [`Client::call`] or [`Client::call_back`] with the same mode.
    ///
    /// # Errors
    /// [`Fault::NoResponders`]; [`Fault::Lost`] and [`Fault::ClosedWaiting`], both `ErrConnectionClosed`; those of
    /// [`Client::call`].
    pub(crate) async fn gather(self: &Rc<Self>, spec: RequestSpec) -> Result<Gathered, Fault> {
        let subject = spec.msg.subject.clone();
        let calling = self.call(spec)?;
        let mut answers = Vec::new();
        let end = loop {
            match calling.next().await {
                Answer::Reply(message) => answers.push(message),
                Answer::End(end) => break end,
            }
        };
        let stop = match end {
            End::Status(mark) => Stop::Mark(mark),
            End::Full => Stop::Full,
            End::Stalled => Stop::Stalled,
            End::Timeout => Stop::Timeout,
            other => return Err(Fault::of_end(&other, Waiting::Many(subject.as_str().to_string()))),
        };
        Ok(Gathered { answers, stop })
    }
}
