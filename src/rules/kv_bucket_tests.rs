use super::super::jetstream_convert::convert_reply;
use super::super::kv::write_subject;
use super::*;

fn given(pairs: &[(&str, &str)]) -> Vec<(usize, Value)> {
    let index = |name: &str| ADD_OPTIONS.iter().position(|o| o.name == name).unwrap();
    pairs.iter().map(|(n, v)| (index(n), Value::Str((*v).to_owned()))).collect()
}

#[test]
fn default_bucket() {
    assert_eq!(
        Json::Object(bucket_config("b", &[], &[]).unwrap()).to_string(),
        concat!(
            r#"{"name":"KV_b","subjects":["$KV.b.>"],"max_msgs_per_subject":1,"max_bytes":-1,"max_age":0,"max_msg_size":-1,"storage":"file","#,
            r#""discard":"new","num_replicas":1,"duplicate_window":120000000000,"allow_rollup_hdrs":true,"allow_direct":true,"deny_delete":true,"deny_purge":false}"#
        )
    );
}

#[test]
fn bucket_options() {
    let config = bucket_config("b", &given(&[("history", "64"), ("ttl", "1500.5"), ("storage", "memory")]), &[]).unwrap();
    assert_eq!((config["max_age"].as_i64(), config["duplicate_window"].as_i64()), (Some(1_500_500_000), Some(1_500_500_000)));
    assert_eq!((config["max_msgs_per_subject"].as_i64(), config["storage"].as_str()), (Some(64), Some("memory")));
    let long = bucket_config("b", &given(&[("ttl", "3600000")]), &[]).unwrap();
    assert_eq!(long["duplicate_window"].as_i64(), Some(DUPLICATE_WINDOW_NS));
    for none in ["0", "-1"] {
        assert_eq!(bucket_config("b", &given(&[("ttl", none)]), &[]).unwrap()["max_age"].as_i64(), Some(0));
    }
}

#[test]
fn bucket_errors() {
    for (pairs, error) in [
        (&[("history", "0")][..], BucketError::HistoryTooSmall),
        (&[("history", "-5")], BucketError::HistoryTooSmall),
        (&[("history", "65")], BucketError::HistoryTooLarge),
        (&[("history", "99999999999999999999")], BucketError::HistoryTooLarge),
        (&[("mirror_name", "a.b")], BucketError::MirrorName("a.b".to_owned())),
        (&[("mirror_domain", "d")], BucketError::DomainWithoutMirror),
    ] {
        assert_eq!(bucket_config("b", &given(pairs), &[]), Err(error));
    }
    assert!(matches!(bucket_config("b", &given(&[("ttl", "x")]), &[]), Err(BucketError::Value(_))));
}

#[test]
fn mirrors() {
    let config = Json::Object(bucket_config("m", &given(&[("mirror_name", "o"), ("mirror_domain", "hub")]), &[]).unwrap());
    assert_eq!(config["mirror"].to_string(), r#"{"name":"KV_o","external":{"api":"$JS.hub.API"}}"#);
    assert_eq!(config.get("subjects"), None);
    let found = origin(&config).unwrap();
    assert_eq!(write_subject("m", "k", Some(&found), Some("d")), "$JS.hub.API.$KV.o.k");
    let near = origin(&Json::Object(bucket_config("m", &given(&[("mirror_name", "o")]), &[]).unwrap())).unwrap();
    assert_eq!(near.api, None);
    assert_eq!(write_subject("m", "k", Some(&near), None), "$KV.o.k");
    assert_eq!(write_subject("m", "k", Some(&near), Some("d")), "$JS.d.API.$KV.o.k");
    assert_eq!(write_subject("b", "k", None, None), "$KV.b.k");
    assert_eq!(origin(&json!({"mirror": {"name": "S"}})), None);
    assert_eq!(origin(&json!({})), None);
}

#[test]
fn info() {
    let reply: Json = serde_json::from_str(
        r#"{"type":"t","config":{"name":"KV_b","max_msgs_per_subject":3,"max_age":1500000000,"max_msg_size":-1,"max_bytes":-1,"storage":"file"},
        "created":"2022-11-22T13:31:35.451Z","state":{"messages":2,"bytes":90},"mirror":{"name":"KV_o","active":2000000}}"#,
    )
    .unwrap();
    assert_eq!(
        Json::Object(bucket_info("b", &convert_reply(reply, true))).to_string(),
        concat!(
            r#"{"bucket":"b","stream":"KV_b","storage":"file","history":3,"ttl":1500,"max_value_size":-1,"max_bucket_size":-1,"#,
            r#""mirror":{"name":"KV_o","active":2},"created":1669123895451,"values_stored":2,"bytes_stored":90,"backing_store":"JetStream","#,
            r#""store_config":{"name":"KV_b","max_msgs_per_subject":3,"max_age":1500,"max_msg_size":-1,"max_bytes":-1,"storage":"file"},"#,
            r#""store_state":{"messages":2,"bytes":90}}"#
        )
    );
}

#[test]
fn an_existing_bucket_is_as_given() {
    let at = |name: &str| ADD_OPTIONS.iter().position(|option| option.name == name).unwrap();
    let is = |given: &[(&str, &str)], config: &Json| {
        let given: Vec<_> = given.iter().map(|(name, value)| (at(name), Value::Str((*value).to_owned()))).collect();
        is_as_given("b", &given, &[], config)
    };
    let config = json!({ "subjects": ["$KV.b.>"], "max_msgs_per_subject": 5, "storage": "memory", "max_age": 60_000_000_000_i64,
        "max_msg_size": -1, "max_bytes": 1000 });
    assert!(is(&[], &config));
    let same = [("history", "5"), ("storage", "memory"), ("ttl", "60000"), ("max_value_size", "0"), ("max_bucket_size", "1000")];
    assert!(is(&same, &config));
    for other in [("history", "4"), ("storage", "file"), ("ttl", "-1"), ("max_value_size", "7"), ("max_bucket_size", "-1")] {
        assert!(!is(&[other], &config), "{other:?}");
    }
    assert!(!is(&[("mirror_name", "a")], &config));
    assert!(!is(&[], &json!({ "subjects": ["orders"] })));
    let mirror = json!({ "mirror": { "name": "KV_a", "external": { "api": "$JS.d.API" } } });
    assert!(is(&[], &mirror));
    assert!(is(&[("mirror_name", "a"), ("mirror_domain", "d")], &mirror));
    assert!(!is(&[("mirror_name", "a")], &mirror));
}
