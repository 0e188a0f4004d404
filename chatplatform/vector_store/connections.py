"""The way to the store's server. On this machine: one pool of connections for each event loop. On another host: only
if the operator permits it among CHATPLATFORM_REMOTE_HOSTS, through the guarded door, each request on record before it
leaves, because texts can partly be guessed from their vectors.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatplatform.common.actors import Actor
from chatplatform.privacy.egress import (
    EgressFailed,
    EgressLimits,
    EgressRefused,
    EgressTooLarge,
    Resolver,
    open_egress,
    system_resolver,
)
from chatplatform.vector_store.errors import VectorStoreRefused, VectorStoreUnavailable

CONNECT_S: Final = 3.0
CONNECTIONS: Final = 64
# pages of ids and vectors are a few MiB
MOST_BYTES: Final = 64 * 1024 * 1024
_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Cause:
    """Who has something sent, and why: what the guarded door writes down."""

    purpose: str
    actor: Actor
    workspace_id: UUID | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Any answer of the server's, of whatever status."""

    status: int
    body: bytes


class Connection(Protocol):
    """A way to a server at `base`."""

    @property
    def base(self) -> str: ...

    async def send(self, method: str, path: str, content: bytes | None, *, limit_s: float) -> Answer:
        """Send once and read the answer. Raises VectorStoreUnavailable when there is none in time, and
        VectorStoreRefused for a host that is not permitted."""


def connection(cause: Cause) -> Connection:
    """The way to the server that the settings name."""
    base = str(settings.CHROMA_URL)
    host = (urlsplit(base).hostname or "").lower()
    if _is_loopback(host):
        return LocalConnection(base)
    return OutboundConnection(base, cause, host)


@dataclass(frozen=True, slots=True)
class LocalConnection:
    base: str

    async def send(self, method: str, path: str, content: bytes | None, *, limit_s: float) -> Answer:
        client = await _client()
        try:
            async with asyncio.timeout(limit_s):
                response = await client.request(method, self.base + path, content=content, headers=_JSON)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise VectorStoreUnavailable from error
        return Answer(response.status_code, response.content)


@dataclass(frozen=True, slots=True)
class OutboundConnection:
    """To another host. The operator named it: it may well be a container beside this one."""

    base: str
    cause: Cause
    host: str
    resolve: Resolver = system_resolver

    async def send(self, method: str, path: str, content: bytes | None, *, limit_s: float) -> Answer:
        permitted = self.host in settings.ENVIRONMENT.remote_hosts
        try:
            async with open_egress(
                purpose=self.cause.purpose,
                actor=self.cause.actor,
                workspace_id=self.cause.workspace_id,
                hosts=(self.host,) if permitted else (),  # the door writes down what it refuses too
                allow_private=True,
                limits=EgressLimits(total_s=limit_s, connect_s=CONNECT_S, body_bytes=MOST_BYTES),
                resolve=self.resolve,
            ) as client:
                answer = await client.request(method, self.base + path, headers=_JSON, content=content)
        except EgressRefused as error:
            if error.code == "host_not_found":
                raise VectorStoreUnavailable from error
            raise VectorStoreRefused(
                "vector_store_not_permitted",
                _(
                    "Vectors may not be sent to the host of CHATPLATFORM_CHROMA_URL. The operator can permit it with "
                    "CHATPLATFORM_REMOTE_HOSTS."
                ),
            ) from error
        except (EgressFailed, EgressTooLarge) as error:
            raise VectorStoreUnavailable from error
        return Answer(answer.status, answer.body)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Held:
    client: httpx.AsyncClient
    holder: AsyncGenerator[httpx.AsyncClient]


_clients: dict[asyncio.AbstractEventLoop, _Held] = {}


async def _client() -> httpx.AsyncClient:
    """The running loop's client."""
    loop = asyncio.get_running_loop()
    held = _clients.get(loop)
    if held is None:
        # A loop closes its generators before it ends, and so this one's client.
        holder = _hold(loop)
        held = _clients[loop] = _Held(await anext(holder), holder)
    return held.client


async def _hold(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[httpx.AsyncClient]:
    try:
        async with httpx.AsyncClient(
            # without the usual certificates, which take longer to read than the answer to come
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=4.0),
        ) as client:
            yield client
    finally:
        # a client refers to its loop, which would live for ever otherwise
        _clients.pop(loop, None)
