//! The end of a service.

use std::cell::Cell;
use std::rc::Rc;

use super::request::running;
use super::state::{Service, Stage};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::{Slot, State, Task, timeout};
use crate::rules::option::{Preset, int};
use crate::rules::service_options::STOP_OPTIONS;
use crate::tcl::event::{Timer, later};
use crate::tcl::{Instance, Obj, Reply};

const TIMEOUT: Preset<i64> = int(STOP_OPTIONS, "timeout");

/// Time in ms for running handlers, unless a script says otherwise.
pub(super) const PATIENCE: i64 = TIMEOUT.default;

impl Instance for Service {
    fn close(&self) {
        self.family.end(&self.connection.home);
        self.end(if self.connection.is_destroyed() { "closed" } else { "stopped" });
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn std::any::Any> {
        self
    }
}

/// `stop ?-timeout ms?`
pub(super) fn stop(service: &Rc<Service>, call: &Invocation) -> Result<Reply> {
    if service.stage.get() != Stage::Serving {
        return Ok(Reply::Empty);
    }
    let told = Slot::new();
    service.told.replace(Some(Rc::clone(&told)));
    // A handler that stops its service does not wait for itself.
    let own = running(call.interp).is_some_and(|request| Rc::ptr_eq(&request.service, service));
    service.begin_to_stop(call.options.int(TIMEOUT), i64::from(own), "stopped");
    block(call.interp, async move {
        told.next().await;
        Ok(Obj::empty())
    })
}

impl Service {
    /// Ends the service when its requests, all but `own`, have been handled, or when time is over.
    pub(super) fn begin_to_stop(self: &Rc<Self>, ms: i64, own: i64, reason: &str) {
        if self.stage.get() != Stage::Serving {
            return;
        }
        if ms == 0 {
            return self.end(reason);
        }
        self.stage.set(Stage::Stopping);
        let (service, reason) = (Rc::clone(self), reason.to_string());
        let done = Box::new(move |()| service.end(&reason));
        Task::spawn(Rc::clone(self).drain(ms, own), done);
    }

    async fn drain(self: Rc<Self>, ms: i64, own: i64) {
        let steps = Slot::new();
        self.steps.replace(Some(Rc::clone(&steps)));
        let late = Rc::new(Cell::new(false));
        let _timer = Timer::after(ms as u64, {
            let (late, steps) = (Rc::clone(&late), Rc::clone(&steps));
            Box::new(move || {
                late.set(true);
                steps.push(());
            })
        });
        let connection = &self.connection;
        let live: Vec<_> = self.endpoints.borrow().iter().filter_map(|endpoint| endpoint.live.borrow().clone()).collect();
        live.iter().for_each(|live| connection.engine().hush(live.id));
        if connection.state() == State::Connected {
            // What comes before the answer is taken; if none comes, nothing more does.
            connection.round_trip(timeout(ms)).next().await;
        }
        for live in &live {
            // It has ended already if the connection was closed.
            let _ = connection.engine().unsubscribe(live.id, None);
        }
        let taken = || live.iter().all(|live| live.ended.get()) && self.load.running() <= own;
        while !late.get() && self.stage.get() == Stage::Stopping && !taken() {
            steps.next().await;
        }
    }

    /// The end: nothing is taken any more. Handlers at work go on.
    pub(super) fn end(&self, reason: &str) {
        if self.stage.replace(Stage::Stopped) == Stage::Stopped {
            return;
        }
        self.unsubscribe();
        if let Some(kept) = self.connection.home.live() {
            self.pool.end(kept.interp());
        }
        self.step();
        let told = self.told.take();
        let words = self.settings.on_stop.clone().zip(self.command.get().cloned());
        let (connection, reason) = (Rc::clone(&self.connection), Obj::text(reason));
        later(Box::new(move || {
            if let Some((prefix, command)) = words {
                connection.run_callback(&prefix, [command, reason]);
            }
            if let Some(told) = told {
                told.push(());
            }
        }));
    }
}
