"""An id for each request and each socket: in the answer's header, in every log line, in what a person can quote.

A caller's own id is taken over when it is short and plain, so that a proxy's log and ours can be laid side by
side. It is never trusted for anything.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
_HEADER_BYTES = HEADER.lower().encode()
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_current: ContextVar[str] = ContextVar("request_id", default="")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def request_id() -> str:
    """The id of the request or socket that this code works for; empty outside any."""
    return _current.get()


def accepted(given: str | None) -> str:
    """`given` when it is 8 to 64 plain characters, else a new id."""
    return given if given and _PLAIN.fullmatch(given) else secrets.token_hex(12)


@contextmanager
def working_for(identifier: str) -> Iterator[None]:
    """Let `request_id()` be `identifier` inside the block."""
    token = _current.set(identifier)
    try:
        yield
    finally:
        _current.reset(token)


class RequestIdMiddleware:
    """Gives every request its id, and every answer the header. Stands first, so that all others log with it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        identifier = accepted(request.headers.get(HEADER))
        if self.is_async:
            return self._later(request, identifier)
        with working_for(identifier):
            return _marked(self.get_response(request), identifier)

    async def _later(self, request: HttpRequest, identifier: str) -> HttpResponseBase:
        # not taken back: what streams after this, in the same task, still works for the request
        _current.set(identifier)
        return _marked(await self.get_response(request), identifier)


def _marked(response: HttpResponseBase, identifier: str) -> HttpResponseBase:
    response.headers[HEADER] = identifier
    return response


class SocketRequestIds:
    """ASGI: the same for websockets; the id comes back in the handshake's answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope.get("headers", ()) if name == _HEADER_BYTES), b"")
        identifier = accepted(given.decode("latin-1"))

        async def marked(message: Message) -> None:
            if message["type"] == "websocket.accept":
                headers = [*message.get("headers", ()), (_HEADER_BYTES, identifier.encode())]
                message = {**message, "headers": headers}
            await send(message)

        with working_for(identifier):
            await self._app(scope, receive, marked)
