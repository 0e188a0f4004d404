"""HTTP to engines on this machine: one pool of connections for each event loop and place, kept until the loop ends,
because a new connection costs more than a call. What leaves the machine goes through outbound.py instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp

from chatplatform.inference.errors import EngineUnavailable

CONNECT_S = 5.0
CONNECTIONS = 1024
# Servers keep an idle connection for 5 s at least. Ours is given up before, so that no request meets its end.
KEPT_S = 4.0


class Reply(Protocol):
    """The head of a reply, and its body in pieces; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]

    async def piece(self) -> bytes:
        """What has arrived; waits for something. Empty at the end. Raises EngineUnavailable."""

    async def close(self) -> None:
        """Let go of it. What was not read closes the connection, which the server notices."""


class Transport(Protocol):
    """A way to a server. Sends nothing twice, follows no redirect, keeps no cookie, heeds no proxy of the
    environment and unpacks no body."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        """Send a request and wait for the head of its reply. Raises EngineUnavailable, EngineRefused."""


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """To loopback, or to the Unix socket at `socket_path`. `url` is still an http address then, of any host."""

    socket_path: str = ""

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        session = await http_session(self.socket_path)
        try:
            response = await session.request(
                method, url, data=content, headers=dict(headers), allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineUnavailable(_code_of(error)) from error
        return _LocalReply(response)


class _LocalReply:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def piece(self) -> bytes:
        content = self._response.content
        if content.at_eof():
            return b""
        try:
            return content.read_nowait() or await content.readany()
        except aiohttp.ClientError as error:
            raise EngineUnavailable(_code_of(error)) from error

    async def close(self) -> None:
        self._response.close()


@dataclass(frozen=True, slots=True)
class _Held:
    session: aiohttp.ClientSession
    holder: AsyncGenerator[aiohttp.ClientSession]


_sessions: dict[tuple[asyncio.AbstractEventLoop, str], _Held] = {}


async def http_session(socket_path: str = "") -> aiohttp.ClientSession:
    """The running loop's session. It limits nothing but the time to connect."""
    place = (asyncio.get_running_loop(), socket_path)
    held = _sessions.get(place)
    if held is None:
        # A loop closes its generators before it ends, and so this one's session.
        holder = _hold(place)
        held = _sessions[place] = _Held(await anext(holder), holder)
    return held.session


async def _hold(place: tuple[asyncio.AbstractEventLoop, str]) -> AsyncGenerator[aiohttp.ClientSession]:
    _, socket_path = place
    connector: aiohttp.BaseConnector = (
        aiohttp.UnixConnector(socket_path, limit=CONNECTIONS, keepalive_timeout=KEPT_S)
        if socket_path
        else aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_S)
    )
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
            middlewares=(_once,),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield session
    finally:
        # a session refers to its loop, which would live for ever otherwise
        _sessions.pop(place, None)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request by itself, as it does after some of its errors."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError from error


def _code_of(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "engine_not_trusted"
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return "engine_unreachable"
        case TimeoutError():
            return "engine_silent"
        case _:
            return "engine_died"


def transport_to(url: str) -> tuple[Transport, str]:
    """The way to an engine on this machine, and the http address to use with it."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return LocalTransport(parts.path), "http://localhost/v1"
    return LocalTransport(), url
