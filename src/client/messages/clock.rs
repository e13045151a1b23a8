//! What the time brings: silence, and the question whether there is a consumer at all.

use std::rc::Rc;
use std::time::Instant;

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
        let silent = self.life().and_then(|life| machine.silent_at(life));
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
        if self.is_silent() {
            // The script may have kept away from the event loop, or a lot may be queued.
            let source = Rc::clone(self);
            (self.origin.behind_arrivals)(Box::new(move || {
                if source.is_silent() {
                    source.machine.borrow_mut().silent(Instant::now());
                }
                source.act();
            }));
        } else {
            self.act();
        }
    }

    fn is_silent(&self) -> bool {
        let at = self.life().and_then(|life| self.machine.borrow().silent_at(life));
        at.is_some_and(|at| Instant::now() >= at)
    }
}
