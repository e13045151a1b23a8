"""client.py URL TASK COUNT SIZE: nats.py measured as bench/run.py measures every client; prints one JSON line."""

import asyncio
import json
import os
import sys
import time

import nats

now = time.perf_counter


def peak_kib():
    """Most memory this process has held; 0 where the system does not say (no /proc)."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def report(count, seconds, **figures):
    print(json.dumps({"count": count, "seconds": seconds, "rate": count / seconds, "peak_kib": peak_kib(), **figures}),
          flush=True)


def report_latency(count, seconds, micros):
    micros.sort()
    report(count, seconds, p50_us=micros[(count - 1) * 50 // 100], p99_us=micros[(count - 1) * 99 // 100])


async def publish(nc, count, payload):
    start = now()
    for _ in range(count):
        await nc.publish("bench.publish", payload)
    await nc.flush(timeout=60)
    report(count, now() - start)


async def receive(nc, count, payload):
    ended = asyncio.get_running_loop().create_future()
    got, start, end = 0, 0.0, 0.0

    async def on_message(message):
        nonlocal got, start, end
        if message.subject == "bench.receive.end":
            if not ended.done():
                ended.set_result(None)
            return
        if got == 0:
            start = now()
        got += 1
        if got % 256 == 0 or got == count:
            end = now()

    # As with the other clients: losing messages must not look like speed.
    await nc.subscribe("bench.receive.*", cb=on_message, pending_msgs_limit=0, pending_bytes_limit=0)
    await nc.flush()
    print("READY", flush=True)
    await ended
    report(got, end - start, lost=count - got)


async def request(nc, count, payload):
    await nc.request("bench.service", payload, timeout=60)
    micros = []
    start = now()
    for _ in range(count):
        sent = now()
        await nc.request("bench.service", payload, timeout=60)
        micros.append((now() - sent) * 1e6)
    report_latency(count, now() - start, micros)


async def request_in_flight(nc, count, payload, in_flight):
    await nc.request("bench.service", payload, timeout=60)
    left = count

    async def worker():
        nonlocal left
        while left > 0:
            left -= 1
            await nc.request("bench.service", payload, timeout=60)

    start = now()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    report(count, now() - start)


async def js_publish(nc, count, payload):
    context = nc.jetstream(timeout=60)
    start = now()
    for number in range(1, count + 1):
        if (await context.publish("bench.js", payload)).seq != number:
            sys.exit("not the sequence %d" % number)
    report(count, now() - start)


async def js_publish_1000(nc, count, payload):
    context = nc.jetstream(timeout=60, publish_async_max_pending=1000)
    start = now()
    waiting = [await context.publish_async("bench.js", payload) for _ in range(count)]
    if sum(acknowledged.seq for acknowledged in await asyncio.gather(*waiting)) != count * (count + 1) // 2:
        sys.exit("acknowledgements are missing or double")
    report(count, now() - start)


async def pull(nc, count, batch):
    subscription = await nc.jetstream(timeout=60).pull_subscribe_bind("PULL", stream="BENCH")
    start = now()
    got = 0
    while got < count:
        for message in await subscription.fetch(min(batch, count - got), timeout=5):
            await message.ack()
            got += 1
    await nc.flush(timeout=60)
    report(got, now() - start)


async def kv_put(nc, count, payload):
    store = await nc.jetstream(timeout=60).key_value("bench")
    micros = []
    start = now()
    for number in range(count):
        sent = now()
        await store.put("key.%d" % (number % 100), payload)
        micros.append((now() - sent) * 1e6)
    report_latency(count, now() - start, micros)


async def kv_get(nc, count, payload):
    store = await nc.jetstream(timeout=60).key_value("bench")
    micros = []
    start = now()
    for number in range(count):
        sent = now()
        if (await store.get("key.%d" % (number % 100))).value != payload:
            sys.exit("wrong value")
        micros.append((now() - sent) * 1e6)
    report_latency(count, now() - start, micros)


async def object_store(nc):
    return await nc.jetstream(timeout=60).create_object_store("objects_py", storage="memory")


async def object_put(nc, count, payload):
    store = await object_store(nc)
    start = now()
    for _ in range(count):
        await store.put("object", payload)
    report(count, now() - start)


async def object_get(nc, count, payload):
    store = await object_store(nc)
    await store.put("object", payload)
    start = now()
    for _ in range(count):
        if len((await store.get("object")).data) != len(payload):
            sys.exit("wrong object")
    report(count, now() - start)


def in_folder(name):
    """A file in the folder that the driver has made."""
    return os.path.join(os.environ["BENCH_FILES"], name)


async def object_put_file(nc, count, payload):
    store = await nc.jetstream(timeout=60).object_store("files")
    start = now()
    for _ in range(count):
        with open(in_folder("in"), "rb") as file:
            await store.put("object", file)
    report(count, now() - start)


async def object_get_file(nc, count, payload):
    store = await nc.jetstream(timeout=60).object_store("files")
    start = now()
    for _ in range(count):
        with open(in_folder("out"), "wb") as file:
            await store.get("object", writeinto=file)
    report(count, now() - start)


async def connect(nc, count, payload):
    report(0, 1.0)


TASKS = {
    "connect": connect,
    "publish": publish,
    "receive": receive,
    "request": request,
    "request_100": lambda nc, count, payload: request_in_flight(nc, count, payload, 100),
    "request_1000": lambda nc, count, payload: request_in_flight(nc, count, payload, 1000),
    "js_publish": js_publish,
    "js_publish_1000": js_publish_1000,
    "pull_100": lambda nc, count, payload: pull(nc, count, 100),
    "pull_1000": lambda nc, count, payload: pull(nc, count, 1000),
    "kv_put": kv_put,
    "kv_get": kv_get,
    "object_put": object_put,
    "object_get": object_get,
    "object_put_file": object_put_file,
    "object_get_file": object_get_file,
}


async def main():
    url, task, count, size = sys.argv[1:]
    if task not in TASKS:
        print('{"unable":true}')
        return
    # The size of a file is not for the memory.
    size = 0 if task.endswith("_file") else int(size)
    nc = await nats.connect(url)
    await TASKS[task](nc, int(count), (b"0123456789abcdef" * (size // 16 + 1))[:size])
    await nc.close()


asyncio.run(main())
