"""Which engine serves what: the settings' addresses, and what the servers there say of themselves."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from time import monotonic
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings

from chatplatform.inference.dialects import OURS, Dialect
from chatplatform.inference.errors import EngineRefused
from chatplatform.inference.events import EngineModel
from chatplatform.inference.openai_client import EngineClient
from chatplatform.inference.openai_models import ServedModels
from chatplatform.privacy.clearance import Destination

EngineRole = Literal["llm", "encoder"]

KNOWN_FOR_S = 300.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A server, asked once what it is. `client` speaks the extensions if the server has them."""

    client: EngineClient
    models: tuple[EngineModel, ...]
    asked_at: float

    def model_name(self, wanted: str) -> str:
        """What the server calls the model that we call `wanted`.

        A server of somebody else's has no aliases of ours: it is asked for the configured model, or for the
        only one it has.
        """
        names = {name for model in self.models for name in (model.id, *model.aliases)}
        if wanted in names or self.client.extended or not self.models:
            return wanted
        configured = {
            "chat": settings.ENVIRONMENT.chat_model,
            "quick": settings.ENVIRONMENT.quick_model,
            "embedding": settings.ENVIRONMENT.embedding_model,
        }.get(wanted, "")
        return configured if configured in names else self.models[0].id


# What servers said of themselves, by address; asked anew after a while and after each failure.
_known: dict[str, Engine] = {}


def role_of(model: str) -> EngineRole:
    return "encoder" if model == "embedding" else "llm"


def address(role: EngineRole) -> str:
    """The base address of the engine, ending in /v1."""
    return str(settings.LLM_URL if role == "llm" else settings.ENCODER_URL)


def destination_of(role: EngineRole) -> Destination:
    """Where prompts for this engine go, as clearance wants to know it."""
    url = address(role)
    host = urlsplit(url).hostname or ""
    is_local = _is_loopback(host)
    return Destination(name=role if is_local else host, url=url, is_local=is_local)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bare_client(role: EngineRole) -> EngineClient:
    """A client that assumes nothing of the server."""
    return EngineClient(address(role), settings.ENGINE_TOKEN)


async def engine(role: EngineRole) -> Engine:
    """The engine in this role. Raises EngineUnavailable or EngineRefused when it has to be asked and fails."""
    known = _known.get(address(role))
    if known is not None and monotonic() - known.asked_at < KNOWN_FOR_S:
        return known
    client = bare_client(role)
    try:
        served = await client.models()
    except EngineRefused as error:
        if error.code != "engine_model_unknown":  # a server without this address serves one model
            raise
        served = ServedModels()
    return remember(role, served.models, served.dialect)


def remember(role: EngineRole, models: tuple[EngineModel, ...], dialect: Dialect) -> Engine:
    """What the server has just said of itself, to be kept.

    One that serves nothing yet is still loading, and is asked again the next time.
    """
    if not models and not _is_configured(role):
        dialect = OURS
    found = Engine(EngineClient(address(role), settings.ENGINE_TOKEN, dialect), models, monotonic())
    if models:
        _known[address(role)] = found
    return found


def _is_configured(role: EngineRole) -> bool:
    """Whether the operator named a server of their own."""
    environment = settings.ENVIRONMENT
    return bool(environment.llm_url if role == "llm" else environment.encoder_url)


def forget(role: EngineRole) -> None:
    """Ask anew next time: the server failed, and another may come back in its place."""
    _known.pop(address(role), None)
