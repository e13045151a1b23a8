//! What a user without an administrator's rights may do with a stream's consumers, found out by what the server refuses.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::make::created;
use crate::bridge::errors::{Error, Result};
use crate::classes::jet_stream::api::JetStream;

/// A way to ask for a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// Subject to read, wildcards allowed.
    pub filter: String,
    /// The request's subject holds the consumer's name and the filter, so that rights can be given for them; else it ends with
    /// the stream.
    pub named: bool,
}

/// What was refused of a stream. Shared by its consumers: what one of them met, the next does not ask for again.
#[derive(Debug, Default)]
pub struct Access {
    forms: RefCell<HashSet<Form>>,
    /// Answers to flow control.
    pub(super) flow: Cell<bool>,
    /// An answer to flow control had its effect: none is refused.
    pub(super) flow_proven: Cell<bool>,
    /// The removal of consumers.
    pub(super) removal: Cell<bool>,
    /// The information of consumers.
    pub(super) unseen: Cell<bool>,
    info: Cell<bool>,
}

impl Access {
    /// The forms in the order in which to try them: those that were refused come last.
    pub(super) fn order(&self, forms: &[Form]) -> Vec<Form> {
        let refused = self.forms.borrow();
        let mut order = forms.to_vec();
        order.sort_by_key(|form| refused.contains(form));
        order
    }

    pub(super) fn refuse(&self, form: &Form) {
        self.forms.borrow_mut().insert(form.clone());
    }

    pub(super) fn allow(&self, form: &Form) {
        self.forms.borrow_mut().remove(form);
    }

    /// The result of a look at the stream: `None` if the server refuses it.
    ///
    /// # Errors
    /// Any other.
    pub fn looked<T>(&self, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Err(error) if is_refused(&error) => {
                self.info.set(true);
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }

    /// Whether looking at the stream was refused.
    pub fn is_blind(&self) -> bool {
        self.info.get()
    }

    /// When the stream was created, as its server writes it, and its last sequence; `None` if this user may not look.
    ///
    /// # Errors
    /// Those of the server's answer, `ErrTimeout`, `ErrNoResponders`, `ErrConnectionClosed`.
    pub(super) async fn stream_state(&self, js: &JetStream, stream: &str) -> Result<Option<(String, u64)>> {
        if self.is_blind() {
            return Ok(None);
        }
        let info = self.looked(js.api(&format!("STREAM.INFO.{stream}"), String::new()).await)?;
        Ok(info.as_ref().map(created))
    }
}

/// Whether the server refused this for want of rights.
pub(super) fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Fault(fault) if fault.is_refusal())
}
