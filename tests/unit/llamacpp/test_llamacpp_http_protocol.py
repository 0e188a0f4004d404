"""Heads of requests that do not end, on a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from chatplatform.inference.engines.llamacpp import http_protocol
from chatplatform.inference.engines.llamacpp.http import Receive, Scope, Send, send_json
from chatplatform.inference.engines.llamacpp.http_protocol import BoundedHttp

GOOD = b"POST /path HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"
WAIT_S = 20


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send_json(send, {"path": scope["path"]})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, http=BoundedHttp, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def answer(port: int, *parts: bytes) -> bytes:
    """What the server says until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(WAIT_S):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_requests_follow_each_other_on_a_connection(port: int) -> None:
    closing = GOOD.replace(b"Host", b"Connection: close\r\nHost")
    assert (await answer(port, GOOD, GOOD[:30], GOOD[30:], closing)).count(b'{"path": "/path"}') == 3


@pytest.mark.parametrize("begun", [b"POST /", b"POST / HTTP/1.1\r\nHost: "])
async def test_a_head_that_goes_on_and_on_is_cut_off(port: int, begun: bytes) -> None:
    said = await answer(port, begun, b"x" * 40_000, b"x" * 40_000)
    assert b"200" not in said
    assert not said or said.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("begun", [(), (b"POST / HT",), (GOOD, b"POST")])
async def test_half_a_head_is_not_waited_for(
    port: int, begun: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_RECEIVE_S", 0.1)
    assert b"400" in await answer(port, *begun)
