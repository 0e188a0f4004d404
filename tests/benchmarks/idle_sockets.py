"""Signed-in sockets that do nothing: what each costs the web process, how fast they open, how many are lost.

CHATPLATFORM_TEST_IDLE_S says how long they are held (default 600 seconds).
"""

from __future__ import annotations

import asyncio
import os
import resource
from time import perf_counter

from chatplatform.testing.chat_client import ChatClient
from tests.benchmarks.raw_socket import RawSocket, open_socket
from tests.benchmarks.site import measured_site

SOCKETS = 5_000
A_PERSON = 25
OPENING_AT_ONCE = 64
IDLE_S = float(os.environ.get("CHATPLATFORM_TEST_IDLE_S", "600"))


async def open_all(port: int, cookies: list[str]) -> list[RawSocket]:
    opened: list[RawSocket] = []
    wanted = iter([cookie for cookie in cookies for _ in range(A_PERSON)])

    async def opener() -> None:
        for cookie in wanted:
            opened.append(await open_socket(port, cookie))

    await asyncio.gather(*(opener() for _ in range(OPENING_AT_ONCE)))
    return opened


async def measure() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with measured_site() as (site, _):
        *cookies, talker = site.people(SOCKETS // A_PERSON + 1)
        async with ChatClient(site.socket_url, cookie=talker) as client:
            await client.ask("Warm up.")
            await client.finished()
        before, began = site.memory_mib("web"), perf_counter()
        sockets = await open_all(site.port, cookies)
        seconds = perf_counter() - began
        await asyncio.sleep(2)
        kib = (site.memory_mib("web") - before) * 1024 / len(sockets)
        print(
            f"{len(sockets):,} sockets opened, {len(sockets) / seconds:,.0f} a second; {kib:.0f} KiB each",
            flush=True,
        )
        cpu_before = site.cpu_s("web")
        await asyncio.sleep(IDLE_S)
        lost = sum(socket.is_closed for socket in sockets)
        busy = (site.cpu_s("web") - cpu_before) / IDLE_S
        print(f"after {IDLE_S:.0f} s: {lost} lost; the web process used {busy:.0%} of one core", flush=True)
        for socket in sockets:
            socket.close()


def main() -> None:
    asyncio.run(measure())
