"""How the client treats connections: kept, ended at once, never led astray, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chatplatform.inference.errors import EngineRefused, EngineUnavailable
from chatplatform.inference.events import Completed, Sampling, TextDelta
from chatplatform.inference.protocol import chat_stream, http_clients, openai_client
from chatplatform.inference.protocol.chat_request import ChatRequest
from chatplatform.inference.protocol.dialects import OURS
from chatplatform.inference.protocol.openai_client import EngineClient
from chatplatform.inference.protocol.openai_models import ServedModels
from chatplatform.privacy.prompt import Prompt, PromptMessage

REQUEST = ChatRequest(
    request_id="r1",
    model="chat",
    prompt=Prompt((PromptMessage("user", "Which tent?"),)),
    sampling=Sampling(),
    priority="interactive",
    cache_owner="o1",
)
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def text(words: str) -> bytes:
    event = b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"content": words}}]}).encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def whole(body: bytes, *, status: int = 200, fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, fields, len(body), body)


@dataclass
class Server:
    """What a server was sent, and how many connections it was sent it over."""

    url: str = ""
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def client(self) -> EngineClient:
        return EngineClient(self.url, "secret", OURS)


Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(reply: bytes | Reply) -> AsyncIterator[Server]:
    """A server that sends `reply` to each request; a callable may hang up after it."""
    seen = Server()
    serving: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        serving[asyncio.current_task()] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                seen.heads.append(head)
                seen.asked.set()
                length = head.lower().partition("content-length:")[2].split("\r\n")[0]
                await reader.readexactly(int(length or 0))
                if isinstance(reply, bytes):
                    writer.write(reply)
                else:
                    await reply(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.left.set()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        seen.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        yield seen
        for task, writer in serving.items():
            writer.transport.abort()
            if task is not None:
                await task


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def code_of(call: Awaitable[object]) -> str:
    with pytest.raises((EngineUnavailable, EngineRefused)) as caught:
        await call
    return str(caught.value.code)


async def deltas(client: EngineClient) -> list[str]:
    return [event.text async for event in client.chat(REQUEST) if isinstance(event, TextDelta)]


async def test_one_connection_serves_one_call_after_another() -> None:
    async with server(whole(b'{"data": []}')) as seen:
        for _ in range(5):
            assert await seen.client.models() == ServedModels()
    assert (len(seen.heads), seen.connections) == (5, 1)


async def test_text_that_arrived_together_is_one_delta() -> None:
    end = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    chunks = b"".join(text(f"{number} ") for number in range(64)) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end)
    async with server(STREAM + chunks) as seen:
        assert await deltas(seen.client) == ["".join(f"{number} " for number in range(64))]
        assert len(await deltas(seen.client)) == 1
    assert seen.connections == 1


async def test_leaving_a_stream_closes_its_connection_at_once() -> None:
    async with server(STREAM + text("word")) as seen:
        async with aclosing(seen.client.chat(REQUEST)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        async with asyncio.timeout(1):
            await seen.left.wait()


async def test_a_cancelled_wait_closes_its_connection_at_once() -> None:
    async with server(STREAM) as seen:
        waiting = asyncio.create_task(deltas(seen.client))
        await seen.asked.wait()
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(1):
            await seen.left.wait()


@pytest.mark.parametrize("ask", [deltas, EngineClient.models], ids=["POST", "GET"])
async def test_nothing_is_sent_twice(ask: Callable[[EngineClient], Awaitable[object]]) -> None:
    async with server(hang_up) as seen:
        # ours would be told to cancel, by a request of its own
        assert await code_of(ask(EngineClient(seen.url, "secret"))) == "engine_died"
    assert len(seen.heads) == 1


async def test_sabotage_a_session_that_repeats_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_clients, "_once", lambda request, send: send(request))
    async with server(hang_up) as seen:
        assert await code_of(seen.client.models()) == "engine_died"
    assert len(seen.heads) == 2


async def test_no_redirect_is_followed() -> None:
    async with server(whole(b'{"data": []}')) as elsewhere:
        away = b"Location: %b/models\r\n" % elsewhere.url.encode()
        async with server(whole(b"", status=307, fields=away)) as seen:
            assert await code_of(seen.client.models()) == "engine_not_understood"
            assert await code_of(deltas(seen.client)) == "engine_not_understood"
    assert elsewhere.heads == []


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(whole(b"{}")) as proxy, server(whole(b'{"data": []}')) as seen:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        assert await seen.client.models() == ServedModels()
    assert (len(seen.heads), proxy.heads) == (1, [])


async def test_a_name_and_password_in_the_address_stand_for_the_token() -> None:
    async with server(whole(b'{"data": []}')) as seen:
        await seen.client.models()
        await EngineClient(seen.url.replace("//", "//me:word@"), "secret").models()
    with_token, with_password = (head.lower() for head in seen.heads)
    assert "authorization: bearer secret" in with_token
    basic = base64.b64encode(b"me:word").decode().lower()
    assert f"authorization: basic {basic}" in with_password
    assert "secret" not in with_password


async def test_nothing_is_unpacked_and_no_cookie_is_kept() -> None:
    packed = whole(b"\x1f\x8b", fields=b"Content-Encoding: gzip\r\nSet-Cookie: a=b\r\n")
    async with server(packed) as seen:
        for _ in range(2):
            assert await code_of(seen.client.models()) == "engine_not_understood"
    assert all("accept-encoding: identity" in head.lower() for head in seen.heads)
    assert not any("cookie" in head.lower() for head in seen.heads)


@pytest.mark.parametrize(
    ("limit", "reply"),
    [("FIRST_BYTE_S", b""), ("READING_S", STREAM), ("IDLE_S", STREAM + text("word"))],
)
async def test_silence_is_given_up_wherever_it_falls(
    limit: str, reply: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_client, limit, 0.1)
    async with server(reply) as seen:
        assert await code_of(deltas(seen.client)) == "engine_silent"
        async with asyncio.timeout(1):
            await seen.left.wait()


@pytest.mark.parametrize(
    "reply",
    [
        b"HELLO\r\n\r\n",
        STREAM + b"no size\r\n",
        STREAM + b"5\r\nda",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["no HTTP", "no chunks", "cut chunk", "cut body"],
)
async def test_a_broken_or_cut_reply_is_a_dead_engine(reply: bytes) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        writer.close()

    async with server(cut) as seen:
        assert await code_of(deltas(seen.client)) == "engine_died"
        assert await code_of(seen.client.models()) == "engine_died"


async def test_endless_bodies_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "JSON_BYTES", 100_000)

    def endless(status: int) -> Reply:
        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 9999999999\r\n\r\n" % status)
            while True:
                writer.write(b" " * 65536)
                await writer.drain()

        return send

    async with server(endless(500)) as seen, asyncio.timeout(5):
        assert await code_of(deltas(seen.client)) == "engine_failed"
        await seen.left.wait()
    async with server(endless(200)) as seen, asyncio.timeout(5):
        assert await code_of(seen.client.models()) == "engine_not_understood"
        await seen.left.wait()


def test_connections_end_with_their_loop_and_do_not_keep_it_alive() -> None:
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def call() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        async with server(whole(b'{"data": []}')) as seen:
            await seen.client.models()

    for _ in range(2):
        asyncio.run(call())
    gc.collect()
    assert [loop() for loop in loops] == [None, None]


DONE = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_an_answer_is_whole_though_its_connection_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "ENDING_S", 0.05)
    async with server(STREAM + text("word") + chunk(DONE)) as seen:
        async with asyncio.timeout(10):
            assert await deltas(seen.client) == ["word"]
            await seen.left.wait()


def flooding(piece: bytes) -> Reply:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + text("word"))
        while True:
            writer.write(piece)
            await writer.drain()

    return send


async def test_bytes_that_say_nothing_do_not_keep_a_call_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "IDLE_S", 0.2)
    async with server(flooding(chunk(b": still here\n\n"))) as seen, asyncio.timeout(10):
        assert await code_of(deltas(seen.client)) == "engine_silent"
        await seen.left.wait()


async def test_a_server_that_drips_bytes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "READING_S", 0.2)

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM)
        while True:
            writer.write(chunk(b"d"))
            await writer.drain()
            await asyncio.sleep(0.01)

    async with server(drip) as seen, asyncio.timeout(10):
        assert await code_of(deltas(seen.client)) == "engine_silent"


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65530 + b"\n"], ids=["line", "event"])
async def test_a_line_or_an_event_without_end_is_refused(piece: bytes) -> None:
    async with server(flooding(chunk(piece))) as seen, asyncio.timeout(10):
        assert await code_of(deltas(seen.client)) == "engine_not_understood"
        await seen.left.wait()


async def test_a_server_that_writes_on_and_on_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_stream, "SPARE_CHARS", 1000)
    monkeypatch.setattr(chat_stream, "CHARS_A_TOKEN", 1)
    monkeypatch.setattr(openai_client, "ENDING_S", 0.05)
    async with server(flooding(text("y" * 500))) as seen, asyncio.timeout(10):
        events = [event async for event in seen.client.chat(REQUEST)]
        await seen.left.wait()
    written = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert len(written) == 1000 + REQUEST.sampling.max_tokens
    assert isinstance(events[-1], Completed)
    assert events[-1].finish_reason == "length"


@pytest.mark.parametrize("kind", [b"text/html", b"application/json"])
async def test_another_type_of_content_is_no_stream(kind: bytes) -> None:
    async with server(whole(DONE, fields=b"Content-Type: %b\r\n" % kind)) as seen:
        assert await code_of(deltas(seen.client)) == "engine_not_understood"


async def test_an_engine_at_a_unix_socket(tmp_path: Path) -> None:
    place = tmp_path / "engine.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b'{"data": [{"id": "one"}]}'))
        writer.close()

    async with await asyncio.start_unix_server(serve, str(place)):
        transport, url = http_clients.transport_to(f"unix://{place}")
        served = await EngineClient(url, "secret", transport=transport).models()
    assert [model.id for model in served.models] == ["one"]


async def test_a_stream_of_somebody_elses_server_ends_its_connection() -> None:
    async with server(whole(DONE)) as seen:
        client = EngineClient(seen.url, "secret")
        assert [event async for event in client.chat(REQUEST)]
        assert await deltas(seen.client) == []
    theirs, ours = (head.lower() for head in seen.heads)
    assert "connection: close" in theirs
    assert "connection: close" not in ours
