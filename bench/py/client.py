"""client.py URL TASK COUNT: nats.py measured as bench/run.py measures every client; prints one JSON line."""

import asyncio
import json
import sys
import time

import nats

PAYLOAD = b"0123456789abcdef"
IN_FLIGHT = 1000


def report(task, count, seconds, **figures):
    print(json.dumps({"client": "py", "task": task, "count": count, "seconds": seconds,
                      "rate": count / seconds, **figures}), flush=True)


async def publish(nc, count):
    start = time.perf_counter()
    for _ in range(count):
        await nc.publish("bench.publish", PAYLOAD)
    await nc.flush(timeout=60)
    report("publish", count, time.perf_counter() - start)


async def receive(nc, count):
    ended = asyncio.get_running_loop().create_future()
    got, start, end = 0, 0.0, 0.0

    async def on_message(message):
        nonlocal got, start, end
        if message.subject == "bench.receive.end":
            if not ended.done():
                ended.set_result(None)
            return
        if got == 0:
            start = time.perf_counter()
        got += 1
        if got % 1024 == 0 or got == count:
            end = time.perf_counter()

    await nc.subscribe("bench.receive.*", cb=on_message)
    await nc.flush()
    print("READY", flush=True)
    await ended
    report("receive", got, end - start, lost=count - got)


async def request(nc, count):
    await nc.request("bench.service", PAYLOAD, timeout=60)
    micros = []
    start = time.perf_counter()
    for _ in range(count):
        sent = time.perf_counter()
        await nc.request("bench.service", PAYLOAD, timeout=60)
        micros.append((time.perf_counter() - sent) * 1e6)
    seconds = time.perf_counter() - start
    micros.sort()
    report("request", count, seconds, p50_us=micros[(count - 1) * 50 // 100], p99_us=micros[(count - 1) * 99 // 100])


async def request_async(nc, count):
    await nc.request("bench.service", PAYLOAD, timeout=60)
    left = count

    async def worker():
        nonlocal left
        while left > 0:
            left -= 1
            await nc.request("bench.service", PAYLOAD, timeout=60)

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    report("request_async", count, time.perf_counter() - start)


async def stream(nc):
    context = nc.jetstream(timeout=60, publish_async_max_pending=IN_FLIGHT)
    try:
        await context.delete_stream("BENCH")
    except nats.js.errors.NotFoundError:
        pass
    await context.add_stream(name="BENCH", subjects=["bench.js"], storage="memory")
    return context


async def js_publish(nc, count):
    context = await stream(nc)
    start = time.perf_counter()
    for _ in range(count):
        await context.publish("bench.js", PAYLOAD)
    report("js_publish", count, time.perf_counter() - start)


async def js_publish_async(nc, count):
    context = await stream(nc)
    start = time.perf_counter()
    acknowledged = [await context.publish_async("bench.js", PAYLOAD) for _ in range(count)]
    await asyncio.gather(*acknowledged)
    report("js_publish_async", count, time.perf_counter() - start)


async def main():
    url, task, count = sys.argv[1:]
    nc = await nats.connect(url)
    await globals()[task](nc, int(count))
    await nc.close()


asyncio.run(main())
