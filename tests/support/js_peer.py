"""nats.py as the other client of a stream: js_peer.py url operation/word... Words are hexadecimal; one line for each operation.

read stream count: the first messages, each as subject:headers:payload (hexadecimal; headers are lines "name: value", sorted, joined by newlines)
publish subject payload id: sequence and whether it was a duplicate, or the code of the refusal; the ID may be empty
expect subject payload sequence, ttl subject payload seconds: the same with an expected last sequence, or a time to live
take stream consumer count: payloads of messages fetched one by one and acknowledged
"""

import asyncio
import sys

sys.dont_write_bytecode = True

import nats
import nats.errors
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig


def shown(message):
    lines = sorted(f"{name}: {value}" for name, value in (message.headers or {}).items())
    return ":".join(text.encode().hex() for text in (message.subject, "\n".join(lines))) + ":" + message.data.hex()


async def publish(js, subject, data, headers=None, **options):
    try:
        ack = await js.publish(subject, data.encode(), headers=headers, **options)
        return f"{ack.seq} {int(bool(ack.duplicate))}"
    except nats.js.errors.APIError as error:
        return f"refused {error.err_code}"


async def run(js, operation, words):
    if operation == "read":
        stream, count = words
        config = ConsumerConfig(ack_policy=AckPolicy.NONE)
        sub = await js.pull_subscribe("", stream=stream, config=config)
        messages = []
        while len(messages) < int(count):
            messages += await sub.fetch(int(count) - len(messages), timeout=10)
        return " ".join(shown(message) for message in messages)
    if operation == "publish":
        subject, data, ident = words
        return await publish(js, subject, data, {"Nats-Msg-Id": ident} if ident else None)
    if operation == "expect":
        subject, data, sequence = words
        return await publish(js, subject, data, {"Nats-Expected-Last-Sequence": sequence})
    if operation == "ttl":
        subject, data, seconds = words
        return await publish(js, subject, data, msg_ttl=float(seconds))
    if operation == "take":
        stream, consumer, count = words
        sub = await js.pull_subscribe_bind(consumer, stream)
        taken = []
        while len(taken) < int(count):
            for message in await sub.fetch(1, timeout=10):
                await message.ack_sync()
                taken.append(message.data.hex())
            await asyncio.sleep(0.01)
        return " ".join(taken)
    raise ValueError(operation)


async def main():
    connection = await nats.connect(sys.argv[1])
    for call in sys.argv[2:]:
        operation, *words = call.split("/")
        print(await run(connection.jetstream(), operation, [bytes.fromhex(word).decode() for word in words]), flush=True)
    await connection.close()


asyncio.run(main())
