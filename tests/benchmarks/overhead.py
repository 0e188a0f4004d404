"""What the platform adds to the first token, against the same client straight at the engine.

Both sides are measured in turn, in one run: a request to the scripted engine over HTTP, then a message over the
websocket to the platform before the same engine. Every word of the answer is committed, encrypted, before it is
shown; the time includes that.
"""

from __future__ import annotations

import asyncio
import statistics
from time import perf_counter

import httpx

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.fixtures import TOKEN
from tests.benchmarks.site import measured_site

ROUNDS = {1: 30, 8: 12}
QUESTION = "How do I pitch a tent? [[tokens=64]]"


async def straight(url: str, client: httpx.AsyncClient) -> float:
    began = perf_counter()
    body = {"model": "chat", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    first = 0.0
    async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if not first and '"content"' in line:
                first = perf_counter() - began
    return first


async def through(client: ChatClient) -> float:
    began = perf_counter()
    client.frames.clear()
    await client.send("open", conversation_id=None)
    await client.frame("snapshot")
    began = perf_counter()
    await client.ask(QUESTION)
    delta = await client.frame("delta")
    await client.frame("finished")
    return float(delta["received_at"]) - began


async def measure() -> None:
    with measured_site() as (site, engine):
        rounds = max(ROUNDS.values())
        people = iter(site.people(sum(clients * rounds // 20 + clients for clients in ROUNDS)))
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            for clients, count in ROUNDS.items():
                direct: list[float] = []
                added: list[float] = []
                sockets = [ChatClient(site.socket_url, cookie=next(people)) for _ in range(clients)]
                for socket in sockets:
                    await socket.__aenter__()
                await asyncio.gather(*(through(socket) for socket in sockets))  # warm both
                for _ in range(min(count, 28)):
                    direct += await asyncio.gather(*(straight(engine.url, http) for _ in sockets))
                    added += await asyncio.gather(*(through(socket) for socket in sockets))
                for socket in sockets:
                    await socket.__aexit__(None, None, None)
                straight_ms, through_ms = 1000 * statistics.median(direct), 1000 * statistics.median(added)
                print(
                    f"{clients} client(s): first token {straight_ms:.1f} ms straight, {through_ms:.1f} ms through the "
                    f"platform, so {through_ms - straight_ms:.1f} ms added (median of {len(added)})",
                    flush=True,
                )
        print(f"web process: {site.memory_mib('web'):.0f} MiB resident after the run")


def main() -> None:
    asyncio.run(measure())
