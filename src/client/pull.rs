//! Pulls that delivered nothing.

use super::api::Api;
use super::codes;
use super::fault::{Fault, Waiting};

/// Errors of a request for a consumer's information that explain why nothing came from it.
const TELLING: &[i64] = &[codes::STREAM_NOT_FOUND, codes::CONSUMER_NOT_FOUND, codes::NOT_ENABLED_FOR_ACCOUNT];

impl Api {
    /// The fault of a pull that delivered nothing: that of the consumer, if it does not exist.
    pub(crate) async fn why_empty(&self, stream: String, consumer: String, subject: String) -> Fault {
        match self.json(&format!("CONSUMER.INFO.{stream}.{consumer}"), String::new()).await {
            Err(fault @ Fault::NoJetStream) => fault,
            Err(fault) if fault.err_code().is_some_and(|code| TELLING.contains(&code)) => fault,
            _ => Fault::Timeout(Waiting::Pull { stream, consumer, subject }),
        }
    }
}
