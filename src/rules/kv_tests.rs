use serde_json::json;

use super::*;

#[test]
fn subjects() {
    assert_eq!(split_subject("$KV.b.a.b"), Some(("b", "a.b")));
    assert_eq!(split_subject("$KV.b"), None);
    assert_eq!(split_subject("x.b.a"), None);
    assert_eq!(bucket_of_stream("KV_b"), Some("b"));
    assert_eq!(bucket_of_stream("KV_"), None);
    assert_eq!(bucket_of_stream("S"), None);
}

#[test]
fn operations() {
    assert_eq!(operation::<&str>([]), Operation::Put);
    assert_eq!(operation([("KV-Operation", "DEL")]).as_str(), "DEL");
    assert_eq!(operation([("Nats-Rollup", "sub"), ("KV-Operation", "PURGE")]).as_str(), "PURGE");
    assert_eq!(operation([("Nats-Marker-Reason", "MaxAge")]), Operation::Purge);
    assert_eq!(operation([("Nats-Marker-Reason", "Remove")]), Operation::Del);
    assert_eq!(operation([("kv-operation", "DEL")]).as_str(), "PUT");
}

#[test]
fn watches() {
    let config = watch_config(&["$KV.b.>".to_owned()], "_INBOX.x", Start::Revision(7), true, 5_000, true);
    assert_eq!((config["opt_start_seq"].as_i64(), config["deliver_policy"].as_str()), (Some(7), Some("by_start_sequence")));
    assert_eq!(config["idle_heartbeat"].as_i64(), Some(5_000_000_000));
    assert_eq!(watch_config(&["f".to_owned()], "d", Start::First, false, 1, true)["deliver_policy"].as_str(), Some("all"));
    assert_eq!(watch_config(&["f".to_owned()], "d", Start::LastPerKey, false, 1, true).get("opt_start_seq"), None);
}

#[test]
fn without_heartbeats_no_flow_control() {
    let config = watch_config(&["f".to_owned()], "d", Start::New, false, 0, true);
    assert_eq!((config.get("idle_heartbeat"), config.get("flow_control")), (None, None));
    assert_eq!(config["deliver_policy"].as_str(), Some("new"));
    assert_eq!(watch_config(&["f".to_owned()], "d", Start::New, false, 5, false)["flow_control"], json!(false));
}

#[test]
fn whose_entries() {
    assert_eq!(holds(&json!({ "subjects": ["$KV.b.>"] })), Holds::Own);
    assert_eq!(holds(&json!({ "subjects": ["$KV.b.>"], "sources": [] })), Holds::Own);
    assert_eq!(holds(&json!({ "subjects": ["$KV.b.>"], "sources": [{ "name": "KV_a" }] })), Holds::Others);
    assert_eq!(holds(&json!({ "mirror": { "name": "ORDERS" } })), Holds::Others);
    let origin = Origin { bucket: "a".into(), api: None };
    assert_eq!(holds(&json!({ "mirror": { "name": "KV_a" } })), Holds::Mirrored(origin));
}
