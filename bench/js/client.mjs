// client.mjs URL TASK COUNT SIZE: nats.js measured as bench/run.py measures every client; prints one JSON line.
// NATS_JS is the folder with node_modules: modules are looked up beside the importing file, and this one is elsewhere.

import { createRequire } from "node:module";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const load = createRequire(join(process.env.NATS_JS, "package.json"));
const { connect } = load("@nats-io/transport-node");

const now = () => performance.now();

// Most memory this process has held; 0 where the system does not say (no /proc).
function peakKib() {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function report(count, millis, figures = {}) {
  const seconds = millis / 1e3;
  console.log(JSON.stringify({ count, seconds, rate: count / seconds, peak_kib: peakKib(), ...figures }));
}

function reportLatency(millis, total) {
  const sorted = millis.map((one) => one * 1e3).sort((a, b) => a - b);
  const at = (share) => sorted[Math.floor(((sorted.length - 1) * share) / 100)];
  report(sorted.length, total, { p50_us: at(50), p99_us: at(99) });
}

function fail(text) {
  console.error("failed: " + text);
  process.exit(1);
}

// One call after the other, each timed.
async function timed(count, call) {
  const millis = [];
  const start = now();
  for (let i = 0; i < count; i++) {
    const sent = now();
    await call(i);
    millis.push(now() - sent);
  }
  reportLatency(millis, now() - start);
}

async function inFlight(count, width, call) {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left--;
      await call();
    }
  };
  const start = now();
  await Promise.all(Array.from({ length: width }, worker));
  report(count, now() - start);
}

async function publish(nc, count, payload) {
  const start = now();
  for (let i = 0; i < count; i++) {
    nc.publish("bench.publish", payload);
  }
  await nc.flush();
  report(count, now() - start);
}

async function receive(nc, count) {
  let got = 0;
  let begin = 0;
  let end = 0;
  const over = new Promise((resolve, reject) => {
    nc.subscribe("bench.receive.*", {
      callback(error, message) {
        if (error) {
          reject(error);
          return;
        }
        if (message.subject === "bench.receive.end") {
          resolve();
          return;
        }
        if (got === 0) {
          begin = now();
        }
        got++;
        if ((got & 255) === 0 || got === count) {
          end = now();
        }
      },
    });
  });
  await nc.flush();
  console.log("READY");
  await over;
  report(got, end - begin, { lost: count - got });
}

const patient = { timeout: 60000 };
const jetstream = (nc) => load("@nats-io/jetstream").jetstream(nc, patient);
const bucket = (nc) => new (load("@nats-io/kv").Kvm)(jetstream(nc)).open("bench");

async function request(nc, count, payload) {
  await nc.request("bench.service", payload, patient);
  await timed(count, () => nc.request("bench.service", payload, patient));
}

async function requestInFlight(nc, count, payload, width) {
  await nc.request("bench.service", payload, patient);
  await inFlight(count, width, () => nc.request("bench.service", payload, patient));
}

async function jsPublish(nc, count, payload) {
  const js = jetstream(nc);
  await timed(count, async (i) => {
    if ((await js.publish("bench.js", payload)).seq !== i + 1) {
      fail("not the sequence " + (i + 1));
    }
  });
}

async function jsPublishInFlight(nc, count, payload) {
  const js = jetstream(nc);
  let sequences = 0;
  await inFlight(count, 1000, async () => {
    // Awaited first: `sequences += await ...` would add to the sum as it was before the wait.
    const { seq } = await js.publish("bench.js", payload, patient);
    sequences += seq;
  });
  if (sequences !== (count * (count + 1)) / 2) {
    fail("acknowledgements are missing or double");
  }
}

async function pull(nc, count, batch) {
  const consumer = await jetstream(nc).consumers.get("BENCH", "PULL");
  const start = now();
  let got = 0;
  while (got < count) {
    const messages = await consumer.fetch({ max_messages: Math.min(batch, count - got), expires: 5000 });
    for await (const message of messages) {
      message.ack();
      got++;
    }
  }
  await nc.flush();
  report(got, now() - start);
}

async function kvPut(nc, count, payload) {
  const kv = await bucket(nc);
  await timed(count, (i) => kv.put("key." + (i % 100), payload));
}

async function kvGet(nc, count, payload) {
  const kv = await bucket(nc);
  await timed(count, async (i) => {
    if ((await kv.get("key." + (i % 100))).value.length !== payload.length) {
      fail("wrong value");
    }
  });
}

async function objects(nc) {
  const { Objm } = load("@nats-io/obj");
  return await new Objm(nc).create("objects_js", { storage: "memory" });
}

async function objectPut(nc, count, payload) {
  const store = await objects(nc);
  const start = now();
  for (let i = 0; i < count; i++) {
    await store.putBlob({ name: "object" }, payload);
  }
  report(count, now() - start);
}

async function objectGet(nc, count, payload) {
  const store = await objects(nc);
  await store.putBlob({ name: "object" }, payload);
  const start = now();
  for (let i = 0; i < count; i++) {
    if ((await store.getBlob("object")).length !== payload.length) {
      fail("wrong object");
    }
  }
  report(count, now() - start);
}

// A file in the folder that the driver has made.
const inFolder = (name) => join(process.env.BENCH_FILES, name);

async function files(nc) {
  const { Objm } = load("@nats-io/obj");
  return await new Objm(nc).open("files");
}

async function objectPutFile(nc, count) {
  const store = await files(nc);
  const start = now();
  for (let i = 0; i < count; i++) {
    await store.put({ name: "object" }, Readable.toWeb(createReadStream(inFolder("in"))));
  }
  report(count, now() - start);
}

async function objectGetFile(nc, count) {
  const store = await files(nc);
  const start = now();
  for (let i = 0; i < count; i++) {
    const object = await store.get("object");
    await pipeline(Readable.fromWeb(object.data), createWriteStream(inFolder("out")));
    const wrong = await object.error;
    if (wrong) {
      fail(wrong.message);
    }
  }
  report(count, now() - start);
}

const tasks = {
  connect: () => report(0, 1000),
  publish,
  receive,
  request,
  request_100: (nc, count, payload) => requestInFlight(nc, count, payload, 100),
  request_1000: (nc, count, payload) => requestInFlight(nc, count, payload, 1000),
  js_publish: jsPublish,
  js_publish_1000: jsPublishInFlight,
  pull_100: (nc, count) => pull(nc, count, 100),
  pull_1000: (nc, count) => pull(nc, count, 1000),
  kv_put: kvPut,
  kv_get: kvGet,
  object_put: objectPut,
  object_get: objectGet,
  object_put_file: objectPutFile,
  object_get_file: objectGetFile,
};

const [url, task, count, size] = process.argv.slice(2);
if (tasks[task] === undefined) {
  console.log('{"unable":true}');
} else {
  const nc = await connect({ servers: url });
  // The size of a file is not for the memory.
  await tasks[task](nc, Number(count), Buffer.alloc(task.endsWith("_file") ? 0 : Number(size), "0123456789abcdef"));
  await nc.close();
}
