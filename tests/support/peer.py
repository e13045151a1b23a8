"""nats.py as the other client, for peer.tcl.

One JSON object a line on standard input, one on standard output for each: {"ok": value} or {"error": "ClassName"}.
Values of keys and payloads travel as hexadecimal text. Commands: {"op": "connect", "url": u}, {"op": name, "bucket": b, ...} for
the key-value store, and those of `Peer.core`.
"""

import asyncio
import sys

# The folder is the source tree: no caches in it.
sys.dont_write_bytecode = True

import nats
import nats.js.errors
from nats.js.api import KeyValueConfig, StorageType

from commands import serve


def entry(found):
    """The fields that both clients have."""
    return [found.key, (found.value or b"").hex(), found.operation or "PUT", found.revision]


async def what_is_there(look):
    """What there is to see. On a busy machine nats.py takes its own look at the consumer for the end of the data."""
    for _ in range(10):
        try:
            return await look()
        except nats.js.errors.NoKeysError:
            await asyncio.sleep(0.05)
    return await look()


def shown(message):
    """Subject, reply, headers as names and values in their order (hexadecimal), payload."""
    headers = [word.encode().hex() for pair in (message.headers or {}).items() for word in pair]
    return [message.subject, message.reply, headers, message.data.hex()]


class Peer:
    """The state between commands: a connection, bound buckets, and at most one watch, subscription and consumer."""

    def __init__(self):
        self.nc = None
        self.js = None
        self.buckets = {}
        self.watcher = None
        self.subscription = None
        self.pull = None

    async def bucket(self, name):
        if name not in self.buckets:
            self.buckets[name] = await self.js.key_value(name)
        return self.buckets[name]

    async def core(self, operation, command):
        subject = command.get("subject", "")
        data = bytes.fromhex(command.get("value", ""))
        words = [bytes.fromhex(word).decode() for word in command.get("headers", "").split()]
        headers = dict(zip(words[::2], words[1::2])) or None
        if operation == "publish":
            await self.nc.publish(subject, data, headers=headers)
            await self.nc.flush()
            return True
        if operation == "request":
            return shown(await self.nc.request(subject, data, timeout=10, headers=headers))
        if operation == "subscribe":
            self.subscription = await self.nc.subscribe(subject)
            await self.nc.flush()
            return True
        if operation == "echo":
            async def answer(message):
                await self.nc.publish(message.reply, message.data[::-1], headers=message.headers)

            await self.nc.subscribe(subject, cb=answer)
            await self.nc.flush()
            return True
        if operation == "message":
            return shown(await self.subscription.next_msg(timeout=10))
        if operation == "js_publish":
            ack = await self.js.publish(subject, data, headers=headers)
            return [ack.stream, ack.seq, bool(ack.duplicate)]
        if operation == "bind":
            self.pull = await self.js.pull_subscribe_bind(command["consumer"], command["stream"])
            return True
        if operation == "fetch":
            messages = await self.pull.fetch(command["count"], timeout=10)
            for message in messages:
                await message.ack_sync()
            return [shown(message) for message in messages]
        raise ValueError(operation)

    async def run(self, command):
        operation = command["op"]
        if operation == "connect":
            self.nc = await nats.connect(command["url"])
            self.js = self.nc.jetstream()
            return True
        if operation == "add":
            # Not in a file: now and then nats-server 2.15 refuses one whose namesake was deleted a moment ago.
            config = KeyValueConfig(bucket=command["bucket"], history=command.get("history", 1), storage=StorageType.MEMORY)
            if "marker_ttl" in command:
                config.limit_marker_ttl = command["marker_ttl"] / 1000
            self.buckets[command["bucket"]] = await self.js.create_key_value(config)
            return True
        if operation == "delete_bucket":
            self.buckets.pop(command["bucket"], None)
            return await self.js.delete_key_value(command["bucket"])
        if operation == "next":
            update = await self.watcher.updates(timeout=10)
            return entry(update) if update is not None else []
        if "bucket" not in command:
            return await self.core(operation, command)
        kv = await self.bucket(command["bucket"])
        key = command.get("key")
        value = bytes.fromhex(command.get("value", ""))
        revision = command.get("revision")
        if operation == "put":
            return await kv.put(key, value)
        if operation == "create":
            if "ttl" in command:
                return await kv.create(key, value, msg_ttl=command["ttl"] / 1000)
            return await kv.create(key, value)
        if operation == "update":
            return await kv.update(key, value, last=revision)
        if operation == "get":
            return entry(await kv.get(key, revision=revision))
        if operation == "delete":
            return await kv.delete(key)
        if operation == "purge":
            if "ttl" in command:
                return await kv.purge(key, msg_ttl=command["ttl"] / 1000)
            return await kv.purge(key)
        if operation == "purge_deletes":
            return await kv.purge_deletes(olderthan=command["older"] / 1000)
        if operation == "filtered":
            return await kv.keys(filters=command["filters"].split(" "))
        if operation == "keys":
            return await (what_is_there(kv.keys) if "some" in command else kv.keys())
        if operation == "history":
            return [entry(found) for found in await what_is_there(lambda: kv.history(key))]
        if operation == "status":
            status = await kv.status()
            return [status.bucket, status.values, status.history, int((status.ttl or 0) * 1000)]
        if operation == "watch":
            self.watcher = await kv.watch(key)
            return True
        raise ValueError(operation)


serve(Peer(), lambda error: type(error).__name__)
