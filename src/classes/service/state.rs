//! State of a `nats::service` object, and its subscriptions.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json};

use super::handler::Handler;
use crate::bridge::delivery;
use crate::bridge::family::Family;
use crate::bridge::options::Given;
use crate::classes::connection::state::Connection;
use crate::client::{Control, Slot, State};
use crate::engine::{Problem, Sub, SubId};
use crate::rules::option::Value;
use crate::rules::service::{self as rules, Counts, Identity, Place, Verb};
use crate::rules::time::msec_to_isotime;
use crate::tcl::Obj;
use crate::tcl::coroutine::Pool;

/// Options of a service.
pub(super) struct Settings {
    /// Shown by INFO.
    pub description: String,
    /// Queue group of endpoints.
    pub queue: String,
    /// What the control subjects begin with.
    pub api_prefix: String,
    /// Prefix that gives an endpoint's data.
    pub stats_data: Option<Vec<Obj>>,
    /// Prefix that is told of handlers that failed.
    pub on_error: Option<Vec<Obj>>,
    /// Prefix that is told of the end.
    pub on_stop: Option<Vec<Obj>>,
    /// Handlers that may be at work at the same time; 0 no limit.
    pub concurrency: i64,
}

/// Handlers at work, and their limit.
pub(super) struct Load {
    limit: i64,
    running: Cell<i64>,
}

impl Load {
    /// None at work; a limit of 0 is none.
    pub(super) fn new(limit: i64) -> Load {
        Load { limit, running: Cell::new(0) }
    }

    /// Whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.limit > 0
    }

    /// Whether another one may begin.
    pub(super) fn has_room(&self) -> bool {
        self.limit <= 0 || self.running.get() < self.limit
    }

    /// Number of them.
    pub(super) fn running(&self) -> i64 {
        self.running.get()
    }

    /// One begins (1) or ends (-1).
    pub(super) fn change(&self, by: i64) {
        self.running.set(self.running.get() + by);
    }
}

/// The subscription of an endpoint.
pub(super) struct Live {
    /// Its number.
    pub id: SubId,
    sub: Arc<Sub>,
    /// Dropped requests that have been counted.
    seen: Cell<u64>,
    /// Whether all its requests have been taken.
    pub ended: Cell<bool>,
}

/// One endpoint.
pub(super) struct Endpoint {
    /// Name, subject and such.
    pub place: Place,
    /// What handles the requests.
    pub handler: Handler,
    /// Handlers at work.
    pub load: Load,
    /// Requests that may wait, where that is not the connection's affair.
    pub pending_msgs_limit: Option<i64>,
    /// What it has done, without the dropped requests since the last look.
    counts: RefCell<Counts>,
    /// Its subscription, unless the connection was closed since.
    pub live: RefCell<Option<Rc<Live>>>,
}

impl Live {
    /// One that has just begun.
    pub(super) fn new(id: SubId, sub: Arc<Sub>) -> Live {
        Live { id, sub, seen: Cell::new(0), ended: Cell::new(false) }
    }
}

impl Endpoint {
    /// One without a subscription.
    pub(super) fn new(place: Place, handler: Handler, concurrency: i64, pending_msgs_limit: Option<i64>) -> Endpoint {
        let (counts, live) = (RefCell::default(), RefCell::default());
        Endpoint { place, handler, load: Load::new(concurrency), pending_msgs_limit, counts, live }
    }

    /// Changes the counters, those of dropped requests being up to date.
    pub(super) fn count<R>(&self, change: impl FnOnce(&mut Counts) -> R) -> R {
        let mut counts = self.counts.borrow_mut();
        if let Some(live) = self.live.borrow().as_ref() {
            let dropped = live.sub.dropped();
            counts.drop_requests(dropped - live.seen.replace(dropped));
        }
        change(&mut counts)
    }

    /// The connection was closed, and its subscription with it.
    pub(super) fn forget(&self) {
        self.count(|_| ());
        self.live.take();
    }
}

/// Stage of a service's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Requests are taken.
    Serving,
    /// What has arrived is being handled.
    Stopping,
    /// Nothing comes any more.
    Stopped,
}

/// What hears of the statuses and errors of the connection.
pub(super) type Watchers = (Rc<dyn Fn(State)>, Rc<dyn Fn(&Problem)>);

