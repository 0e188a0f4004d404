"""The engines that can answer: the one of the settings, and those that were added to it."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError

from chatplatform.common.errors import PlatformError
from chatplatform.common.threads import in_thread
from chatplatform.inference.models import EngineEndpoint
from chatplatform.inference.protocol.dialects import DIALECTS, Dialect
from chatplatform.privacy.clearance import Destination
from chatplatform.privacy.sealed_secrets import open_secret

KNOWN_FOR_S = 2.0
ORDER = {EngineEndpoint.Order.BEFORE: 0, EngineEndpoint.Order.BESIDE: 1, EngineEndpoint.Order.AFTER: 2}
OWN = "own"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One engine. `dialect` None: the settings' engine, which is asked what it is. `order` is 0 for the first to be
    asked; those of one number share the load."""

    id: str
    name: str
    url: str
    place: str
    dialect: Dialect | None = None
    key: str = field(default="", repr=False)
    chat_model: str = ""
    quick_model: str = ""
    context_tokens: int = 0
    order: int = ORDER[EngineEndpoint.Order.BESIDE]

    @property
    def is_own(self) -> bool:
        """Whether it is the one that the settings name."""
        return self.id == OWN

    @property
    def is_local(self) -> bool:
        return self.place == EngineEndpoint.Place.MACHINE

    @property
    def destination(self) -> Destination:
        return Destination(self.name, self.url, self.is_local)

    def serves(self, model: str) -> bool:
        """Whether it answers for an alias or a model of its own; the settings' engine knows itself."""
        return self.is_own or bool(self.model_name(model))

    def model_name(self, model: str) -> str:
        """What this server calls the model, empty for one that it does not serve."""
        if model == "chat":
            return self.chat_model
        if model == "quick":
            return self.quick_model
        return model if model in {self.chat_model, self.quick_model} else ""


class _Register:
    """What the rows said when they were last read."""

    def __init__(self) -> None:
        self.rows: tuple[Endpoint, ...] = ()
        self.read_at = -KNOWN_FOR_S
        self.lock = Lock()


_register = _Register()


def own_endpoint() -> Endpoint:
    """The engine of the settings, ours or any other."""
    host = urlsplit(settings.LLM_URL).hostname or ""
    is_local = is_loopback(host)
    return Endpoint(
        id=OWN,
        name="llm" if is_local else host,
        url=str(settings.LLM_URL),
        place=EngineEndpoint.Place.MACHINE if is_local else EngineEndpoint.Place.OUTSIDE,
        key=settings.ENGINE_TOKEN,
    )


def endpoints() -> tuple[Endpoint, ...]:
    """Every engine that is switched on, as last read. Outside an event loop it is read anew after two seconds; in
    one, `refresh` has to be awaited, or `endpoint_watch` to run."""
    if _is_stale() and not _in_event_loop():
        _read()
    return (own_endpoint(), *_register.rows)


def ours() -> list[tuple[Endpoint, bool]]:
    """Engines of this platform, read now, and whether each is switched on; the settings' one may be another server."""
    rows = EngineEndpoint.objects.filter(kind=EngineEndpoint.Kind.OURS).order_by("created_at")
    found = [(endpoint, row.is_on) for row in rows if (endpoint := from_row(row)) is not None]
    return [(own_endpoint(), True), *found]


async def refresh() -> None:
    """Read the rows anew if they are older than two seconds."""
    if _is_stale():
        await in_thread(_read)()


def forget() -> None:
    """Have the rows read anew the next time: they were changed."""
    _register.read_at = -KNOWN_FOR_S


def _is_stale() -> bool:
    return monotonic() - _register.read_at >= KNOWN_FOR_S


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _read() -> None:
    """A database that does not answer leaves what was known: the privacy gate asks for itself."""
    with _register.lock:
        try:
            rows = EngineEndpoint.objects.filter(is_on=True).order_by("created_at")
            _register.rows = tuple(found for row in rows if (found := from_row(row)) is not None)
        except DatabaseError:
            pass
        _register.read_at = monotonic()


def from_row(row: EngineEndpoint) -> Endpoint | None:
    """The engine of a row; None for one whose key cannot be opened, which nobody could use."""
    try:
        key = open_secret(bytes(row.sealed_key), context=key_context(row)) if row.sealed_key else ""
    except PlatformError:
        return None
    return Endpoint(
        id=str(row.id),
        name=row.name,
        url=row.url,
        place=row.place,
        dialect=DIALECTS[EngineEndpoint.Kind(row.kind).value],
        key=key,
        chat_model=row.chat_model,
        quick_model=row.quick_model,
        context_tokens=row.context_tokens,
        order=ORDER[EngineEndpoint.Order(row.order)],
    )


def key_context(row: EngineEndpoint) -> str:
    """Ties a key to its row and its address: moved elsewhere it does not open, so it is sent nowhere else."""
    return f"engine endpoint:{row.id}:{row.url}"


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
