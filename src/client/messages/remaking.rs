//! What is remembered of a consumer that is made anew when it is gone.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::client::task::Task;
use crate::rules::ack_floor::AckFloor;

/// What is known of a consumer that is to be made anew.
pub(crate) struct Remaking {
    pub(super) config: Map<String, Json>,
    /// When the present one was made, as the server writes it.
    pub(super) created: RefCell<String>,
    pub(super) floor: RefCell<AckFloor>,
    /// Whether acknowledgements are seen here; otherwise only the server tells of them.
    pub(super) sees: bool,
    /// Whether the server takes what it has delivered for acknowledged.
    pub(super) unacknowledged: bool,
    /// Number of the consumer.
    pub(super) generation: Cell<u64>,
    pub(super) task: RefCell<Option<Rc<Task>>>,
}

impl Remaking {
    /// A consumer, by its information; `sees` tells whether messages are acknowledged by this object.
    pub(crate) fn new(info: &Json, sees: bool) -> Remaking {
        let config = info["config"].as_object().cloned().unwrap_or_default();
        Remaking {
            unacknowledged: config.get("ack_policy").and_then(Json::as_str) == Some("none"),
            config,
            created: RefCell::new(info["created"].as_str().unwrap_or_default().to_string()),
            floor: RefCell::new(AckFloor::of(info)),
            sees,
            generation: Cell::new(0),
            task: RefCell::default(),
        }
    }

    /// There is another consumer, by its information.
    pub(super) fn made(&self, info: &Json) {
        self.generation.set(self.generation.get() + 1);
        self.created.replace(info["created"].as_str().unwrap_or_default().to_string());
        self.floor.replace(AckFloor::of(info));
    }

    /// Ends the attempt to make another one.
    pub(super) fn leave_off(&self) {
        let task = self.task.take();
        if let Some(task) = task {
            task.cancel();
        }
    }
}