/// The object's state.
pub(crate) struct Service {
    /// The connection.
    pub(super) connection: Rc<Connection>,
    /// Name, number, version.
    pub(super) identity: Identity,
    /// Options.
    pub(super) settings: Settings,
    started: String,
    /// The endpoints in the order in which they were added.
    pub(super) endpoints: RefCell<Vec<Rc<Endpoint>>>,
    /// What answers the questions to services.
    pub(super) control: RefCell<Option<Control>>,
    /// Handlers at work.
    pub(super) load: Load,
    /// Endpoint after which another one's waiting requests go first.
    turn: Cell<usize>,
    /// The `connect` to which the subscriptions belong.
    pub(super) epoch: Cell<u64>,
    /// Stage of its life.
    pub(super) stage: Cell<Stage>,
    /// What `stop` waits for has gone on.
    pub(super) steps: RefCell<Option<Rc<Slot<()>>>>,
    /// The service has ended, and who wanted to be told has been.
    pub(super) told: RefCell<Option<Rc<Slot<()>>>>,
    /// Name of the object with which it was made.
    pub(super) command: OnceCell<Obj>,
    /// Groups.
    pub(super) family: Family,
    /// Coroutines for handlers.
    pub(super) pool: Rc<Pool>,
    /// What hears of the connection.
    pub(super) watchers: OnceCell<Watchers>,
}

impl Service {
    /// A service that does nothing yet.
    pub(super) fn new(connection: &Rc<Connection>, identity: Identity, settings: Settings) -> Service {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        Service {
            connection: Rc::clone(connection),
            identity,
            load: Load::new(settings.concurrency),
            settings,
            started: msec_to_isotime(now, 0).unwrap_or_default() + "Z",
            endpoints: RefCell::default(),
            control: RefCell::default(),
            turn: Cell::new(0),
            epoch: Cell::new(0),
            stage: Cell::new(Stage::Serving),
            steps: RefCell::default(),
            told: RefCell::default(),
            command: OnceCell::new(),
            family: Family::default(),
            pool: Rc::default(),
            watchers: OnceCell::new(),
        }
    }

    /// Answer to a question, in JSON.
    pub(super) fn answer(&self, verb: Verb) -> String {
        let json = match verb {
            Verb::Ping => self.identity.ping(),
            Verb::Info => self.info(),
            Verb::Stats => self.stats(),
        };
        json.to_string()
    }

    /// Answer to INFO.
    pub(super) fn info(&self) -> Json {
        self.identity.info(&self.settings.description, self.endpoints.borrow().iter().map(|endpoint| endpoint.place.clone()))
    }

    /// Answer to STATS.
    pub(super) fn stats(&self) -> Json {
        let endpoints = self.endpoints.borrow().clone();
        let stats = endpoints.iter().map(|endpoint| {
            let data = self.data_of(endpoint);
            (endpoint.place.clone(), endpoint.count(|counts| counts.clone()), data)
        });
        self.identity.stats(&self.started, stats)
    }

    fn data_of(&self, endpoint: &Endpoint) -> Option<Json> {
        let mut words = self.settings.stats_data.clone()?;
        let kept = self.connection.home.live()?;
        words.push(Obj::text(&endpoint.place.name));
        match kept.interp().ask(&words) {
            Ok(data) => Some(rules::data(&data.as_text())),
            Err(error) => {
                kept.interp().background_error(&error);
                None
            }
        }
    }

    /// Puts all counters to 0.
    pub(super) fn reset(&self) {
        self.endpoints.borrow().iter().for_each(|endpoint| endpoint.count(|counts| *counts = Counts::default()));
    }

    /// Requests that waited for a handler may have their turn.
    pub(super) fn release(&self, of: &Endpoint) {
        let key = self.connection.key;
        let release = |endpoint: &Endpoint| {
            if let Some(live) = endpoint.live.borrow().as_ref() {
                delivery::release(key, live.id);
            }
        };
        if !self.load.is_limited() {
            if of.load.is_limited() {
                release(of);
            }
            return;
        }
        let endpoints = self.endpoints.borrow();
        // All that are called come forward, and the first takes the place: each is the first in its turn.
        let first = self.turn.get() % endpoints.len().max(1);
        self.turn.set(first + 1);
        endpoints[first..].iter().chain(&endpoints[..first]).for_each(|endpoint| release(endpoint));
    }

    /// What `stop` waits for may have happened.
    pub(super) fn step(&self) {
        let steps = self.steps.borrow().clone();
        if let Some(steps) = steps {
            steps.push(());
        }
    }

    /// Takes nothing more, and drops what waits.
    pub(super) fn unsubscribe(&self) {
        self.control.take();
        let endpoints = self.endpoints.borrow().clone();
        for endpoint in endpoints {
            let live = endpoint.live.borrow().clone();
            let Some(live) = live else { continue };
            self.connection.subscriptions.discard(live.id);
            // It has ended already if the connection was closed, or `stop` was at work.
            let _ = self.connection.engine().unsubscribe(live.id, None);
            delivery::release(self.connection.key, live.id);
        }
    }
}

/// A dict of texts as a JSON object.
pub(super) fn texts(given: Option<&Given>) -> Map<String, Json> {
    let Some(Value::Dict(pairs)) = given.map(|given| &given.value) else { return Map::new() };
    let text = |value: &Value| match value {
        Value::Str(text) => text.as_str().into(),
        _ => Json::from("null"),
    };
    pairs.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
