"""As much HTTP/1.1 as the scripted engine needs, over asyncio: requests with a body, replies whole or chunked."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus

MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class BadRequest(ValueError):
    """What came is not HTTP."""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, or None when the client has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length") or 0)
    if not rest or length > MAX_BODY_BYTES or "transfer-encoding" in headers:
        raise BadRequest
    try:
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, rest.split(" ")[0], headers, body)


def whole(status: int, content: object, *, content_type: str = "application/json") -> bytes:
    """A complete reply; `content` is JSON unless it is text already."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    body = text.encode()
    return _head(status, f"content-type: {content_type}\r\ncontent-length: {len(body)}") + body


def stream_head() -> bytes:
    """The beginning of a reply of server-sent events, whose pieces follow as `piece`."""
    return _head(
        200, "content-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked"
    )


def piece(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM_END = b"0\r\n\r\n"


def _head(status: int, fields: str) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{fields}\r\n\r\n".encode("latin-1")
