//! The speaking side of conversations.

use super::conn::Conn;
use super::error::Problem;
use super::hearing::note_time;
use super::message::{Publication, Subject};
use super::outbox::{self, Queue};
use super::pending::{Kind, PendingCall};
use super::shared::Phase;
use super::talk::{Talk, Talking};
use super::{CallId, lock};
use std::sync::Arc;

impl Conn {
    /// Begins a conversation: subscribes to what comes below the inbox, and sends its first message, whose reply subject is given in
    /// parts. The owner ([`Conn::new_owner`]) hears of it by [`super::Event::Settled`]. It ends when a [`super::Turn`] says so, by
    /// [`Conn::cancel`], or with the connection.
    ///
    /// # Errors
    /// Those of [`Conn::publish`].
    pub fn begin_talk(
        &self,
        first: &Publication<'_>,
        inbox: &str,
        reply: &[&str],
        owner: CallId,
        talk: Arc<dyn Talk>,
    ) -> Result<CallId, Problem> {
        let shared = &*self.shared;
        if shared.phase() == Phase::Closed {
            return Err(Problem::closed());
        }
        first.check()?;
        Subject::from(inbox).check("reply")?;
        let mut subs = lock(&shared.subs);
        let mut calls = lock(&shared.calls);
        let pushed: Option<Result<_, Problem>> = shared.outbox.with_at_once(|q| {
            shared.admit(q, first, reply)?;
            let id = calls.upcoming();
            let sub = subs.add_call(id, format!("{inbox}.>"), None);
            q.subscribe(&sub);
            q.publish(first, reply, outbox::Kind::Request(id));
            let next = talk.next();
            let kind = Kind::Talk(Box::new(Talking { sub, next, talk, owner }));
            let earliest = calls.add(PendingCall::new(kind, Some(first.subject.as_str().into()), None));
            Ok((id, earliest))
        });
        drop(calls);
        drop(subs);
        let (id, earliest) = pushed.ok_or_else(Problem::closed)??;
        if earliest {
            shared.timer_wake.notify_one();
        }
        Ok(id)
    }

    /// Sends a message of a conversation. It is not sent any more if the connection breaks. With `at_once` it goes out now, with
    /// what waits before it; otherwise it may wait a moment for company.
    ///
    /// # Errors
    /// Those of [`Conn::publish`].
    pub fn say(&self, id: CallId, p: &Publication<'_>, reply: &[&str], at_once: bool) -> Result<(), Problem> {
        let shared = &*self.shared;
        if shared.phase() == Phase::Closed {
            return Err(Problem::closed());
        }
        p.check()?;
        let push = |q: &mut Queue| -> Result<bool, Problem> {
            shared.admit(q, p, reply)?;
            q.publish(p, reply, outbox::Kind::Part(id));
            Ok(shared.outbox.is_crowded(q))
        };
        let pushed = if at_once { shared.outbox.with_at_once(push) } else { shared.outbox.with(push) };
        if pushed.ok_or_else(Problem::closed)?? && shared.phase() == Phase::Connected {
            shared.outbox.give_time();
        }
        Ok(())
    }

    /// Looks again at when a conversation is to be called: somebody waits for it now.
    pub fn mind_time(&self, id: CallId) {
        if self.is_foreign() {
            return;
        }
        let earliest = note_time(&mut lock(&self.shared.calls), id);
        if earliest {
            self.shared.timer_wake.notify_one();
        }
    }
}
