//! Callbacks: one at a time, or several in coroutines, with a message or a list of them.

use std::cell::Cell;
use std::rc::Rc;

use super::state::{Messages, Taken};
use crate::bridge::messages::dict_in;
use crate::engine::Message;
use crate::rules::consumption::Consumption;
use crate::tcl::event::Timer;
use crate::tcl::{Interp, Obj};

thread_local! {
    /// Number of the last coroutine made for a callback.
    static COROUTINES: Cell<u64> = const { Cell::new(0) };
    /// Number of the last messages that are settled by number: one for all objects, since these may be gone by then.
    static IDS: Cell<u64> = const { Cell::new(0) };
}

impl Messages {
    /// A message came: its callback runs at once if nothing stands in its way.
    pub(super) fn arrived(&self) {
        if !self.turn_waits.replace(true) {
            self.turns.take(());
        }
    }

    /// Lets the next callback run, as an event of its own.
    pub(super) fn kick(&self) {
        let any = self.source.get().is_some_and(|source| source.buffered().0 > 0);
        if any && self.settings.callback.is_some() && !self.turn_waits.replace(true) {
            self.turns.push(());
        }
    }

    /// Runs the next callback, unless something stands in its way whose end brings the next turn.
    pub(super) fn turn(self: &Rc<Self>) {
        self.turn_waits.set(false);
        let (Some(source), Some(callback)) = (self.source.get(), &self.settings.callback) else { return };
        let (paused, closing) = source.look(|machine| (machine.is_paused(), machine.is_closing()));
        if (paused && !closing) || self.running.get() >= self.settings.concurrency {
            return;
        }
        let most = self.settings.batch.unwrap_or(1);
        if !closing && !self.is_full(most) {
            return;
        }
        self.batch_due.set(false);
        self.batch_timer.take();
        let taken: Vec<Message> = match most {
            1 => source.take().into_iter().collect(),
            _ => std::iter::from_fn(|| source.take()).take(most).collect(),
        };
        let Some(kept) = self.connection.home.live().filter(|_| !taken.is_empty()) else { return };
        let coding = self.connection.coding();
        let value = match self.settings.batch {
            None => dict_in(coding, &taken[0], 0),
            Some(_) => Obj::list(&taken.iter().map(|message| dict_in(coding, message, 0)).collect::<Vec<_>>()),
        };
        let mut words = Vec::with_capacity(callback.len() + 1);
        words.extend_from_slice(callback);
        words.push(value);
        self.running.set(self.running.get() + 1);
        let taken = self.begin(taken);
        if self.settings.concurrency > 1 {
            self.in_coroutine(kept.interp(), &words, taken);
        } else {
            let outcome = kept.interp().ask(&words);
            self.settle_apart(taken, outcome.is_err());
            if let Err(error) = outcome {
                kept.interp().background_error(&error);
            }
        }
        self.kick();
    }

    /// Whether enough messages are there for a callback, or it was waited long enough for more.
    fn is_full(self: &Rc<Self>, most: usize) -> bool {
        let Some(source) = self.source.get() else { return false };
        let buffered = source.buffered().0;
        let more = buffered < most && source.look(Consumption::expects_more);
        let wait = self.settings.batch_wait.filter(|_| more && !self.batch_due.get());
        let Some(ms) = wait.filter(|_| buffered > 0) else { return true };
        if self.batch_timer.borrow().is_none() {
            let target = Rc::downgrade(self);
            let due = move || {
                if let Some(messages) = target.upgrade() {
                    messages.batch_timer.take();
                    messages.batch_due.set(true);
                    messages.kick();
                }
            };
            self.batch_timer.replace(Some(Timer::after(ms, Box::new(due))));
        }
        false
    }

    /// Notes that the script begins to deal with these messages.
    pub(super) fn begin(&self, messages: Vec<Message>) -> Taken {
        let source = self.source.get().filter(|_| self.settings.keep_alive);
        let alive = source.map_or_else(Vec::new, |source| {
            messages.iter().filter_map(|message| source.keep_alive(message, self.settings.ack_wait)).collect()
        });
        Taken::new(messages, alive)
    }

    /// Keeps messages until they are settled by number, a new one or one that was given before.
    pub(super) fn keep(&self, taken: Taken, again: Option<u64>) -> u64 {
        let id = again.unwrap_or_else(|| {
            let id = IDS.get() + 1;
            IDS.set(id);
            id
        });
        self.taken.borrow_mut().insert(id, taken);
        id
    }

    fn in_coroutine(self: &Rc<Self>, interp: Interp, words: &[Obj], taken: Taken) {
        let id = self.keep(taken, None);
        let number = COROUTINES.get() + 1;
        COROUTINES.set(number);
        let call = [
            Obj::text("::coroutine"),
            Obj::text(&format!("::nats::internal::callback{number}")),
            Obj::text("::nats::internal::run"),
            Obj::text(&self.my.borrow()),
            Obj::int(id as i64),
            Obj::list(words),
        ];
        if let Err(error) = interp.ask(&call) {
            interp.background_error(&error);
            // It may not have begun.
            let left = self.taken.borrow_mut().remove(&id);
            if let Some(taken) = left {
                self.running.set(self.running.get().saturating_sub(1));
                self.settle_apart(taken, true);
            }
        }
    }

    /// A callback in a coroutine has ended.
    pub(super) fn ran(&self) {
        self.running.set(self.running.get().saturating_sub(1));
        self.kick();
    }
}
