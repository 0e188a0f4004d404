"""The one door for outbound HTTP: named hosts only, addresses checked and pinned, limited, recorded.

A host is resolved once for each connection, every address it resolves to is checked, and the connection goes
to the address that was checked, so a name that changes its answer gains nothing. Redirects pass the same door.
Proxy settings of the environment are ignored: a proxy would resolve the name again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID

import httpx
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.services import Outcome, Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.threads import in_thread
from chatplatform.privacy.addresses import IPAddress, is_reachable
from chatplatform.privacy.audit_events import EGRESS_REQUESTED
from chatplatform.privacy.errors import EgressFailed, EgressRefused, EgressTooLarge
from chatplatform.privacy.outbound.recording import count_outbound, current_conversation

__all__ = [
    "EgressClient",
    "EgressFailed",
    "EgressLimits",
    "EgressRefused",
    "EgressResponse",
    "EgressStream",
    "EgressTooLarge",
    "Resolver",
    "open_egress",
    "system_resolver",
]

Resolver = Callable[[str, int], Awaitable[Collection[str]]]
_REDIRECTS: Final = 5


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """`total_s` covers a whole request with its redirects; `body_bytes` the answer's body, decompressed."""

    total_s: float = 30.0
    connect_s: float = 10.0
    body_bytes: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EgressResponse:
    """A whole answer. `headers` has lower-case names; of a repeated header the values are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


async def system_resolver(host: str, port: int) -> Collection[str]:
    """Every address of `host`, as the operating system knows it; raises OSError when there is none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@asynccontextmanager
async def open_egress(
    *,
    purpose: str,
    actor: Actor,
    workspace_id: UUID | None,
    hosts: Collection[str],
    allow_private: bool = False,
    limits: EgressLimits | None = None,
    resolve: Resolver = system_resolver,
) -> AsyncIterator[EgressClient]:
    """A client that reaches `hosts` (exact names) and nothing else.

    Public hosts over https only; with `allow_private` also hosts of this machine and private networks, over
    http too. `purpose` is a short code for the audit log.
    """
    limits = limits or EgressLimits()
    door = _Door(purpose, actor, workspace_id, frozenset(map(str.lower, hosts)), allow_private, resolve)
    async with httpx.AsyncClient(
        transport=_GuardedTransport(door),
        timeout=httpx.Timeout(limits.total_s, connect=limits.connect_s),
        follow_redirects=True,
        max_redirects=_REDIRECTS,
        trust_env=False,
    ) as client:
        yield EgressClient(client, limits)


class EgressClient:
    """Made by `open_egress`."""

    def __init__(self, client: httpx.AsyncClient, limits: EgressLimits) -> None:
        self._client = client
        self._limits = limits

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> EgressResponse:
        """Send one request, follow its redirects and read the answer.

        Raises EgressRefused for a host, address or scheme that is not permitted, EgressTooLarge for too long
        an answer, EgressFailed when there is none in time, and AuditUnavailable when it cannot be recorded,
        in which case nothing was sent.
        """
        try:
            async with (
                asyncio.timeout(self._limits.total_s),
                self._client.stream(method, url, headers=headers, content=content) as response,
            ):
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > self._limits.body_bytes:
                        raise EgressTooLarge(
                            "egress_too_large", _("The other side's answer is too large to take in.")
                        )
                return EgressResponse(response.status_code, dict(response.headers), bytes(body))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise _failure(error) from error

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None
    ) -> AsyncIterator[EgressStream]:
        """Send one request and read its answer as it comes. No redirect is followed, and `total_s` limits each
        wait rather than the whole, which is the caller's to bound; `body_bytes` limits nothing. Raises as
        `request` does."""
        request = self._client.build_request(method, url, headers=headers, content=content)
        try:
            response = await self._client.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise _failure(error) from error
        try:
            yield EgressStream(response)
        finally:
            await response.aclose()


