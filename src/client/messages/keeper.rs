//! What it takes to replace the consumer of a source: the wish, the order of messages, and the consumers made so far.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::client::api::Api;
use crate::client::fault::Fault;
use crate::client::ordered::{Access, Consumers, FlowControl, Made};
use crate::client::task::Task;
use crate::engine::Message;
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
    pub(super) consumers: Consumers,
    pub(super) flow: FlowControl,
    /// What came, and the number of its inbox, while the consumer was not yet known.
    pub(super) early: RefCell<Vec<(u64, Message)>>,
    /// Makes the next one.
    pub(super) task: RefCell<Option<Rc<Task>>>,
    /// Time of the last sign of life of a consumer that pushes.
    pub(super) alive: Cell<Instant>,
    /// Why it has ended.
    pub(super) cause: RefCell<Option<Fault>>,
}

impl Keeper {
    /// No consumer yet.
    pub(super) fn new(api: &Rc<Api>, stream: &str, wish: Wish) -> Keeper {
        let access: Rc<Access> = Rc::default();
        Keeper {
            flow: FlowControl::new(&access),
            consumers: Consumers::new(api, stream, access, Order::new(Pace::SOON, wish.moves)),
            wish,
            nuid: nuid::next().to_string(),
            early: RefCell::default(),
            task: RefCell::default(),
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
        self.flow.message();
        let Some(place) = message.reply().and_then(metadata::parse) else { return Sorted::Other };
        self.consumers.order.borrow_mut().message(place.consumer, place.consumer_seq, place.stream_seq)
    }

    /// The consumer is lost; what `last_error` says of it.
    pub(super) fn lost(&self, loss: Loss) -> Option<Fault> {
        self.flow.begin();
        self.consumers.remove();
        let mut order = self.consumers.order.borrow_mut();
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

    /// Makes the next consumer, which delivers to `inbox` if it is to push; `ms` is the timeout, 0 waits for ever.
    ///
    /// # Errors
    /// As [`Consumers::make`].
    pub(super) async fn make(&self, inbox: Option<&str>, ms: i64) -> Result<Made, Fault> {
        let name = self.consumers.order.borrow_mut().next_name(&self.nuid);
        let start = self.consumers.order.borrow().start().sequence();
        let mut config = reader_config(&self.wish.config, &name, start, inbox);
        if self.consumers.access.refuses_flow() {
            config.remove("flow_control");
        }
        let made = self.consumers.make(config, Some("create"), ms).await?;
        self.alive.set(Instant::now());
        Ok(made)
    }
}
