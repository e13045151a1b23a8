use super::*;

fn given(options: &[(&str, Value)]) -> Vec<(usize, Value)> {
    let index = |name: &str| BUCKET_OPTIONS.iter().position(|opt| opt.name == name).unwrap();
    options.iter().map(|(name, value)| (index(name), value.clone())).collect()
}

#[test]
fn buckets() {
    let config = bucket_stream("b", None, &[]).unwrap();
    assert_eq!(
        Json::Object(config),
        json!({"name": "KV_b", "max_msgs_per_subject": 1, "max_age": 0, "duplicate_window": 120_000_000_000i64, "discard": "new",
            "deny_delete": true, "deny_purge": false, "allow_rollup_hdrs": true, "allow_direct": true, "storage": "file",
            "num_replicas": 1, "subjects": ["$KV.b.>"]})
    );
    let options = given(&[("ttl", Value::Int(5000)), ("history", Value::Int(64))]);
    let config = bucket_stream("b", Some(("o", Some("$JS.hub.API"))), &options).unwrap();
    assert_eq!(config["duplicate_window"], 5_000_000_000i64);
    assert_eq!(config["mirror"], json!({"name": "KV_o", "external": {"api": "$JS.hub.API"}}));
    assert!(config.get("subjects").is_none() && config["mirror_direct"] == true);
    for history in [0, 65] {
        let options = given(&[("history", Value::Int(history))]);
        assert_eq!(bucket_stream("b", None, &options), Err(Refusal::History));
    }
    let options = given(&[("ttl", Value::Int(i64::MAX))]);
    assert!(matches!(bucket_stream("b", None, &options), Err(Refusal::Value(_))));
}

fn source(keys: &[&str], api: Option<&str>) -> Source {
    let keys = keys.iter().map(|key| key.to_string()).collect();
    Source { stream: "KV_o".into(), bucket: "o".into(), keys, api: api.map(str::to_string), deliver: Some("d".into()) }
}

#[test]
fn aggregates_and_mirrors() {
    let config = aggregate_stream("b", false, &[source(&[], None), source(&["a.*.>"], Some("$JS.x.API"))], &[]).unwrap();
    assert!(config.get("subjects").is_none());
    assert_eq!(
        config["sources"],
        json!([{"name": "KV_o", "subject_transforms": [{"src": "$KV.o.>", "dest": "$KV.b.>"}]},
            {"name": "KV_o", "subject_transforms": [{"src": "$KV.o.a.*.>", "dest": "$KV.b.a.{{wildcard(1)}}.>"}],
                "external": {"api": "$JS.x.API", "deliver": "d"}}])
    );
    let config = mirror_stream("m", &source(&["k"], None), &[]).unwrap();
    assert_eq!(config["name"], "m");
    assert_eq!(config["mirror"], json!({"name": "KV_o", "subject_transforms": [{"src": "$KV.o.k", "dest": "$KV.o.k"}]}));
}

#[test]
fn places() {
    let place = Place::of("b", &json!({"max_msgs_per_subject": 1, "allow_direct": true})).unwrap();
    assert_eq!((place.write_subject("k", None), place.write_subject("k", Some("P"))), ("$KV.b.k".into(), "P.$KV.b.k".into()));
    let config = json!({"max_msgs_per_subject": 1, "mirror": {"name": "KV_o", "external": {"api": "$JS.hub.API"}}});
    let place = Place::of("b", &config).unwrap();
    assert_eq!(place.write_subject("k", Some("P")), "$JS.hub.API.$KV.o.k");
    assert!(!place.direct);
    assert_eq!(Place::of("b", &json!({"max_msgs_per_subject": -1})), None);
    assert_eq!((domain_of("$JS.hub.API"), domain_of("x.API"), domain_of("$JS.API")), (Some("hub"), None, None));
}

#[test]
fn initial_entries_end_once() {
    let mut initial = Initial::new();
    assert!(!initial.made(2) && !initial.before(1) && !initial.after(1, 5) && initial.after(2, 5) && !initial.after(3, 0));
    let mut initial = Initial::new();
    assert!(initial.made(0) && !initial.quiet());
    let mut initial = Initial::new();
    initial.ends_at(7);
    assert!(!initial.made(3) && !initial.after(5, 9) && initial.before(8) && !initial.after(8, 0));
}

#[test]
fn readings_end_with_the_last_entry() {
    let mut reading = Gathering::default();
    assert!(!reading.made(2) && !reading.read(3, 1) && reading.read(4, 0) && reading.ends(Some(4)));
    let mut reading = Gathering::default();
    assert!(reading.made(0) && reading.ends(None));
    // An entry was written anew: it comes at the end.
    let mut reading = Gathering::default();
    assert!(!reading.made(2) && reading.read(4, 0) && !reading.ends(Some(9)) && !reading.read(8, 0) && reading.read(9, 3));
    assert!(!reading.ends(Some(12)) && reading.read(13, 0) && reading.ends(Some(13)));
    let mut reading = Gathering::default();
    assert_eq!((1..100).find(|last| reading.ends(Some(*last))), Some(17));
}
