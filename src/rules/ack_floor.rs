//! How far a consumer's messages are acknowledged, as far as a client can know; and the consumer that goes on from there.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::time::isotime_to_msec;

/// Most deliveries that are remembered. More of them than that lie above a gap, which only the server can close.
const MOST: usize = 100_000;

/// A delivery above the floor.
struct Delivery {
    stream_seq: u64,
    acknowledged: bool,
}

/// Everything up to here is acknowledged. A bound from below: of what others acknowledge one hears only from the server.
#[derive(Default)]
pub(crate) struct AckFloor {
    /// Sequence of the delivery.
    consumer_seq: u64,
    /// Sequence in the stream.
    stream_seq: u64,
    above: BTreeMap<u64, Delivery>,
}

impl AckFloor {
    /// The floor in a consumer's information.
    pub(crate) fn of(info: &Json) -> AckFloor {
        let mut floor = AckFloor::default();
        floor.learn(info);
        floor
    }

    /// Takes what the server says, if that is more.
    pub(crate) fn learn(&mut self, info: &Json) {
        let count = |path: &str| info.pointer(path).and_then(Json::as_u64).unwrap_or_default();
        let (consumer_seq, mut stream_seq) = (count("/ack_floor/consumer_seq"), count("/ack_floor/stream_seq"));
        if count("/delivered/consumer_seq") == 0 {
            // Nothing delivered yet: where it begins is its floor.
            stream_seq = stream_seq.max(count("/delivered/stream_seq"));
        }
        self.consumer_seq = self.consumer_seq.max(consumer_seq);
        self.stream_seq = self.stream_seq.max(stream_seq);
        self.above = self.above.split_off(&(self.consumer_seq + 1));
        self.rise();
    }

    /// This delivery has come.
    pub(crate) fn delivered(&mut self, consumer_seq: u64, stream_seq: u64) {
        if self.above.len() >= MOST {
            self.above.clear();
        }
        if consumer_seq > self.consumer_seq {
            self.above.insert(consumer_seq, Delivery { stream_seq, acknowledged: false });
        }
    }

    /// The message of this delivery was dealt with. One of a former consumer does not count.
    pub(crate) fn acknowledged(&mut self, consumer_seq: u64, stream_seq: u64) {
        if let Some(delivery) = self.above.get_mut(&consumer_seq).filter(|delivery| delivery.stream_seq == stream_seq) {
            delivery.acknowledged = true;
            self.rise();
        }
    }

    fn rise(&mut self) {
        while let Some(first) = self.above.first_entry() {
            if *first.key() != self.consumer_seq + 1 || !first.get().acknowledged {
                return;
            }
            self.consumer_seq += 1;
            // A redelivery has a new number, and an older message.
            self.stream_seq = self.stream_seq.max(first.remove().stream_seq);
        }
    }

    /// The first sequence that another consumer has to deliver, where the stream is as this reply says. A stream that was made
    /// after the consumer (its `created`), or that is shorter than the floor, is another one.
    pub(crate) fn start(&self, stream: &Json, created: &str) -> u64 {
        let last = stream.pointer("/state/last_seq").and_then(Json::as_u64).unwrap_or_default();
        let time = |text: &str| isotime_to_msec(text).ok();
        let younger = match (stream["created"].as_str().and_then(time), time(created)) {
            (Some(stream), Some(consumer)) => stream > consumer,
            _ => false,
        };
        if younger || last < self.stream_seq { 1 } else { self.stream_seq + 1 }
    }
}

/// Whether the configuration is that of a durable consumer.
pub(crate) fn is_durable(config: &Map<String, Json>) -> bool {
    config.get("durable_name").and_then(Json::as_str).is_some_and(|name| !name.is_empty())
}

