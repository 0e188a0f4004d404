"""How many tokens a second one web process relays from engines to sockets, every one committed before it is shown."""

from __future__ import annotations

import asyncio
from time import perf_counter

from chatplatform.testing.chat_client import ChatClient
from tests.benchmarks.site import measured_site

# (sockets, tokens of an answer, answers of each socket)
LOADS = ((16, 64, 8), (16, 1000, 6))


async def answers(client: ChatClient, tokens: int, count: int) -> None:
    for _ in range(count):
        client.frames.clear()
        await client.send("open", conversation_id=None)
        await client.frame("snapshot")
        await client.ask(f"Tell me more. [[tokens={tokens}]]")
        finished = await client.frame("finished", timeout_s=120)
        words = len(finished["message"]["text"].split())
        if words != tokens:
            raise AssertionError(f"{words} words arrived instead of {tokens}")


async def measure() -> None:
    with measured_site() as (site, _):
        people = iter(site.people(sum(sockets for sockets, _, _ in LOADS)))
        for sockets, tokens, count in LOADS:
            clients = [ChatClient(site.socket_url, cookie=next(people)) for _ in range(sockets)]
            for client in clients:
                await client.__aenter__()
            began, cpu_before = perf_counter(), site.cpu_s("web")
            await asyncio.gather(*(answers(client, tokens, count) for client in clients))
            seconds, cpu_s = perf_counter() - began, site.cpu_s("web") - cpu_before
            for client in clients:
                await client.__aexit__(None, None, None)
            print(
                f"{sockets} sockets, {tokens} tokens an answer: {sockets * count * tokens / seconds:,.0f} tokens/s, "
                f"{sockets * count / seconds:.1f} answers/s, "
                f"{1000 * cpu_s / (sockets * count):.0f} ms of the web process's CPU an answer",
                flush=True,
            )
        print(f"web process: {site.memory_mib('web'):.0f} MiB resident after the run")


def main() -> None:
    asyncio.run(measure())
