"""What people get wrong, or do on purpose, meets one engine: typed errors, others unharmed, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from tests.benchmarks.engine_client import CHAT, Address, Answer, Refused, ask, request
from tests.integration.llamacpp.asking import body, stream
from tests.integration.llamacpp.engine_process import TOKEN, EngineProcess

pytestmark = [pytest.mark.model, pytest.mark.slow]

WAIT_S = 60.0
CROWD, LAZY = 1000, 4
GROWTH_MIB = 150
STORY = body("Tell a story.", max_tokens=60, ignore_eos=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if await asyncio.to_thread(condition):
                return
            await asyncio.sleep(0.02)


def is_free(engine: EngineProcess) -> bool:
    """Whether nothing runs, nothing waits, and no cell is promised to anyone who has left."""
    gauges = engine.gauges()
    return not gauges["running"] and not gauges["queued"]


def address(engine: EngineProcess) -> Address:
    return Address(engine.port, TOKEN)


# ---------------------------------------------------------------------- figures out of range


FIGURES = ("NaN", "Infinity", "-Infinity", "1e400", "9e9", '"hot"', "[]", "{}")
WHOLE = ("NaN", "1e400", str(2**70), "0.5")
IMPOSSIBLE = {
    **dict.fromkeys(("temperature", "top_p", "min_p", "repeat_penalty", "max_tokens"), (*FIGURES, "-1")),
    **dict.fromkeys(("frequency_penalty", "presence_penalty"), (*FIGURES, "-3")),
    "top_k": (*WHOLE, "-1"),
    "seed": WHOLE,
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
async def test_impossible_figures_are_refused_by_name(engine: EngineProcess, name: str) -> None:
    async with engine.client() as client:
        for value in IMPOSSIBLE[name]:
            content = f'{{"messages": [{{"role": "user", "content": "canary"}}], "{name}": {value}}}'
            answer = await client.post(CHAT, content=content)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (400, "invalid_request"), value
            assert name in error["message"]
            assert "canary" not in answer.text


async def test_the_edges_of_what_is_permitted_are_answered(engine: EngineProcess) -> None:
    edges: list[dict[str, Any]] = [
        {"temperature": 2, "top_p": 1e-9, "top_k": 1, "min_p": 1},
        {"temperature": 1e-30, "repeat_penalty": 2, "frequency_penalty": 2, "presence_penalty": -2},
        {"temperature": 0, "seed": 2**64 - 1},
        {"temperature": 2, "top_k": 1_000_000, "top_p": 1, "min_p": 0, "seed": -(2**63)},
    ]
    async with engine.client() as client:
        told = await asyncio.gather(*(stream(client, body("Hi", max_tokens=3) | edge) for edge in edges))
    assert all(one.done for one in told)


# ---------------------------------------------------------------------- connections


async def test_heads_and_bodies_that_stop_hold_up_nobody(engine: EngineProcess) -> None:
    whole = request(address(engine), "POST", CHAT, STORY)
    halves = [whole[:20], whole[:90], whole[:-1], whole[:-100]]
    opened = [await asyncio.open_connection("127.0.0.1", engine.port) for _half in halves]
    for (_reader, writer), half in zip(opened, halves, strict=True):
        writer.write(half)
        await writer.drain()
    assert (await ask(address(engine), STORY)).tokens == 60
    for _reader, writer in opened:
        writer.close()
    await until(lambda: is_free(engine))


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\0" * 2000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST " + b"x" * 100_000,
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_turned_away(engine: EngineProcess, nonsense: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    writer.write(nonsense)
    async with asyncio.timeout(WAIT_S):
        try:
            answer = await reader.read()
        except ConnectionError:
            answer = b""
    writer.close()
    assert not answer or b" 400 " in answer.splitlines()[0]
    assert engine.health()["status"] == "ready"


async def test_clients_that_never_read_slow_nobody_and_cost_little(engine: EngineProcess) -> None:
    await ask(address(engine), STORY)
    before = memory_mib(engine)
    lazy = body("Write on and on.", max_tokens=800, ignore_eos=True, stream=True)
    with ExitStack() as sockets:
        for number in range(LAZY):
            one = sockets.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            one.connect(("127.0.0.1", engine.port))
            one.sendall(request(address(engine), "POST", CHAT, lazy | {"seed": number}))
        await until(lambda: engine.gauges()["running"] == LAZY)
        assert (await ask(address(engine), STORY)).tokens == 60
        assert memory_mib(engine) - before < GROWTH_MIB
    await until(lambda: is_free(engine))


# ---------------------------------------------------------------------- too many


async def test_a_thousand_at_once_are_answered_or_refused_and_forgotten(engine: EngineProcess) -> None:
    await ask(address(engine), STORY)
    before = memory_mib(engine)
    watched = asyncio.create_task(ask(address(engine), STORY | {"max_tokens": 200}))
    await until(lambda: engine.gauges()["running"] > 0)
    refused: list[Refused] = []
    answered: list[Answer] = []

    async def one(number: int) -> None:
        try:
            answered.append(await ask(address(engine), body(f"Hi {number}", max_tokens=400, ignore_eos=True)))
        except Refused as error:
            refused.append(error)

    crowd = [asyncio.create_task(one(number)) for number in range(CROWD)]
    # sixteen run and 128 wait, and each of the others hears at once that there is no room
    await until(lambda: len(refused) + len(answered) >= CROWD - 16 - 128)
    assert {error.status for error in refused} == {429}
    assert {json.loads(error.text)["error"]["code"] for error in refused} == {"queue_full"}
    assert not [answer.error for answer in answered if answer.error]
    for task in crowd:
        task.cancel()
    await asyncio.wait(crowd)
    assert (await watched).tokens == 200, "an answer that had begun goes on to its end"
    await until(lambda: is_free(engine))
    assert memory_mib(engine) - before < GROWTH_MIB
    assert (await ask(address(engine), STORY)).tokens == 60


async def test_all_of_a_crowd_leaving_while_their_prompts_are_read_leaves_nothing(
    engine: EngineProcess,
) -> None:
    long = body("Tell me of tents. " * 150, max_tokens=5)
    crowd = [asyncio.create_task(ask(address(engine), long | {"seed": number})) for number in range(24)]
    await until(lambda: engine.gauges()["running"] > 0 and engine.gauges()["queued"] > 0)
    for task in crowd:
        task.cancel()
    await asyncio.wait(crowd)
    await until(lambda: is_free(engine))
    gauges = await asyncio.to_thread(engine.gauges)
    assert gauges["cells_used"] < gauges["cells"] / 2
    assert (await ask(address(engine), STORY)).tokens == 60


def memory_mib(engine: EngineProcess) -> float:
    process = psutil.Process(engine.process.pid)
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_info().rss for one in family) / (1024 * 1024)
