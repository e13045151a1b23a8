//! The tasks with object stores, and what prepares them for every client alike.

use std::path::PathBuf;
use std::time::Instant;

use async_nats::jetstream::{
    self,
    object_store::{Config, ObjectStore},
    stream::StorageType,
};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, copy_buf};

use crate::{Failure, Job, report};

/// Bucket of the tasks with files, on disk: it does not fit into the server's memory.
const FILES: &str = "files";
/// Size of a chunk, by which a file is copied.
const CHUNK: usize = 128 << 10;

/// The bucket for values, in memory; each client has its own.
async fn values(job: &Job) -> Result<ObjectStore, Failure> {
    let config = Config { bucket: "objects_raw".into(), storage: StorageType::Memory, ..Default::default() };
    Ok(jetstream::new(job.client.clone()).create_object_store(config).await?)
}

/// One object after the other, under the same name.
pub async fn put(job: &Job) -> Result<(), Failure> {
    let store = values(job).await?;
    let start = Instant::now();
    for _ in 0..job.count {
        store.put("object", &mut &job.payload[..]).await?;
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// The same object again and again.
pub async fn get(job: &Job) -> Result<(), Failure> {
    let store = values(job).await?;
    store.put("object", &mut &job.payload[..]).await?;
    let start = Instant::now();
    for _ in 0..job.count {
        let mut content = Vec::with_capacity(job.payload.len());
        store.get("object").await?.read_to_end(&mut content).await?;
        if content.len() != job.payload.len() {
            return Err("wrong object".into());
        }
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// A file in the folder that the driver has made.
fn file(name: &str) -> Result<PathBuf, Failure> {
    Ok(PathBuf::from(std::env::var("BENCH_FILES")?).join(name))
}

async fn put_one(store: &ObjectStore) -> Result<(), Failure> {
    let mut input = File::open(file("in")?).await?;
    store.put("object", &mut input).await?;
    Ok(())
}

/// Makes the bucket of the tasks with files; one of an earlier run goes.
pub async fn no_file(job: &Job) -> Result<(), Failure> {
    let context = jetstream::new(job.client.clone());
    let _ = context.delete_object_store(FILES).await;
    context.create_object_store(Config { bucket: FILES.into(), ..Default::default() }).await?;
    Ok(())
}

/// The same, with the file in it.
pub async fn stored_file(job: &Job) -> Result<(), Failure> {
    no_file(job).await?;
    put_one(&jetstream::new(job.client.clone()).get_object_store(FILES).await?).await
}

/// Files, one after the other, under the same name.
pub async fn put_file(job: &Job) -> Result<(), Failure> {
    let store = jetstream::new(job.client.clone()).get_object_store(FILES).await?;
    let start = Instant::now();
    for _ in 0..job.count {
        put_one(&store).await?;
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}

/// The same object again and again into a file.
pub async fn get_file(job: &Job) -> Result<(), Failure> {
    let store = jetstream::new(job.client.clone()).get_object_store(FILES).await?;
    let start = Instant::now();
    for _ in 0..job.count {
        let mut output = File::create(file("out")?).await?;
        copy_buf(&mut BufReader::with_capacity(CHUNK, store.get("object").await?), &mut output).await?;
        output.flush().await?;
    }
    report(job.count, start.elapsed().as_secs_f64(), "");
    Ok(())
}
