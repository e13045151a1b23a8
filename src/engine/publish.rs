//! Publishing: messages of which nobody awaits an answer.

use super::conn::Conn;
use super::error::Problem;
use super::message::{Publication, check_framing};
use super::outbox::{Kind, Queue};
use super::shared::Phase;

impl Conn {
    /// Publishes, by appending to the outbox. If more waits than the writer should be given at once, it gets a few milliseconds
    /// to take it. The caller has checked the subjects' form.
    ///
    /// # Errors
    /// `ErrConnectionClosed`, `ErrMaxPayload`, `ErrHeadersNotSupported`, `ErrReconnectBufExceeded`,
    /// `ErrInvalidArg` for a header that cannot be sent, `ErrBadSubject` for a subject that would break the protocol.
    pub fn publish(&self, p: &Publication<'_>) -> Result<(), Problem> {
        self.send(p, false)
    }

    /// The same for a message on which others depend that are soon wanted: it does not wait for more in a flood, and takes with it
    /// what does.
    ///
    /// # Errors
    /// As [`Conn::publish`].
    pub fn publish_at_once(&self, p: &Publication<'_>) -> Result<(), Problem> {
        self.send(p, true)
    }

    /// Publishes an answer to the reply subject of a message.
    ///
    /// # Errors
    /// As [`Conn::publish`].
    pub fn answer(&self, to: &str, payload: &[u8]) -> Result<(), Problem> {
        self.open_or_problem()?;
        check_framing(to, "subject")?;
        self.push(false, |q| {
            self.shared.admit_size(q, payload.len(), payload.len() + to.len(), false)?;
            q.answer(to, payload);
            Ok(())
        })
    }

    fn send(&self, p: &Publication<'_>, at_once: bool) -> Result<(), Problem> {
        self.open_or_problem()?;
        p.check()?;
        let reply = p.reply.map(|reply| reply.as_str());
        self.push(at_once, |q| {
            self.shared.admit(q, p, reply.as_slice())?;
            q.publish(p, reply.as_slice(), Kind::Publish);
            Ok(())
        })
    }

    fn open_or_problem(&self) -> Result<(), Problem> {
        if self.shared.phase() == Phase::Closed { Err(Problem::closed()) } else { Ok(()) }
    }

    fn push(&self, at_once: bool, push: impl FnOnce(&mut Queue) -> Result<(), Problem>) -> Result<(), Problem> {
        let outbox = &self.shared.outbox;
        let push = |q: &mut Queue| {
            push(q)?;
            Ok(outbox.is_crowded(q))
        };
        let pushed: Option<Result<bool, Problem>> = if at_once { outbox.with_at_once(push) } else { outbox.with(push) };
        if pushed.ok_or_else(Problem::closed)?? && self.shared.phase() == Phase::Connected {
            outbox.give_time();
        }
        Ok(())
    }
}
