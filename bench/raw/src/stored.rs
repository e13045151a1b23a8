//! The tasks with JetStream and key-value stores, and what prepares them for every client alike.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer::PullConsumer, kv, stream::StorageType};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::{Failure, Job, report, report_latency, round_trip};

/// The stream, which takes `bench.js`; in memory, since the disk is not what is measured.
const STREAM: &str = "BENCH";
/// Its durable consumer with explicit acknowledgement.
const CONSUMER: &str = "PULL";
/// The bucket, in memory too.
const BUCKET: &str = "bench";
/// Distinct keys that the key-value tasks go through.
const KEYS: u64 = 100;

/// Makes an empty stream, its consumer, and a bucket in which every key has a value.
pub async fn setup(job: &Job) -> Result<(), Failure> {
    let context = jetstream::new(job.client.clone());
    // Of an earlier run, or not there at all.
    let _ = context.delete_stream(STREAM).await;
    let _ = context.delete_key_value(BUCKET).await;
    let stream = context
        .create_stream(jetstream::stream::Config {
            name: STREAM.to_owned(),
            subjects: vec!["bench.js".to_owned()],
            storage: StorageType::Memory,
            ..Default::default()
        })
        .await?;
    stream
        .create_consumer(jetstream::consumer::pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_wait: Duration::from_secs(300),
            max_ack_pending: -1,
            ..Default::default()
        })
        .await?;
    let store = context
        .create_key_value(kv::Config { bucket: BUCKET.to_owned(), storage: StorageType::Memory, ..Default::default() })
        .await?;
    for number in 0..KEYS {
        store.put(format!("key.{number}"), job.payload.clone()).await?;
    }
    Ok(())
}

/// `setup`, then `count` messages in the stream.
pub async fn fill(job: &Job) -> Result<(), Failure> {
    setup(job).await?;
    publish_in_flight(job, 1000).await
}

/// Fails if the consumer has messages that were not delivered or not acknowledged.
pub async fn unfinished(job: &Job) -> Result<(), Failure> {
    let mut left = (0, 0);
    // The server counts an acknowledgement a little after it has read it.
    for _ in 0..50 {
        let mut consumer: PullConsumer = jetstream::new(job.client.clone()).get_consumer_from_stream(CONSUMER, STREAM).await?;
        let info = consumer.info().await?;
        left = (info.num_pending, info.num_ack_pending);
        if left == (0, 0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("{} messages not delivered, {} not acknowledged", left.0, left.1).into())
}

/// Fails unless `acknowledged` is of the stream and has the sequence `wanted`.
fn check(acknowledged: &jetstream::publish::PublishAck, wanted: u64) -> Result<(), Failure> {
    if acknowledged.stream != STREAM || acknowledged.sequence != wanted {
        return Err(format!("sequence {} for {wanted}", acknowledged.sequence).into());
    }
    Ok(())
}

/// One publish after the other, each acknowledged.
pub async fn publish(job: &Job) -> Result<(), Failure> {
    let context = jetstream::new(job.client.clone());
    let start = Instant::now();
    for number in 1..=job.count {
        check(&context.publish("bench.js", job.payload.clone()).await?.await?, number)?;
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// Publishes of which `in_flight` wait for their acknowledgements; the sum of the sequences proves each came once.
pub async fn publish_in_flight(job: &Job, in_flight: usize) -> Result<(), Failure> {
    let mut context = jetstream::new(job.client.clone());
    context.set_timeout(Duration::from_secs(60));
    let start = Instant::now();
    let mut waiting = FuturesUnordered::new();
    let mut sum: u64 = 0;
    for _ in 0..job.count {
        waiting.push(context.publish("bench.js", job.payload.clone()).await?.into_future());
        if waiting.len() >= in_flight {
            sum += waiting.next().await.ok_or("nothing in flight")??.sequence;
        }
    }
    while let Some(acknowledged) = waiting.next().await {
        sum += acknowledged?.sequence;
    }
    if sum != job.count * (job.count + 1) / 2 {
        return Err("acknowledgements are missing or double".into());
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// Pulls in batches of `batch`, acknowledges every message, ends with a round trip.
pub async fn pull(job: &Job, batch: u64) -> Result<(), Failure> {
    let consumer: PullConsumer = jetstream::new(job.client.clone()).get_consumer_from_stream(CONSUMER, STREAM).await?;
    let start = Instant::now();
    let mut got = 0;
    while got < job.count {
        let wanted = batch.min(job.count - got) as usize;
        let mut messages = consumer.fetch().max_messages(wanted).expires(Duration::from_secs(5)).messages().await?;
        while let Some(message) = messages.next().await {
            message?.ack().await?;
            got += 1;
        }
    }
    round_trip(&job.client).await?;
    report(got, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// Messages that are asked for as they are taken, each acknowledged.
pub async fn messages(job: &Job) -> Result<(), Failure> {
    let consumer: PullConsumer = jetstream::new(job.client.clone()).get_consumer_from_stream(CONSUMER, STREAM).await?;
    let start = Instant::now();
    let mut messages = consumer.messages().await?.take(job.count as usize);
    let mut got = 0;
    while let Some(message) = messages.next().await {
        message?.ack().await?;
        got += 1;
    }
    round_trip(&job.client).await?;
    report(got, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// One put after the other.
pub async fn kv_put(job: &Job) -> Result<(), Failure> {
    let store = jetstream::new(job.client.clone()).get_key_value(BUCKET).await?;
    let mut micros = Vec::with_capacity(job.count as usize);
    let start = Instant::now();
    for number in 0..job.count {
        let sent = Instant::now();
        store.put(format!("key.{}", number % KEYS), job.payload.clone()).await?;
        micros.push(sent.elapsed().as_micros());
    }
    report_latency(job.count, start.elapsed().as_secs_f64(), micros);
    Ok(())
}

/// One get after the other, each of a key that has a value.
pub async fn kv_get(job: &Job) -> Result<(), Failure> {
    let store = jetstream::new(job.client.clone()).get_key_value(BUCKET).await?;
    let mut micros = Vec::with_capacity(job.count as usize);
    let start = Instant::now();
    for number in 0..job.count {
        let sent = Instant::now();
        let value = store.get(format!("key.{}", number % KEYS)).await?.ok_or("no value")?;
        if value.len() != job.payload.len() {
            return Err("wrong value".into());
        }
        micros.push(sent.elapsed().as_micros());
    }
    report_latency(job.count, start.elapsed().as_secs_f64(), micros);
    Ok(())
}
