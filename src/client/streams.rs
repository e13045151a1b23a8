//! Streams that are created, or updated if they exist.

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::api::{Api, read};
use super::codes::{STREAM_INVALID_CONFIG, STREAM_NAME_IN_USE, STREAM_NOT_FOUND};
use super::fault::Fault;
use crate::engine::Message;
use crate::rules::jetstream_convert::{ApiError, merge_update};

/// Least time in ms to find out why a request was not answered: what a server at hand needs for an answer.
const GRACE: i64 = 100;

/// Whether the creation may have been refused because the stream exists.
fn may_exist(refused: &ApiError) -> bool {
    matches!(refused.err_code, STREAM_NAME_IN_USE | STREAM_INVALID_CONFIG)
}

/// The reply to a request, or the server's refusal.
fn refusable(rest: &str, message: &Message) -> Result<Result<Json, ApiError>, Fault> {
    match read(rest, message) {
        Ok(reply) => Ok(Ok(reply)),
        Err(Fault::Api(refused)) => Ok(Err(refused)),
        Err(fault) => Err(fault),
    }
}

/// The configuration in a stream's information.
fn config_of(info: &Json) -> Result<Map<String, Json>, Fault> {
    info.get("config").and_then(Json::as_object).cloned().ok_or(Fault::ReplyIncomplete)
}

impl Api {
    /// Creates a stream, or changes an existing one; what `change` does not name stays.
    ///
    /// # Errors
    /// [`Fault::NeitherCreatedNorUpdated`], and those of [`Api::exchange`].
    pub(crate) async fn create_or_update(
        &self,
        name: &str,
        create: Map<String, Json>,
        change: Map<String, Json>,
    ) -> Result<Json, Fault> {
        let refused = match self.attempt(&format!("STREAM.CREATE.{name}"), Json::Object(create)).await? {
            Ok(created) => return Ok(created),
            Err(refused) if may_exist(&refused) => refused,
            Err(refused) => return Err(Fault::Api(refused)),
        };
        // The errors of further requests must not hide the first refusal.
        let info = match self.json(&format!("STREAM.INFO.{name}"), String::new()).await {
            Ok(info) => info,
            Err(Fault::ReplyIncomplete) => return Err(Fault::ReplyIncomplete),
            Err(_) => return Err(Fault::Api(refused)),
        };
        let config = Json::Object(merge_update(config_of(&info)?, change));
        match self.attempt(&format!("STREAM.UPDATE.{name}"), config).await {
            Ok(Ok(updated)) => Ok(updated),
            Ok(Err(reason)) => Err(Fault::NeitherCreatedNorUpdated(refused, reason.description)),
            Err(_) => Err(Fault::Api(refused)),
        }
    }

    /// A request whose refusal matters: the outer error is one of communication, the inner one the server's refusal.
    async fn attempt(&self, rest: &str, body: Json) -> Result<Result<Json, ApiError>, Fault> {
        let message = self.exchange(&self.subject(rest), body.to_string().into(), None, self.timeout).await?;
        refusable(rest, &message)
    }

    /// Creates a stream by a configuration that is sent as it is, or updates an existing one; gives the reply as it came.
    ///
    /// # Errors
    /// As [`Api::create_or_update`].
    pub(crate) async fn create_or_update_as_given(&self, name: &str, config: String) -> Result<Message, Fault> {
        let config = Bytes::from(config);
        let create = format!("STREAM.CREATE.{name}");
        let created = self.exchange(&self.subject(&create), config.clone(), None, self.timeout).await?;
        let refused = match refusable(&create, &created)? {
            Ok(_) => return Ok(created),
            Err(refused) if may_exist(&refused) => refused,
            Err(refused) => return Err(Fault::Api(refused)),
        };
        let update = format!("STREAM.UPDATE.{name}");
        let updated = self.exchange(&self.subject(&update), config, None, self.timeout).await;
        match updated.and_then(|updated| refusable(&update, &updated).map(|answer| (updated, answer))) {
            Ok((updated, Ok(_))) => Ok(updated),
            Ok((_, Err(reason))) if reason.err_code != STREAM_NOT_FOUND => {
                Err(Fault::NeitherCreatedNorUpdated(refused, reason.description))
            }
            _ => Err(Fault::Api(refused)),
        }
    }

    /// Changes a stream; what `change` does not name stays.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn update_stream(&self, name: &str, change: Map<String, Json>) -> Result<Json, Fault> {
        let info = self.json(&format!("STREAM.INFO.{name}"), String::new()).await?;
        let config = Json::Object(merge_update(config_of(&info)?, change)).to_string();
        self.json(&format!("STREAM.UPDATE.{name}"), config).await
    }
    /// What is behind a request that nobody answered, or not in time: `not_found` if there is no such stream, that there is no
    /// JetStream, or else the fault itself.
    pub(crate) async fn behind(&self, fault: Fault, stream: &str, not_found: Fault) -> Fault {
        let ms = match &fault {
            fault if fault.err_code() == Some(STREAM_NOT_FOUND) => return not_found,
            Fault::NoResponders(_) | Fault::NoJetStream => self.timeout,
            // Up to 2.9 nobody says that there is no stream to read from. A server that keeps silent must not hold the call for
            // another timeout.
            Fault::Timeout(_) => (self.timeout / 4).max(GRACE),
            _ => return fault,
        };
        match self.json_within(&format!("STREAM.INFO.{stream}"), ms).await {
            Err(why) if why.err_code() == Some(STREAM_NOT_FOUND) => not_found,
            Err(why @ Fault::NoJetStream) => why,
            _ => fault,
        }
    }
}
