//! `nats-bench-raw URL TASK COUNT`: async-nats on its own, measured as `bench/run.py` measures every client.
//!
//! A task prints one JSON line with its figures. `flood` and `responder` are the other side of the tasks that need
//! one; every client is measured against these two, so that only the measured side differs.

use std::time::{Duration, Instant};

use async_nats::{Client, Subject, jetstream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// The text of whatever went wrong: it is only printed.
#[derive(Debug)]
struct Failure(#[allow(dead_code, reason = "read by the derived Debug, with which main reports it")] String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// The payload of every message, 16 bytes.
const PAYLOAD: Bytes = Bytes::from_static(b"0123456789abcdef");

/// Requests or publishes that wait for an answer at the same time in the tasks that end in `_async`.
const IN_FLIGHT: u64 = 1000;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, task, count] = words.as_slice() else {
        return Err("usage: nats-bench-raw URL TASK COUNT".into());
    };
    let count: u64 = count.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(url, task, count))
}

/// Connects to `url` and runs `task` with `count` messages or requests.
async fn run(url: &str, task: &str, count: u64) -> Result<(), Failure> {
    // The default of 64 Ki messages makes a fast publisher overrun the subscriber, which would measure losing.
    let client = async_nats::ConnectOptions::new()
        .subscription_capacity(1 << 20)
        .request_timeout(Some(Duration::from_secs(60)))
        .connect(url)
        .await?;
    match task {
        "publish" => publish(&client, count).await,
        "receive" => receive(&client, count).await,
        "request" => request(&client, count).await,
        "request_async" => request_async(&client, count).await,
        "js_publish" => js_publish(&client, count).await,
        "js_publish_async" => js_publish_async(&client, count).await,
        "flood" => flood(&client, count).await,
        "responder" => responder(&client).await,
        _ => Err(format!("unknown task {task}").into()),
    }
}

/// Prints the line that the driver reads; `figures` are further JSON members.
fn report(task: &str, count: u64, seconds: f64, figures: &str) {
    let rate = count as f64 / seconds;
    println!("{{\"client\":\"raw\",\"task\":\"{task}\",\"count\":{count},\"seconds\":{seconds:.6},\"rate\":{rate:.0}{figures}}}");
}

/// Returns once the server has processed everything sent before.
async fn round_trip(client: &Client) -> Result<(), Failure> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    client.publish(inbox, Bytes::new()).await?;
    answers.next().await.ok_or("connection lost")?;
    Ok(())
}

async fn publish(client: &Client, count: u64) -> Result<(), Failure> {
    let subject = Subject::from_static("bench.publish");
    let start = Instant::now();
    for _ in 0..count {
        client.publish(subject.clone(), PAYLOAD).await?;
    }
    round_trip(client).await?;
    report("publish", count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

async fn receive(client: &Client, count: u64) -> Result<(), Failure> {
    let mut messages = client.subscribe("bench.receive.*").await?;
    round_trip(client).await?;
    println!("READY");
    let (mut got, mut start, mut end) = (0_u64, Instant::now(), Instant::now());
    while let Some(message) = messages.next().await {
        if message.subject.as_str() == "bench.receive.end" {
            break;
        }
        if got == 0 {
            start = Instant::now();
        }
        got += 1;
        if got.is_multiple_of(1024) || got == count {
            end = Instant::now();
        }
    }
    let lost = count.saturating_sub(got);
    report("receive", got, (end - start).as_secs_f64(), &format!(",\"lost\":{lost}"));
    Ok(())
}

async fn request(client: &Client, count: u64) -> Result<(), Failure> {
    let mut micros = Vec::with_capacity(count as usize);
    client.request("bench.service", PAYLOAD).await?;
    let start = Instant::now();
    for _ in 0..count {
        let sent = Instant::now();
        client.request("bench.service", PAYLOAD).await?;
        micros.push(sent.elapsed().as_micros());
    }
    let seconds = start.elapsed().as_secs_f64();
    micros.sort_unstable();
    let at = |share: usize| micros[(micros.len() - 1) * share / 100];
    report("request", count, seconds, &format!(",\"p50_us\":{},\"p99_us\":{}", at(50), at(99)));
    Ok(())
}

async fn request_async(client: &Client, count: u64) -> Result<(), Failure> {
    client.request("bench.service", PAYLOAD).await?;
    let start = Instant::now();
    let mut waiting = FuturesUnordered::new();
    for sent in 0..count {
        if sent >= IN_FLIGHT {
            waiting.next().await.ok_or("nothing in flight")??;
        }
        waiting.push(client.request("bench.service", PAYLOAD));
    }
    while let Some(reply) = waiting.next().await {
        reply?;
    }
    report("request_async", count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// The JetStream context, with a new stream in memory that takes `bench.js`: the disk is not what is measured.
async fn stream(client: &Client) -> Result<jetstream::Context, Failure> {
    let context = jetstream::new(client.clone());
    // Of an earlier run, or not there at all.
    let _ = context.delete_stream("BENCH").await;
    context
        .create_stream(jetstream::stream::Config {
            name: "BENCH".to_owned(),
            subjects: vec!["bench.js".to_owned()],
            storage: jetstream::stream::StorageType::Memory,
            ..Default::default()
        })
        .await?;
    Ok(context)
}

async fn js_publish(client: &Client, count: u64) -> Result<(), Failure> {
    let context = stream(client).await?;
    let start = Instant::now();
    for _ in 0..count {
        context.publish("bench.js", PAYLOAD).await?.await?;
    }
    report("js_publish", count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

async fn js_publish_async(client: &Client, count: u64) -> Result<(), Failure> {
    let context = stream(client).await?;
    let start = Instant::now();
    let mut waiting = FuturesUnordered::new();
    for sent in 0..count {
        if sent >= IN_FLIGHT {
            waiting.next().await.ok_or("nothing in flight")??;
        }
        waiting.push(context.publish("bench.js", PAYLOAD).await?.into_future());
    }
    while let Some(acknowledged) = waiting.next().await {
        acknowledged?;
    }
    report("js_publish_async", count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// The publisher of the task `receive`. The end marker is repeated, since a slow subscriber can lose that one too.
async fn flood(client: &Client, count: u64) -> Result<(), Failure> {
    let subject = Subject::from_static("bench.receive.message");
    for _ in 0..count {
        client.publish(subject.clone(), PAYLOAD).await?;
    }
    for _ in 0..100 {
        client.publish("bench.receive.end", Bytes::new()).await?;
        round_trip(client).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Answers every request until it is killed.
async fn responder(client: &Client) -> Result<(), Failure> {
    let mut requests = client.subscribe("bench.service").await?;
    round_trip(client).await?;
    println!("READY");
    while let Some(request) = requests.next().await {
        if let Some(reply) = request.reply {
            client.publish(reply, request.payload).await?;
        }
    }
    Ok(())
}
