"""nats.py as the other side of services, for service_interop.test: one JSON object a line in, one a line out (commands.py).

{"op": "connect", "url": u}; {"op": "serve", "name": n}: a service with an endpoint `py_add` (two numbers with a blank between
them) in a group, one that fails and one that answers with an error; {"op": "ask", "verb": "PING", "name": n}: the answer as nats.py
understands it; {"op": "call", "subject": s, "value": v}: the reply with its headers.
"""

import sys

# The folder is the source tree: no caches in it.
sys.dont_write_bytecode = True

import nats
from nats import micro
from nats.micro.service import ServiceError, ServiceInfo, ServicePing, ServiceStats

from commands import serve

import json


async def add(request):
    one, other = request.data.split()
    await request.respond(str(int(one) + int(other)).encode(), headers={"By": "nats.py"})


async def broken(request):
    raise ValueError("broken here")


async def refuse(request):
    await request.respond_error("403", "not you", b"the data")


class Peer:
    def __init__(self):
        self.nc = None
        self.service = None

    async def run(self, command):
        operation = command["op"]
        if operation == "connect":
            self.nc = await nats.connect(command["url"])
            return None
        if operation == "serve":
            self.service = await micro.add_service(
                self.nc, name=command["name"], version="1.2.3", description="by nats.py", metadata=None
            )
            await self.service.add_group(name="py").add_endpoint(name="add", handler=add, metadata={"args": "a b"})
            await self.service.add_endpoint(name="broken", subject="py.broken", handler=broken)
            await self.service.add_endpoint(name="refuse", subject="py.refuse", handler=refuse)
            await self.nc.flush()
            return self.service.id
        if operation == "stats":
            return [[e.name, e.num_requests, e.num_errors] for e in self.service.stats().endpoints]
        if operation == "ask":
            kinds = {"PING": ServicePing, "INFO": ServiceInfo, "STATS": ServiceStats}
            reply = await self.nc.request(f"$SRV.{command['verb']}.{command['name']}", timeout=10)
            found = kinds[command["verb"]].from_dict(json.loads(reply.data))
            shown = [found.name, found.version, found.metadata]
            if command["verb"] == "INFO":
                shown += [found.description, [[e.name, e.subject, e.queue_group, e.metadata] for e in found.endpoints]]
            if command["verb"] == "STATS":
                shown += [[[e.name, e.subject, e.queue_group, e.num_requests, e.num_errors, e.last_error] for e in found.endpoints]]
            return shown
        if operation == "call":
            reply = await self.nc.request(command["subject"], command["value"].encode(), timeout=10)
            return [reply.data.decode(), reply.headers or {}]
        raise ValueError(operation)


serve(Peer(), lambda error: f"{type(error).__name__}: {error}")
