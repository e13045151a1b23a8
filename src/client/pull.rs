//! Pulls that delivered nothing.

use super::api::Api;
use super::codes;
use super::fault::{Fault, Waiting};

/// Errors of a request for a consumer's information that explain why nothing came from it.
const TELLING: &[i64] = &[codes::STREAM_NOT_FOUND, codes::CONSUMER_NOT_FOUND, codes::NOT_ENABLED_FOR_ACCOUNT];

impl Api {
    /// The fault of a pull that delivered nothing: that of the consumer, if it does not exist. `ms` is the time to find out; 0 waits
    /// for ever.
    pub(crate) async fn why_empty(&self, stream: String, consumer: String, subject: String, ms: i64) -> Fault {
        match self.json_within(&format!("CONSUMER.INFO.{stream}.{consumer}"), ms).await {
            Err(fault @ Fault::NoJetStream) => fault,
            Err(fault) if fault.err_code().is_some_and(|code| TELLING.contains(&code)) => fault,
            _ => Fault::Timeout(Waiting::Pull { stream, consumer, subject }),
        }
    }
}
