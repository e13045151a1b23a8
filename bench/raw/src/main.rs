//! `nats-bench-raw URL TASK COUNT SIZE`: async-nats on its own, measured as `bench/run.py` measures every client.
//!
//! A task prints one JSON line with its figures. `flood`, `responder`, `setup`, `fill`, `unfinished`, `no_file` and `stored_file` are the other
//! side of the tasks; every client is measured against these, so that only the measured side differs.

mod objects;
mod stored;

use std::time::{Duration, Instant};

use async_nats::{Client, Subject};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// The text of whatever went wrong: it is only printed.
#[derive(Debug)]
pub struct Failure(#[allow(dead_code, reason = "read by the derived Debug, with which main reports it")] String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// What one task is told: how much, of what, over which connection.
pub struct Job {
    /// The connection, made before any time is taken.
    pub client: Client,
    /// Messages, requests or calls.
    pub count: u64,
    /// Payload of each, `--sizes` of the driver.
    pub payload: Bytes,
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, task, count, size] = words.as_slice() else {
        return Err("usage: nats-bench-raw URL TASK COUNT SIZE".into());
    };
    let (count, size) = (count.parse()?, size.parse()?);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(url, task, count, size))
}

/// Connects to `url` and runs `task` with `count` messages or requests of `size` bytes.
async fn run(url: &str, task: &str, count: u64, size: usize) -> Result<(), Failure> {
    // The default of 64 Ki messages makes a fast publisher overrun the subscriber, which would measure losing.
    let client = async_nats::ConnectOptions::new()
        .subscription_capacity(1 << 20)
        .request_timeout(Some(Duration::from_secs(60)))
        .connect(url)
        .await?;
    // The size of a file is not for the memory.
    let size = if task.ends_with("_file") { 0 } else { size };
    let job = Job { client, count, payload: Bytes::from(b"0123456789abcdef".repeat(size.div_ceil(16))).slice(..size) };
    match task {
        "connect" => {
            report(0, 1.0, "");
            Ok(())
        }
        "publish" => publish(&job).await,
        "receive" => receive(&job).await,
        "request" => request(&job).await,
        "request_100" => request_in_flight(&job, 100).await,
        "request_1000" => request_in_flight(&job, 1000).await,
        "js_publish" => stored::publish(&job).await,
        "js_publish_1000" => stored::publish_in_flight(&job, 1000).await,
        "pull_100" => stored::pull(&job, 100).await,
        "pull_1000" => stored::pull(&job, 1000).await,
        "messages" => stored::messages(&job).await,
        "kv_put" => stored::kv_put(&job).await,
        "kv_get" => stored::kv_get(&job).await,
        "object_put" => objects::put(&job).await,
        "object_get" => objects::get(&job).await,
        "object_put_file" => objects::put_file(&job).await,
        "object_get_file" => objects::get_file(&job).await,
        "no_file" => objects::no_file(&job).await,
        "stored_file" => objects::stored_file(&job).await,
        "kv_put_checked" => unable(),
        "setup" => stored::setup(&job).await,
        "fill" => stored::fill(&job).await,
        "unfinished" => stored::unfinished(&job).await,
        "flood" => flood(&job).await,
        "responder" => responder(&job).await,
        _ => Err(format!("unknown task {task}").into()),
    }
}

/// Tells the driver that this client has no such call.
fn unable() -> Result<(), Failure> {
    println!("{{\"unable\":true}}");
    Ok(())
}

/// Prints the line that the driver reads; `figures` are further JSON members.
pub fn report(count: u64, seconds: f64, figures: &str) {
    let rate = count as f64 / seconds;
    println!("{{\"count\":{count},\"seconds\":{seconds:.6},\"rate\":{rate:.1},\"peak_kib\":{}{figures}}}", peak_kib());
}

/// Most memory this process has held, in KiB; 0 where the system does not say (no `/proc`).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Returns once the server has processed everything sent before.
pub async fn round_trip(client: &Client) -> Result<(), Failure> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    client.publish(inbox, Bytes::new()).await?;
    answers.next().await.ok_or("connection lost")?;
    Ok(())
}

/// Prints the percentiles that every client prints, of `micros` (microseconds of each of `count` calls).
pub fn report_latency(count: u64, seconds: f64, mut micros: Vec<u128>) {
    micros.sort_unstable();
    let at = |share: usize| micros[(micros.len() - 1) * share / 100];
    report(count, seconds, &format!(",\"p50_us\":{},\"p99_us\":{}", at(50), at(99)));
}

async fn publish(job: &Job) -> Result<(), Failure> {
    let subject = Subject::from_static("bench.publish");
    let start = Instant::now();
    for _ in 0..job.count {
        job.client.publish(subject.clone(), job.payload.clone()).await?;
    }
    round_trip(&job.client).await?;
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

async fn receive(job: &Job) -> Result<(), Failure> {
    let mut messages = job.client.subscribe("bench.receive.*").await?;
    round_trip(&job.client).await?;
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
        if got.is_multiple_of(256) || got == job.count {
            end = Instant::now();
        }
    }
    let lost = job.count.saturating_sub(got);
    report(got, (end - start).as_secs_f64(), &format!(",\"lost\":{lost}"));
    Ok(())
}

async fn request(job: &Job) -> Result<(), Failure> {
    let mut micros = Vec::with_capacity(job.count as usize);
    job.client.request("bench.service", job.payload.clone()).await?;
    let start = Instant::now();
    for _ in 0..job.count {
        let sent = Instant::now();
        job.client.request("bench.service", job.payload.clone()).await?;
        micros.push(sent.elapsed().as_micros());
    }
    report_latency(job.count, start.elapsed().as_secs_f64(), micros);
    Ok(())
}

async fn request_in_flight(job: &Job, in_flight: u64) -> Result<(), Failure> {
    job.client.request("bench.service", job.payload.clone()).await?;
    let start = Instant::now();
    let mut waiting = FuturesUnordered::new();
    for sent in 0..job.count {
        if sent >= in_flight {
            waiting.next().await.ok_or("nothing in flight")??;
        }
        waiting.push(job.client.request("bench.service", job.payload.clone()));
    }
    while let Some(reply) = waiting.next().await {
        reply?;
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// The publisher of the task `receive`. The end marker is repeated, since a slow subscriber can lose that one too.
async fn flood(job: &Job) -> Result<(), Failure> {
    let subject = Subject::from_static("bench.receive.message");
    for _ in 0..job.count {
        job.client.publish(subject.clone(), job.payload.clone()).await?;
    }
    loop {
        job.client.publish("bench.receive.end", Bytes::new()).await?;
        round_trip(&job.client).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Answers every request until it is killed.
async fn responder(job: &Job) -> Result<(), Failure> {
    let mut requests = job.client.subscribe("bench.service").await?;
    round_trip(&job.client).await?;
    println!("READY");
    while let Some(request) = requests.next().await {
        if let Some(reply) = request.reply {
            job.client.publish(reply, request.payload).await?;
        }
    }
    Ok(())
}
