"""The way to engines elsewhere: through the guarded door, each request on record before it leaves."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.common.actors import Actor
from chatplatform.inference.errors import EngineRefused, EngineUnavailable
from chatplatform.inference.protocol.http_clients import Reply
from chatplatform.privacy.egress import (
    EgressFailed,
    EgressLimits,
    EgressRefused,
    EgressStream,
    Resolver,
    open_egress,
    system_resolver,
)

# The client bounds each of its waits by itself; these only end what nobody waits for any more.
LIMITS = EgressLimits(total_s=900.0, connect_s=10.0)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who has something sent, and why: what the door writes down."""

    purpose: str
    actor: Actor
    workspace_id: UUID | None


HEALTH = Cause("engine.health", Actor.system("engines"), None)


@dataclass(frozen=True, slots=True)
class OutboundTransport:
    """To one host. `in_network` lets the door reach private addresses, over http too; public ones need https."""

    cause: Cause
    host: str
    in_network: bool = False
    resolve: Resolver = system_resolver

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        """Raises EngineUnavailable, EngineRefused, and AuditUnavailable when it cannot be recorded: then nothing
        was sent."""
        url, headers = _without_credentials(url, headers)
        async with AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(
                    open_egress(
                        purpose=self.cause.purpose,
                        actor=self.cause.actor,
                        workspace_id=self.cause.workspace_id,
                        hosts=(self.host,),
                        allow_private=self.in_network,
                        limits=LIMITS,
                        resolve=self.resolve,
                    )
                )
                answer = await stack.enter_async_context(
                    client.stream(method, url, headers=headers, content=content)
                )
            except EgressRefused as error:
                raise _refused(error) from error
            except EgressFailed as error:
                raise _failed(error, "engine_unreachable") from error
            return _OutboundReply(answer, stack.pop_all())
        raise AssertionError("unreachable")


class _OutboundReply:
    def __init__(self, answer: EgressStream, stack: AsyncExitStack) -> None:
        self._answer = answer
        self._stack = stack
        self.status = answer.status
        self.headers = answer.headers

    async def piece(self) -> bytes:
        try:
            return await self._answer.piece()
        except EgressFailed as error:
            raise _failed(error, "engine_died") from error

    async def close(self) -> None:
        await self._stack.aclose()


def _without_credentials(url: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """A name and password in the address, as a header: the door lets no address with them pass."""
    parts = urlsplit(url)
    credentials, found, place = parts.netloc.rpartition("@")
    if not found:
        return url, headers
    basic = base64.b64encode(unquote(credentials).encode()).decode()
    return urlunsplit(parts._replace(netloc=place)), {**headers, "Authorization": f"Basic {basic}"}


def _failed(error: EgressFailed, code: str) -> EngineUnavailable | EngineRefused:
    if error.code == "egress_not_trusted":
        return EngineRefused(
            "engine_not_trusted",
            _("The certificate of the model's server is not valid. An administrator has to look."),
        )
    return EngineUnavailable(code)


def _refused(error: EgressRefused) -> EngineRefused | EngineUnavailable:
    if error.code == "host_not_found":
        return EngineUnavailable("engine_unreachable")
    return EngineRefused(
        "engine_address_not_permitted",
        _("The address of the model's server may not be reached from here. An administrator has to look."),
    )
