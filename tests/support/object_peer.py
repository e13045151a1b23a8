"""nats.py as the other client of a bucket of objects: object_peer.py URL BUCKET OPERATION ARGUMENT... ...

Operations are words `operation/argument/argument`, arguments hexadecimal; each prints one line. `watch` prints `ready` before when it has
told of what is there, and ends after so many infos.
"""

import asyncio
import sys

# The folder is the source tree: no caches in it.
sys.dont_write_bytecode = True

import nats
from nats.js.api import ObjectMeta


def shown(info):
    return f"{info.name.encode().hex()} {info.size or 0} {info.chunks or 0} {int(bool(info.deleted))} {(info.description or '').encode().hex() or '-'}"


async def run(js, store, bucket, operation, *arguments):
    text = [bytes.fromhex(argument).decode() for argument in arguments]
    match operation:
        case "create":
            await js.create_object_store(bucket)
            return "made"
        case "put":
            return shown(await store.put(text[0], bytes.fromhex(arguments[1]), ObjectMeta(description="py")))
        case "big":
            return shown(await store.put(text[0], bytes(i % 251 for i in range(int(text[1])))))
        case "get":
            return (await store.get(text[0])).data.hex() or "-"
        case "size":
            return str(len((await store.get(text[0])).data))
        case "info":
            return shown(await store.get_info(text[0]))
        case "delete":
            return shown((await store.delete(text[0])).info)
        case "update":
            await store.update_meta(text[0], ObjectMeta(name=text[0], description=text[1]))
            return "updated"
        case "seal":
            await store.seal()
            return "sealed"
        case "watch":
            watcher = await store.watch()
            seen = []
            while len(seen) < int(text[0]):
                info = await watcher.updates(timeout=30)
                if info is None:
                    print("ready", flush=True)
                else:
                    seen.append(("-" if info.deleted else "") + info.name.encode().hex())
            return " ".join(seen)
        case "list":
            return " ".join(sorted(info.name.encode().hex() for info in await store.list(ignore_deletes=True)))
    raise ValueError(operation)


async def main(url, bucket, *operations):
    nc = await nats.connect(url)
    js = nc.jetstream()
    for words in operations:
        operation, *arguments = words.split("/")
        try:
            store = None if operation == "create" else await js.object_store(bucket)
            print(await run(js, store, bucket, operation, *arguments), flush=True)
        except Exception as error:
            print(type(error).__name__, flush=True)
    await nc.close()


asyncio.run(main(*sys.argv[1:]))
