//! What it takes to replace the consumer of a source: the wish, the order of messages, and what the server refused.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::client::ordered::Access;
use crate::client::task::Task;
use crate::engine::{Message, Problem};
use crate::rules::consumption::Loss;
use crate::rules::metadata;
use crate::rules::order::{Order, Pace, Sorted};
use crate::rules::ordered_options::reader_config;

/// An ordered consumer that a script wants.
pub(crate) struct Wish {
    /// Configuration of its consumers as the server takes it, without name and delivery subject.
    pub config: Map<String, Json>,
    /// Whether it means another place each time a consumer is made, as the policies `new` and `last` do.
    pub moves: bool,
}

/// Keeps a source supplied with consumers.
pub(super) struct Keeper {
    wish: Wish,
    nuid: String,
    pub(super) order: RefCell<Order>,
    pub(super) access: Rc<Access>,
    /// Name of the consumer that may exist on the server.
    pub(super) name: RefCell<String>,
    /// Whether the server has not said yet that it made it.
    pub(super) unanswered: Cell<bool>,
    /// What the server said when it made the present one.
    pub(super) info: RefCell<Json>,
    /// Makes the next one.
    pub(super) task: RefCell<Option<Rc<Task>>>,
    /// Why the present inbox was refused.
    pub(super) deaf: RefCell<Option<Problem>>,
    /// Subject on which the consumer waits for an answer.
    pub(super) flow: RefCell<Option<String>>,
    /// Whether the present consumer has asked for one.
    pub(super) flow_asked: Cell<bool>,
    /// Time of the first answer since the last message.
    pub(super) flow_told: Cell<Option<Instant>>,
    /// Time of the last sign of life of a consumer that pushes.
    pub(super) alive: Cell<Instant>,
    /// Why it has ended.
    pub(super) cause: RefCell<Option<Fault>>,
}

impl Keeper {
    /// No consumer yet.
    pub(super) fn new(wish: Wish) -> Keeper {
        Keeper {
            order: RefCell::new(Order::new(Pace::SOON, wish.moves)),
            wish,
            nuid: nuid::next().to_string(),
            access: Rc::default(),
            name: RefCell::default(),
            unanswered: Cell::default(),
            info: RefCell::default(),
            task: RefCell::default(),
            deaf: RefCell::default(),
            flow: RefCell::default(),
            flow_asked: Cell::default(),
            flow_told: Cell::default(),
            alive: Cell::new(Instant::now()),
            cause: RefCell::default(),
        }
    }

    /// Time of the last sign of life.
    pub(super) fn alive(&self) -> Instant {
        self.alive.get()
    }

    /// Time between two heartbeats of a consumer that pushes.
    pub(super) fn pace(&self) -> Duration {
        Duration::from_nanos(self.wish.config.get("idle_heartbeat").and_then(Json::as_u64).unwrap_or_default())
    }

    /// What a message is.
    pub(super) fn sort(&self, message: &Message) -> Sorted {
        self.alive.set(Instant::now());
        self.flow_told.set(None);
        let Some(place) = message.reply().and_then(metadata::parse) else { return Sorted::Other };
        self.order.borrow_mut().message(place.consumer, place.consumer_seq, place.stream_seq)
    }

    /// The consumer is lost; what `last_error` says of it.
    pub(super) fn lost(&self, loss: Loss) -> Option<Fault> {
        let mut order = self.order.borrow_mut();
        match loss {
            Loss::Connection => order.returned(),
            _ => order.lost(),
        }
        let start = order.start_seq();
        match loss {
            // What the connection is told of a refusal says it all.
            Loss::Connection | Loss::Flow => None,
            Loss::Gap => Some(Fault::ConsumerSequenceMismatch(start)),
            Loss::Silence | Loss::Gone => Some(Fault::ConsumerNotActive(start)),
        }
    }

    /// Name, rest of the subject and body of the request for the next consumer, which delivers to `inbox` if it is to push.
    pub(super) fn creation(&self, api: &Api, stream: &str, inbox: Option<&str>) -> (String, String, String) {
        let mut order = self.order.borrow_mut();
        let name = order.next_name(&self.nuid);
        // Messages may overtake the answer.
        order.turn_to(&name);
        let mut config = reader_config(&self.wish.config, &name, order.start().sequence(), inbox);
        if self.access.refuses_flow() {
            config.remove("flow_control");
        }
        let filter = config.get("filter_subject").and_then(Json::as_str).filter(|filter| api.goes_into_subject(filter));
        let rest = match filter {
            Some(filter) => format!("CONSUMER.CREATE.{stream}.{name}.{filter}"),
            None => format!("CONSUMER.CREATE.{stream}.{name}"),
        };
        let body = api.consumer_request(stream, config, Some("create"));
        (name, rest, body)
    }
}