/// The configuration of the consumer that goes on from `start`. An ephemeral one gets this name, or is named by the server.
pub(crate) fn remade_config(config: &Map<String, Json>, name: Option<&str>, start: u64, stream: &Json) -> Map<String, Json> {
    let mut remade = config.clone();
    if !is_durable(config) {
        remade.retain(|field, _| field != "name");
        if let Some(name) = name {
            remade.insert("name".into(), name.into());
        }
    }
    // What is acknowledged has left a work queue, of which all has to be delivered.
    if stream.pointer("/config/retention").and_then(Json::as_str) != Some("workqueue") {
        remade.retain(|field, _| field != "opt_start_time");
        remade.insert("deliver_policy".into(), "by_start_sequence".into());
        remade.insert("opt_start_seq".into(), start.into());
    }
    remade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    fn map(text: &str) -> Map<String, Json> {
        json(text).as_object().unwrap().clone()
    }

    fn floor() -> AckFloor {
        AckFloor::of(&json(r#"{"ack_floor":{"consumer_seq":5,"stream_seq":7},"delivered":{"consumer_seq":9,"stream_seq":11}}"#))
    }

    #[test]
    fn it_rises_with_acknowledgements_without_a_gap() {
        let mut floor = floor();
        for (consumer_seq, stream_seq) in [(6, 8), (7, 9), (8, 8), (9, 12)] {
            floor.delivered(consumer_seq, stream_seq);
        }
        floor.acknowledged(7, 9);
        assert_eq!(floor.stream_seq, 7);
        // That of a former consumer.
        floor.acknowledged(6, 60);
        assert_eq!(floor.stream_seq, 7);
        floor.acknowledged(6, 8);
        assert_eq!(floor.stream_seq, 9);
        floor.acknowledged(9, 12);
        assert_eq!((floor.stream_seq, floor.above.len()), (9, 2));
        floor.learn(&json(r#"{"ack_floor":{"consumer_seq":8,"stream_seq":9}}"#));
        assert_eq!((floor.stream_seq, floor.consumer_seq, floor.above.len()), (12, 9, 0));
        floor.learn(&json(r#"{"ack_floor":{"consumer_seq":2,"stream_seq":2}}"#));
        assert_eq!(floor.stream_seq, 12);
    }

    #[test]
    fn it_is_where_a_consumer_begins() {
        let new = json(r#"{"ack_floor":{"consumer_seq":0,"stream_seq":0},"delivered":{"consumer_seq":0,"stream_seq":40}}"#);
        assert_eq!(AckFloor::of(&new).stream_seq, 40);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut floor = AckFloor::default();
        for number in 2..MOST as u64 + 10 {
            floor.delivered(number, number);
            floor.acknowledged(number, number);
        }
        assert!(floor.above.len() < MOST);
    }

    #[test]
    fn another_stream_is_read_from_its_beginning() {
        let stream = |created: &str, last: u64| json(&format!(r#"{{"created":"{created}","state":{{"last_seq":{last}}}}}"#));
        let (before, after) = ("2026-01-01T00:00:00.5Z", "2026-01-01T00:00:02Z");
        let made = "2026-01-01T00:00:01Z";
        assert_eq!(floor().start(&stream(before, 50), made), 8);
        assert_eq!(floor().start(&stream(after, 50), made), 1);
        assert_eq!(floor().start(&stream(before, 6), made), 1);
        assert_eq!(floor().start(&stream("x", 7), made), 8);
    }

    #[test]
    fn configurations() {
        let limits = json(r#"{"config":{"retention":"limits"}}"#);
        let ephemeral = map(r#"{"name":"a","deliver_policy":"by_start_time","opt_start_time":"t","filter_subject":"s"}"#);
        let remade = remade_config(&ephemeral, Some("b"), 8, &limits);
        assert_eq!(remade, map(r#"{"name":"b","deliver_policy":"by_start_sequence","opt_start_seq":8,"filter_subject":"s"}"#));
        let durable = map(r#"{"name":"a","durable_name":"a","deliver_policy":"all"}"#);
        let remade = remade_config(&durable, Some("b"), 8, &limits);
        assert_eq!(remade, map(r#"{"name":"a","durable_name":"a","deliver_policy":"by_start_sequence","opt_start_seq":8}"#));
        let queue = json(r#"{"config":{"retention":"workqueue"}}"#);
        assert_eq!(remade_config(&durable, None, 8, &queue), durable);
    }
}