class EgressStream:
    """An answer whose body comes in pieces; made by `EgressClient.stream`."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)
        self._pieces = response.aiter_raw()

    async def piece(self) -> bytes:
        """What has arrived, as it was sent; waits for something. Empty at the end. Raises EgressFailed."""
        try:
            return await anext(self._pieces, b"")
        except httpx.HTTPError as error:
            raise _failure(error) from error


@dataclass(frozen=True, slots=True)
class _Door:
    purpose: str
    actor: Actor
    workspace_id: UUID | None
    hosts: frozenset[str]
    allow_private: bool
    resolve: Resolver

    async def checked_address(self, request: httpx.Request) -> IPAddress:
        """The address to connect to, after recording it; raises EgressRefused after recording that."""
        address, reason = await self._judge(request.url)
        leaves = address is not None and not address.is_loopback
        await in_thread(self._record)(request, reason, current_conversation() if leaves else None, leaves)
        if address is None:
            raise _refused(reason)
        return address

    async def _judge(self, url: httpx.URL) -> tuple[IPAddress | None, str]:
        if url.scheme not in {"https", "http"}:
            return None, "scheme_not_permitted"
        if not 0 < _port(url) < 65536:
            return None, "port_not_permitted"
        if url.userinfo:
            return None, "credentials_in_url"
        if url.host.lower() not in self.hosts:
            return None, "host_not_permitted"
        try:
            resolved = await self.resolve(url.host, _port(url))
            addresses = [ipaddress.ip_address(text) for text in resolved]
        except (OSError, ValueError):
            addresses = []
        if not addresses:
            return None, "host_not_found"
        if not all(is_reachable(address, allow_private=self.allow_private) for address in addresses):
            return None, "address_not_permitted"
        if url.scheme == "http" and any(is_reachable(address, allow_private=False) for address in addresses):
            return None, "not_encrypted"
        return addresses[0], ""

    def _record(
        self, request: httpx.Request, reason: str, conversation_id: UUID | None, leaves: bool
    ) -> None:
        outcome: Outcome = "refused" if reason else "ok"
        host = request.url.host[:200]
        with transaction.atomic():
            record(
                EGRESS_REQUESTED,
                actor=self.actor,
                workspace_id=self.workspace_id,
                target=Target("host", host[:100]),
                details={
                    "host": host if host.isprintable() else "",
                    "port": _port(request.url),
                    "method": request.method[:20],
                    "purpose": self.purpose,
                    "reason": reason,
                },
                outcome=outcome,
            )
            if leaves:
                length = request.headers.get("content-length", "")
                count_outbound(
                    host=host if host.isprintable() else "",
                    purpose=self.purpose,
                    actor=self.actor,
                    workspace_id=self.workspace_id,
                    conversation_id=conversation_id,
                    sent_bytes=int(length) if length.isascii() and length.isdecimal() else None,
                )


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """Takes each request, redirected ones too, through the door and sends it to the address checked there."""

    def __init__(self, door: _Door) -> None:
        # connections are pooled by address, and two hosts of one address must not share one: so no pool
        super().__init__(
            verify=_certificates(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._door = door

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        address = await self._door.checked_address(request)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,  # with the Host of the name
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return await super().handle_async_request(pinned)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading the authorities' certificates takes longer than many an answer: once for the process."""
    return httpx.create_ssl_context(trust_env=False)


def _failure(error: Exception) -> EgressRefused | EgressFailed:
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return _refused("url_invalid")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return EgressFailed(
                "egress_not_trusted", _("The other side's certificate is not valid for this address.")
            )
        cause = cause.__cause__ or cause.__context__
    return EgressFailed("egress_failed", _("The other side did not answer in time. Try again."))


def _port(url: httpx.URL) -> int:
    return (443 if url.scheme == "https" else 80) if url.port is None else url.port


def _refused(reason: str) -> EgressRefused:
    return EgressRefused(
        reason, _("This request would leave the hosts that it may reach, so it was not sent.")
    )
