//! What a user of limited permissions may do with a stream's consumers, learned from what the server refuses.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use serde_json::Value as Json;

use crate::client::api::Api;
use crate::client::fault::Fault;

/// A way to ask for a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    /// Subjects to read, wildcards allowed.
    pub filters: Vec<String>,
    /// Whether the request's subject holds the consumer's name and the filter, so that permissions can name them; else it ends
    /// with the stream.
    pub named: bool,
}

/// What the server has refused for a stream. Its consumers share this: what one was refused, the next does not ask for again.
#[derive(Debug, Default)]
pub(crate) struct Access {
    forms: RefCell<HashSet<Form>>,
    /// Answers to flow control.
    flow: Cell<bool>,
    /// An answer to flow control took effect: they are not refused.
    flow_proven: Cell<bool>,
    /// The removal of consumers.
    removal: Cell<bool>,
    /// The information of consumers.
    unseen: Cell<bool>,
    /// What consumers push does not come.
    push: Cell<bool>,
    info: Cell<bool>,
}

impl Access {
    /// The forms in the order in which to try them: those that were refused come last.
    pub(crate) fn order(&self, forms: &[Form]) -> Vec<Form> {
        let refused = self.forms.borrow();
        let mut order = forms.to_vec();
        order.sort_by_key(|form| refused.contains(form));
        order
    }

    pub(crate) fn refuse(&self, form: &Form) {
        self.forms.borrow_mut().insert(form.clone());
    }

    pub(crate) fn allow(&self, form: &Form) {
        self.forms.borrow_mut().remove(form);
    }

    /// Whether answers to flow control were refused.
    pub(crate) fn refuses_flow(&self) -> bool {
        self.flow.get()
    }

    /// Notes that they were.
    pub(crate) fn refuse_flow(&self) {
        self.flow.set(true);
    }

    /// Whether an answer to flow control took effect: they are not refused.
    pub(super) fn proves_flow(&self) -> bool {
        self.flow_proven.get()
    }

    /// Notes that one did.
    pub(super) fn prove_flow(&self) {
        self.flow_proven.set(true);
    }

    /// Whether what consumers push does not come: so it is with a JetStream that is imported from another account.
    pub(crate) fn is_deaf_to_pushes(&self) -> bool {
        self.push.get()
    }

    /// Notes that it did not come.
    pub(crate) fn be_deaf_to_pushes(&self) {
        self.push.set(true);
    }

    /// Whether the removal of consumers was refused.
    pub(crate) fn keeps_consumers(&self) -> bool {
        self.removal.get()
    }

    /// Notes that it was.
    pub(crate) fn keep_consumers(&self) {
        self.removal.set(true);
    }

    /// Whether the information of consumers was refused.
    pub(crate) fn hides_consumers(&self) -> bool {
        self.unseen.get()
    }

    /// Notes that it was.
    pub(crate) fn hide_consumers(&self) {
        self.unseen.set(true);
    }

    /// The result of a look at the stream: `None` if the server refuses it.
    ///
    /// # Errors
    /// Any other.
    pub(crate) fn looked<T>(&self, outcome: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match outcome {
            Err(fault) if fault.is_refusal() => {
                self.info.set(true);
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }

    /// Whether looking at the stream was refused.
    pub(crate) fn is_blind(&self) -> bool {
        self.info.get()
    }

    /// Creation time of the stream, as the server writes it, and its last sequence; `None` if this user may not look.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn stream_state(&self, api: &Api, stream: &str) -> Result<Option<(String, u64)>, Fault> {
        if self.is_blind() {
            return Ok(None);
        }
        let info = self.looked(api.json(&format!("STREAM.INFO.{stream}"), String::new()).await)?;
        Ok(info.as_ref().map(created))
    }
}

/// Creation time and last sequence in a stream's information.
pub(crate) fn created(info: &Json) -> (String, u64) {
    let created = info.get("created").and_then(Json::as_str).unwrap_or_default().to_string();
    let last_seq = info.pointer("/state/last_seq").and_then(Json::as_u64).unwrap_or_default();
    (created, last_seq)
}
