"""One pool of connections for each event loop, kept until the loop ends: a new connection costs more than a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

CONNECT_S = 5.0
CONNECTIONS = 1024
# Servers keep an idle connection for 5 s at least. Ours is given up before, so that no request meets its end.
KEPT_S = 4.0

Held = tuple[aiohttp.ClientSession, AsyncGenerator[aiohttp.ClientSession]]
_sessions: dict[asyncio.AbstractEventLoop, Held] = {}


async def http_session() -> aiohttp.ClientSession:
    """The running loop's session. It heeds no proxy of the environment, sends nothing twice, keeps no cookies,
    unpacks no bodies, and limits nothing but the time to connect."""
    loop = asyncio.get_running_loop()
    held = _sessions.get(loop)
    if held is None:
        # A loop closes its generators before it ends, and so this one's session.
        holder = _hold(loop)
        held = _sessions[loop] = (await anext(holder), holder)
    return held[0]


async def _hold(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession]:
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_S),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
            middlewares=(_once,),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield session
    finally:
        # a session refers to its loop, which would live for ever otherwise
        _sessions.pop(loop, None)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request by itself, as it does after some of its errors."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError from error
