//! INFO: the fields that the engine needs, and all of them as they came.

use serde_json::{Map, Value};

/// A server's INFO. A field that is absent, null or of a wrong type counts as not sent.
///
/// Source: NATS client protocol, INFO.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Info {
    /// Version of the server, such as `2.15.1`.
    pub version: Option<String>,
    /// Largest payload plus headers, in bytes; `None` is no limit.
    pub max_payload: Option<usize>,
    /// Whether headers are understood.
    pub headers: bool,
    /// Whether credentials are wanted.
    pub auth_required: bool,
    /// Whether TLS is wanted.
    pub tls_required: bool,
    /// Whether TLS is offered.
    pub tls_available: bool,
    /// Whether the server has JetStream.
    pub jetstream: bool,
    /// Challenge for NKey authentication.
    pub nonce: Option<String>,
    /// Whether the server is about to shut down (lame duck mode).
    pub ldm: bool,
    /// `host:port` of the cluster's servers.
    pub connect_urls: Vec<String>,
    /// The same for WebSockets.
    pub ws_connect_urls: Vec<String>,
    /// Every field that is not null, in the server's order.
    pub fields: Map<String, Value>,
}

impl Info {
    /// Parses the JSON of an INFO; `None` if it is no JSON object.
    pub fn parse(json: &[u8]) -> Option<Info> {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(json) else { return None };
        fields.retain(|_, value| !value.is_null());
        let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_string);
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or(false);
        let list = |name: &str| {
            let items = fields.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            items.iter().filter_map(Value::as_str).map(str::to_string).collect()
        };
        let max_payload = fields.get("max_payload").and_then(Value::as_u64).filter(|max| *max > 0);
        Some(Info {
            version: text("version"),
            max_payload: max_payload.map(|max| usize::try_from(max).unwrap_or(usize::MAX)),
            headers: flag("headers"),
            auth_required: flag("auth_required"),
            tls_required: flag("tls_required"),
            tls_available: flag("tls_available"),
            jetstream: flag("jetstream"),
            nonce: text("nonce"),
            ldm: flag("ldm"),
            connect_urls: list("connect_urls"),
            ws_connect_urls: list("ws_connect_urls"),
            fields,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let json = br#"{"zeta":[1,{"a":null}],"version":"2.15.1","max_payload":100,"headers":true,"ldm":true,"nonce":"",
            "connect_urls":["a:1",7,"b:2"],"xkey":null,"tls_required":"yes"}"#;
        let info = Info::parse(json).unwrap();
        assert_eq!(info.version.as_deref(), Some("2.15.1"));
        assert_eq!((info.max_payload, info.headers, info.ldm, info.tls_required), (Some(100), true, true, false));
        assert_eq!(info.connect_urls, ["a:1", "b:2"]);
        assert_eq!(info.nonce, None);
        let names: Vec<&str> = info.fields.keys().map(String::as_str).collect();
        assert_eq!(names, ["zeta", "version", "max_payload", "headers", "ldm", "nonce", "connect_urls", "tls_required"]);
    }

    #[test]
    fn no_limit() {
        for json in ["{}", r#"{"max_payload":0}"#, r#"{"max_payload":-1}"#, r#"{"max_payload":"big"}"#] {
            assert_eq!(Info::parse(json.as_bytes()).unwrap().max_payload, None, "{json}");
        }
    }

    #[test]
    fn no_info() {
        for json in ["", "{", "[]", "5", "null", "{} x", "{\"a\":\u{1}}"] {
            assert_eq!(Info::parse(json.as_bytes()), None, "{json}");
        }
    }
}
