"""The loop of the test programs that speak through nats.py: one JSON object a line in, one a line out."""

import asyncio
import json
import sys


def serve(peer, describe):
    """Gives each line to `peer.run` and answers {"ok": result} or {"error": describe(exception)}; closes `peer.nc` at the end."""
    asyncio.run(loop(peer, describe))


async def loop(peer, describe):
    executor = asyncio.get_running_loop()
    while True:
        line = await executor.run_in_executor(None, sys.stdin.readline)
        if not line:
            break
        try:
            answer = {"ok": await peer.run(json.loads(line))}
        except Exception as error:
            answer = {"error": describe(error)}
        print(json.dumps(answer), flush=True)
    if peer.nc is not None:
        await peer.nc.close()
