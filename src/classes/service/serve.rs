//! The subscriptions of a service, which come and go with the connection.

use std::rc::Rc;

use super::request::subscribe;
use super::state::{Endpoint, Live, Service, Stage, Watchers};
use super::stop::PATIENCE;
use crate::client::{Control, Fault, State};
use crate::engine::{Code, Level, Problem};
use crate::rules::service::{Verb, refused};
use crate::tcl::Obj;

impl Service {
    /// Begins to answer.
    ///
    /// # Errors
    /// [`Fault::Closed`]; then it never says that it has ended.
    pub(super) fn begin(self: &Rc<Self>, command: &Obj) -> Result<(), Fault> {
        self.refresh().inspect_err(|_| self.stage.set(Stage::Stopped))?;
        let (by_state, by_error) = (Rc::downgrade(self), Rc::downgrade(self));
        let watchers: Watchers = (
            Rc::new(move |state| {
                if let Some(service) = by_state.upgrade() {
                    service.connection_changed(state);
                }
            }),
            Rc::new(move |problem| {
                if let Some(service) = by_error.upgrade() {
                    service.error(problem);
                }
            }),
        );
        self.connection.client.observe(&watchers.0);
        self.connection.client.hear(&watchers.1);
        // Nobody else sets them.
        let _ = (self.watchers.set(watchers), self.command.set(command.clone()));
        Ok(())
    }

    fn connection_changed(self: &Rc<Self>, state: State) {
        let client = &self.connection.client;
        // `disconnect` and `connect` begin another epoch: only a connection that found no server any more is still in this one.
        if state == State::Closed && client.state() == State::Closed && client.epoch() == self.epoch.get() {
            return self.end("closed");
        }
        // On a closed connection the next `connect` brings it about.
        let _ = self.refresh();
    }

    fn error(self: &Rc<Self>, problem: &Problem) {
        let Some((subject, queue)) = refused(&problem.text).filter(|_| problem.code == Code::Permissions) else { return };
        let ours = |endpoint: &Rc<Endpoint>| endpoint.place.subject == subject && endpoint.place.queue == queue;
        if self.endpoints.borrow().iter().any(ours) {
            self.begin_to_stop(PATIENCE, 0, &problem.text);
        }
    }

    /// Adds an endpoint.
    ///
    /// # Errors
    /// [`Fault::Closed`]
    pub(super) fn add(self: &Rc<Self>, endpoint: Endpoint) -> Result<(), Fault> {
        self.connection.open_or_error()?;
        self.endpoints.borrow_mut().push(Rc::new(endpoint));
        self.refresh().inspect_err(|_| drop(self.endpoints.borrow_mut().pop()))
    }

    /// Subscribes what is not subscribed on the present connection.
    fn refresh(self: &Rc<Self>) -> Result<(), Fault> {
        let client = &self.connection.client;
        client.open_or_fault()?;
        if self.stage.get() != Stage::Serving {
            return Ok(());
        }
        if self.epoch.replace(client.epoch()) != client.epoch() {
            self.endpoints.borrow().iter().for_each(|endpoint| endpoint.forget());
            self.control.take();
        }
        if self.control.borrow().is_none() {
            let weak = Rc::downgrade(self);
            let answers: Rc<dyn Fn(Verb) -> String> =
                Rc::new(move |verb| weak.upgrade().map_or_else(String::new, |service| service.answer(verb)));
            let weak = Rc::downgrade(self);
            let too_large: Rc<dyn Fn(Verb)> = Rc::new(move |verb| {
                if let Some(service) = weak.upgrade() {
                    let name = &service.identity.name;
                    service.connection.log(Level::Warn, || {
                        format!("The answer of the service {name} to {} is larger than the server accepts", verb.token())
                    });
                }
            });
            let control = Control::new(client, &self.settings.api_prefix, &self.identity, &answers, &too_large)?;
            self.control.replace(Some(control));
        }
        let endpoints = self.endpoints.borrow().clone();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.live.borrow().is_none()) {
            let (id, sub) = subscribe(self, endpoint)?;
            endpoint.live.replace(Some(Rc::new(Live::new(id, sub))));
        }
        Ok(())
    }
}
