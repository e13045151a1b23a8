//! Buckets whose stream mirrors another one: they are read under the names of their origin, and nothing is written to them.

use serde_json::Value as Json;

use crate::client::api::Api;
use crate::rules::object::{HOPS, Mirror, mirror, stream_name};

/// What the stream of a bucket holds.
#[derive(Clone)]
pub(crate) struct Holds {
    /// Bucket in whose subjects the objects are.
    pub names: String,
    /// Stream that is mirrored.
    pub origin: Option<String>,
}

impl Holds {
    /// What the stream of this bucket holds by its configuration. The origin of a mirror may be a mirror itself: it is asked, if it
    /// can be.
    pub(crate) async fn of(api: &Api, bucket: &str, config: &Json) -> Holds {
        let mut holds = Holds { names: bucket.to_string(), origin: None };
        let mut config = config.clone();
        for _ in 0..HOPS {
            let Some(Mirror { stream, bucket, is_elsewhere }) = mirror(&config) else { break };
            holds.origin.get_or_insert(stream);
            let Some(bucket) = bucket else { break };
            holds.names = bucket;
            if is_elsewhere {
                break;
            }
            match api.json(&format!("STREAM.INFO.{}", stream_name(&holds.names)), String::new()).await {
                Ok(info) => config = info.get("config").cloned().unwrap_or_default(),
                Err(_) => break,
            }
        }
        holds
    }
}
