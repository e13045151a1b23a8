//! What the time brings: silence, and the question whether there is a consumer at all.

use std::rc::Rc;
use std::time::Instant;

use super::keeper::Keeper;
use super::source::Source;
use crate::client::codes::{CONSUMER_NOT_FOUND, STREAM_NOT_FOUND};
use crate::client::fault::Fault;
use crate::client::task::Task;
use crate::tcl::event::Timer;

impl Source {
    /// Asks whether the consumer exists.
    pub(super) fn ask(self: &Rc<Self>) {
        let source = Rc::clone(self);
        let rest = format!("CONSUMER.INFO.{}.{}", self.origin.stream, self.place.borrow().consumer);
        let api = Rc::clone(&self.origin.api);
        let generation = self.remaking.as_ref().map(|remaking| remaking.generation.get());
        Task::spawn(async move { api.json(&rest, String::new()).await }, {
            Box::new(move |answer| {
                // A consumer that was made anew meanwhile was not meant.
                let present = source.remaking.as_ref().map(|remaking| remaking.generation.get()) == generation;
                match answer {
                    Ok(info) => source.note_info(generation, &info),
                    Err(Fault::Api(error)) if error.err_code == STREAM_NOT_FOUND => {
                        source.machine.borrow_mut().end(&error.description);
                        source.act();
                    }
                    Err(Fault::Api(error)) if error.err_code == CONSUMER_NOT_FOUND && present => {
                        source.machine.borrow_mut().missing(&error.description);
                        source.act();
                    }
                    Err(_) => {}
                }
            })
        });
    }

    /// Sets the timer to the next time at which something may have to be done. One that fires too early does no harm.
    pub(super) fn arm(self: &Rc<Self>) {
        let machine = self.machine.borrow();
        let silent = self.life().filter(|_| !self.settling.get()).and_then(|life| machine.silent_at(life));
        let Some(at) = [machine.pull_at(), silent].into_iter().flatten().min() else { return };
        if self.timer.borrow().as_ref().is_some_and(|(set, _)| *set <= at) {
            return;
        }
        let target = Rc::downgrade(self);
        let tick = move || {
            if let Some(source) = target.upgrade() {
                source.tick();
            }
        };
        let ms = at.saturating_duration_since(Instant::now()).as_millis() as u64 + 1;
        self.timer.replace(Some((at, Timer::after(ms, Box::new(tick)))));
    }

    fn tick(self: &Rc<Self>) {
        self.timer.take();
        match self.silent_since() {
            Some(since) if !self.settling.replace(true) => {
                let (source, silence) = (Rc::clone(self), since.elapsed());
                let then = move || {
                    source.settling.set(false);
                    if source.silent_since().is_some() {
                        source.machine.borrow_mut().silent(Instant::now());
                    }
                    source.act();
                };
                self.origin.api.client.settle(silence, since, self.origin.behind_arrivals, Box::new(then));
            }
            _ => self.act(),
        }
    }

    /// Time of the last sign of life; `None` where nothing is awaited.
    fn life(&self) -> Option<Instant> {
        let inbox = self.inbox.borrow();
        let seen = || self.keeper.as_ref().map(Keeper::alive);
        inbox.as_ref().and_then(|inbox| inbox.pulse.as_ref().map(|pulse| pulse.last()).or_else(seen))
    }

    /// Time of the last sign of life, if that is too long ago.
    fn silent_since(&self) -> Option<Instant> {
        let life = self.life()?;
        let at = self.machine.borrow().silent_at(life)?;
        (Instant::now() >= at).then_some(life)
    }
}
