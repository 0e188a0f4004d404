"""The little of HTTP that the engine needs, over ASGI: bodies with a limit, JSON, event streams, errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from chatplatform.inference.engines.llamacpp.limits import MAX_BODY_BYTES, MAX_RECEIVE_S, MAX_SEND_S

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class HttpError(Exception):
    """An answer in the shape of OpenAI's errors. `details` are added to the error object."""

    def __init__(self, status: int, code: str, message: str, **details: int) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "code": self.code, **self.details}}


class ClientGone(Exception):
    """The client has closed the connection, or takes nothing any more."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header called `name` (lower case), or nothing."""
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


async def read_json(scope: Scope, receive: Receive) -> Any:
    """The body, parsed. Raises HttpError when it is too large, too slow or no JSON, ClientGone."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(MAX_RECEIVE_S):
            body = await _read(receive)
    except TimeoutError:
        raise HttpError(408, "invalid_request", "The request did not come to its end.") from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HttpError(400, "invalid_request", "The request is not valid JSON.") from None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body"):
            return b"".join(parts)


def _too_large() -> HttpError:
    return HttpError(
        413, "invalid_request", f"The request is larger than {MAX_BODY_BYTES // (1024 * 1024)} MiB."
    )


async def gone(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def _send(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(MAX_SEND_S):
            await send(message)
    except (TimeoutError, OSError):
        raise ClientGone from None


async def send_json(
    send: Send, body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", errors="replace")
    await send_bytes(send, data, "application/json", status=status, headers=headers)


async def send_bytes(
    send: Send, data: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    fields = {"content-type": content_type, "content-length": str(len(data)), **(headers or {})}
    await _send(
        send,
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        },
    )
    await _send(send, {"type": "http.response.body", "body": data})


class EventStream:
    """A stream of server-sent events. Every method raises ClientGone."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def write(self, *events: bytes) -> None:
        """Send events, made by `event`, in one piece; the first ones open the stream."""
        if not self.started:
            self.started = True
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
            ]
            await _send(self._send, {"type": "http.response.start", "status": 200, "headers": headers})
        await _send(self._send, {"type": "http.response.body", "body": b"".join(events), "more_body": True})

    async def close(self) -> None:
        await _send(self._send, {"type": "http.response.body", "body": b""})


def event(data: object, name: str = "") -> bytes:
    """One event as bytes; `data` is an object to be written as JSON, or text to be written as it is."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    prefix = f"event: {name}\n" if name else ""
    return f"{prefix}data: {text}\n\n".encode("utf-8", errors="replace")
