"""Requests of the JetStream API made by nats.py, for js_bodies.test.

One JSON object a line on standard input, one on standard output for each: {"ok": true} or {"error": "text"}.
Durations are in seconds, as nats.py has them. Commands: {"op": "connect", "url": u}, {"op": name, ...}.
"""

import sys

# The folder is the source tree: no caches in it.
sys.dont_write_bytecode = True

import nats
from nats.js import api

from commands import serve


def source(fields):
    """A mirror or source."""
    fields = dict(fields)
    if "external" in fields:
        fields["external"] = api.ExternalStream(**fields["external"])
    if "subject_transforms" in fields:
        fields["subject_transforms"] = [api.SubjectTransform(**item) for item in fields["subject_transforms"]]
    return api.StreamSource(**fields)


def stream_config(fields):
    """A stream's configuration with the classes that nats.py has for nested fields."""
    made = {
        "mirror": source,
        "sources": lambda items: [source(item) for item in items],
        "placement": lambda item: api.Placement(**item),
        "republish": lambda item: api.RePublish(**item),
        "subject_transform": lambda item: api.SubjectTransform(**item),
        "consumer_limits": lambda item: api.StreamConsumerLimits(**item),
    }
    return api.StreamConfig(**{name: made.get(name, lambda value: value)(value) for name, value in fields.items()})


class Peer:
    """The connection."""

    def __init__(self):
        self.nc = None
        self.js = None

    async def run(self, command):
        operation = command["op"]
        if operation == "connect":
            self.nc = await nats.connect(command["url"])
            self.js = self.nc.jetstream()
        elif operation == "add_stream":
            await self.js.add_stream(stream_config(command["config"]))
        elif operation == "update_stream":
            # As its users do: the present configuration with some fields replaced.
            present = (await self.js.stream_info(command["stream"])).config
            await self.js.update_stream(present.evolve(**command["config"]))
        elif operation == "add_consumer":
            await self.js.add_consumer(command["stream"], api.ConsumerConfig(**command["config"]))
        elif operation == "purge":
            await self.js.purge_stream(command["stream"], **command["config"])
        elif operation == "get":
            await self.js.get_msg(command["stream"], **command["config"])
        elif operation == "delete_msg":
            await self.js.delete_msg(command["stream"], command["config"]["seq"])
        elif operation == "find":
            await self.js.find_stream_name_by_subject(command["config"]["subject"])
        elif operation == "fetch":
            subscription = await self.js.pull_subscribe_bind(command["config"]["durable"], command["stream"])
            messages = await subscription.fetch(command["config"]["batch"], timeout=command["config"]["timeout"])
            for message, verb in zip(messages, command["config"]["answers"]):
                await {
                    "ack": message.ack,
                    "ack_sync": message.ack_sync,
                    "nak": message.nak,
                    "nak_delay": lambda: message.nak(delay=1.5),
                    "in_progress": message.in_progress,
                    "term": message.term,
                }[verb]()
            await self.nc.flush()
        elif operation == "publish":
            await self.js.publish(command["config"]["subject"], b"payload", stream=command["stream"])
        else:
            raise ValueError(operation)
        return True


serve(Peer(), lambda error: f"{type(error).__name__}: {error}")
