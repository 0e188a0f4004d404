"""A client of the OpenAI protocol that costs so little processor time that it hardly slows what it measures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

CHAT = "/v1/chat/completions"
LINE_BYTES = 1 << 20


class Refused(Exception):
    """An answer of HTTP that is not 200."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:300]}")
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Address:
    port: int
    token: str = ""


@dataclass
class Answer:
    """One streamed answer; moments in seconds of `perf_counter`."""

    asked_at: float
    arrivals: list[float] = field(default_factory=list)
    """When each piece of text came."""
    texts: list[str] = field(default_factory=list)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    tokens: int = 0
    error: str = ""
    ended_at: float = 0.0

    @property
    def first_s(self) -> float:
        return self.arrivals[0] - self.asked_at

    @property
    def text(self) -> str:
        return "".join(self.texts)


async def ask(
    address: Address, body: dict[str, Any], *, on_text: Callable[[Answer], bool] | None = None
) -> Answer:
    """Stream an answer. `on_text` is called with each piece; when it gives True, the client goes away.

    Raises Refused.
    """
    answer = Answer(perf_counter())
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port, limit=LINE_BYTES)
    try:
        writer.write(request(address, "POST", CHAT, streamed))
        async for line in _lines(reader):
            if not line.startswith(b"data:") or line == b"data: [DONE]":
                continue
            if _take(answer, json.loads(line[5:])) and on_text is not None and on_text(answer):
                break
    finally:
        writer.close()
    answer.ended_at = perf_counter()
    return answer


async def fetch(address: Address, method: str, path: str, body: object = None) -> str:
    """A whole answer that is not streamed. Raises Refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port, limit=LINE_BYTES)
    try:
        writer.write(request(address, method, path, body))
        return b"\n".join([line async for line in _lines(reader)]).decode()
    finally:
        writer.close()


def request(address: Address, method: str, path: str, body: object = None) -> bytes:
    """A request's bytes."""
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\nConnection: close\r\n"
        f"Authorization: Bearer {address.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The lines of the answer's body. Raises Refused."""
    status = int((await reader.readline()).split()[1])
    chunked, length = False, 0
    while (line := (await reader.readline()).strip()) != b"":
        name, _, value = line.lower().partition(b":")
        chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
        length = int(value) if name == b"content-length" else length
    if status != 200:
        content = await reader.readexactly(length) if length else await reader.read()
        raise Refused(status, content.decode(errors="replace"))
    rest = b""
    while True:
        if chunked:
            size = int((await reader.readline()).strip() or b"0", 16)
            part = await reader.readexactly(size)
            await reader.readline()
        else:
            part = await reader.read(length or -1)
        *whole, rest = (rest + part).split(b"\n")
        for one in whole:
            yield one.strip()
        if not chunked or not part:
            break
    if rest:
        yield rest.strip()


def _take(answer: Answer, data: dict[str, Any]) -> bool:
    """Note what a chunk says; whether it brought text."""
    if "error" in data:
        answer.error = str(data["error"].get("code") or data["error"])
    if usage := data.get("usage"):
        answer.prompt_tokens, answer.tokens = usage["prompt_tokens"], usage["completion_tokens"]
        answer.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    for choice in data.get("choices", ()):
        if text := (choice.get("delta") or {}).get("content"):
            answer.arrivals.append(perf_counter())
            answer.texts.append(text)
            return True
    return False
