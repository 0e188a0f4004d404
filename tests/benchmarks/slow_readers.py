"""What 100 sockets that never read do to those who do: memory of each, and the gaps between others' frames."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from statistics import median, quantiles
from uuid import uuid4

from chatplatform.testing.chat_client import ChatClient
from chatplatform.testing.site_process import SiteProcesses
from tests.benchmarks.raw_socket import RawSocket, open_socket
from tests.benchmarks.site import measured_site

TALKERS, CROWD, CROWD_A_PERSON = 4, 100, 10
LONG = "[[tokens=6000 delay_ms=5]]"
MEASURED = "[[tokens=600 delay_ms=10]]"


async def gaps(client: ChatClient) -> list[float]:
    """Milliseconds between the frames of one streamed answer."""
    await client.send("open", conversation_id=None)
    await client.frame("snapshot")
    client.frames.clear()
    await client.ask(f"Tell me. {MEASURED}")
    await client.frame("finished", timeout_s=120)
    times = [frame["received_at"] for frame in client.frames if frame["type"] == "delta"]
    return [1000 * (later - earlier) for earlier, later in pairwise(times)]


async def crowd(site: SiteProcesses, cookies: list[str]) -> list[RawSocket]:
    """Each person asks for one long answer and watches it from many sockets."""
    sockets = []
    for cookie in cookies:
        async with ChatClient(site.socket_url, cookie=cookie) as first:
            await first.ask(f"A long one. {LONG}", client_id=str(uuid4()))
            conversation = (await first.frame("accepted"))["conversation"]["id"]
        for _ in range(CROWD_A_PERSON):
            socket = await open_socket(site.port, cookie)
            socket.send_text(json.dumps({"type": "open", "conversation_id": conversation}))
            sockets.append(socket)
    return sockets


async def measure() -> None:
    for reads in (True, False):
        with measured_site() as (site, _):
            cookies = site.people(TALKERS + CROWD // CROWD_A_PERSON)
            talkers = [ChatClient(site.socket_url, cookie=cookie) for cookie in cookies[:TALKERS]]
            for talker in talkers:
                await talker.__aenter__()
            await gaps(talkers[0])
            before = site.memory_mib("web")
            sockets = await crowd(site, cookies[TALKERS:])
            if not reads:
                for socket in sockets:
                    socket.stop_reading()
            measured = sorted(
                gap for found in await asyncio.gather(*(gaps(talker) for talker in talkers)) for gap in found
            )
            kib = (site.memory_mib("web") - before) * 1024 / len(sockets)
            print(
                f"{CROWD} sockets that {'read' if reads else 'never read'}: gaps of others "
                f"{median(measured):.0f} ms median, {quantiles(measured, n=20)[-1]:.0f} ms 95th percentile; "
                f"{kib:.0f} KiB for each of the {CROWD}",
                flush=True,
            )
            for socket in sockets:
                socket.close()
            for talker in talkers:
                await talker.__aexit__(None, None, None)


def main() -> None:
    asyncio.run(measure())
