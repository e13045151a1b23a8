//! Lists of streams and consumers with their information, and the details of a stream, page by page.

use serde_json::{Map, Value as Json};

use super::api::Api;
use super::fault::Fault;
use crate::rules::replies::page;

impl Api {
    /// All elements of a paged list: `field` of the replies to `rest`, asked again until the server has no more.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn pages(&self, rest: &str, field: &str, filter: Option<(&str, &str)>) -> Result<Vec<Json>, Fault> {
        let mut all: Vec<Json> = Vec::new();
        loop {
            let mut body = Map::new();
            body.insert("offset".into(), all.len().into());
            if let Some((name, value)) = filter {
                body.insert(name.into(), value.into());
            }
            let mut reply = self.json(rest, Json::Object(body).to_string()).await?;
            let (page, total) = page(&mut reply, field);
            let empty = page.is_empty();
            all.extend(page);
            if empty || all.len() as u64 >= total {
                return Ok(all);
            }
        }
    }

    /// All names of such a list.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn names(&self, rest: &str, field: &str, filter: Option<(&str, &str)>) -> Result<Vec<String>, Fault> {
        let names = self.pages(rest, field, filter).await?;
        Ok(names.into_iter().filter_map(|name| name.as_str().map(str::to_string)).collect())
    }

    /// Information about a stream, with the subjects that match a filter and the deleted sequences if they are wanted.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn stream_details(&self, stream: &str, subjects: Option<&str>, deleted: bool) -> Result<Json, Fault> {
        let mut info: Option<Json> = None;
        let mut found: Map<String, Json> = Map::new();
        loop {
            let mut body = Map::new();
            if let Some(filter) = subjects {
                body.insert("subjects_filter".into(), filter.into());
                body.insert("offset".into(), found.len().into());
            }
            if deleted && info.is_none() {
                body.insert("deleted_details".into(), true.into());
            }
            let body = if body.is_empty() { String::new() } else { Json::Object(body).to_string() };
            let mut reply = self.json(&format!("STREAM.INFO.{stream}"), body).await?;
            let total = reply.get("total").and_then(Json::as_u64).unwrap_or_default();
            let before = found.len();
            if subjects.is_some() {
                let state = reply.get_mut("state").and_then(Json::as_object_mut).ok_or(Fault::ReplyIncomplete)?;
                match state.get_mut("subjects").map(Json::take) {
                    Some(Json::Object(page)) => found.extend(page),
                    Some(Json::Null) | None => (),
                    Some(_) => return Err(Fault::ReplyIncomplete),
                }
            }
            let over = subjects.is_none() || found.len() == before || found.len() as u64 >= total;
            let first = info.get_or_insert(reply);
            if over {
                if subjects.is_some()
                    && let Some(state) = first.get_mut("state").and_then(Json::as_object_mut)
                {
                    state.insert("subjects".into(), Json::Object(found));
                }
                return Ok(first.take());
            }
        }
    }
}
