"""Clients of the engines that can answer, and what the servers there say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings

from chatplatform.inference.endpoints.outbound import HEALTH, Cause, OutboundTransport
from chatplatform.inference.endpoints.registry import Endpoint, is_loopback, own_endpoint
from chatplatform.inference.errors import EngineRefused
from chatplatform.inference.events import EngineModel, EngineStatus
from chatplatform.inference.models import EngineEndpoint
from chatplatform.inference.protocol.dialects import OPENAI, OURS, Dialect
from chatplatform.inference.protocol.http_clients import Transport, transport_to
from chatplatform.inference.protocol.openai_client import EngineClient
from chatplatform.inference.protocol.openai_models import ServedModels
from chatplatform.privacy.clearance import Destination

EngineRole = Literal["llm", "encoder"]

KNOWN_FOR_S = 300.0
# An engine elsewhere is not asked how it is whenever somebody looks at a page: each question goes on record.
STATUS_KEPT_S = 60.0


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


# What the settings' engines said of themselves, by address; asked anew after a while and after each failure.
_known: dict[str, tuple[ServedModels, float]] = {}
_status: dict[str, tuple[EngineStatus, float]] = {}


def role_of(model: str) -> EngineRole:
    return "encoder" if model in {"embedding", "reranker"} else "llm"


def address(role: EngineRole) -> str:
    """The base address of the settings' engine, ending in /v1."""
    return str(settings.LLM_URL if role == "llm" else settings.ENCODER_URL)


def encoder_destination() -> Destination:
    """Where texts to be embedded or reranked go, as clearance wants to know it."""
    url = address("encoder")
    host = urlsplit(url).hostname or ""
    is_local = is_loopback(host)
    return Destination(name="encoder" if is_local else host, url=url, is_local=is_local)


async def engine(role: EngineRole, cause: Cause = HEALTH) -> Engine:
    """The settings' engine in this role. Raises EngineUnavailable or EngineRefused when asking it fails."""
    url = address(role)
    known = _known.get(url)
    if known is None or monotonic() - known[1] >= KNOWN_FOR_S:
        client = _client(role, OPENAI, cause)
        try:
            served = await client.models()
        except EngineRefused as error:
            if error.code != "engine_model_unknown":  # a server without this address serves one model
                raise
            served = ServedModels()
        known = _remember(role, served)
    served, asked_at = known
    return Engine(_client(role, served.dialect, cause), served.models, asked_at)


async def engine_at(endpoint: Endpoint, model: str, cause: Cause) -> tuple[EngineClient, str]:
    """The client of one engine, and what it calls the model. Raises as `engine` for the settings' one; of any other
    its row says what it is, and it is not asked."""
    if endpoint.is_own:
        found = await engine("llm", cause)
        return found.client, found.model_name(model)
    return client_of(endpoint, cause), endpoint.model_name(model)


async def client_at(endpoint: Endpoint, cause: Cause) -> EngineClient:
    """The client of one engine, whatever it serves. Raises as `engine` for the settings' one."""
    return (await engine("llm", cause)).client if endpoint.is_own else client_of(endpoint, cause)


def client_of(endpoint: Endpoint, cause: Cause) -> EngineClient:
    """The client of an engine that has a row."""
    if endpoint.is_local:
        transport, url = transport_to(endpoint.url)
    else:
        in_network = endpoint.place == EngineEndpoint.Place.NETWORK
        host = urlsplit(endpoint.url).hostname or ""
        transport, url = OutboundTransport(cause, host, in_network), endpoint.url
    return EngineClient(url, endpoint.key, endpoint.dialect or OPENAI, transport)


async def status(role: EngineRole) -> EngineStatus:
    """How the settings' engine is: asked now if it is on this machine, else a minute old at most."""
    url = address(role)
    kept = _status.get(url)
    if kept is not None and monotonic() - kept[1] < STATUS_KEPT_S:
        return kept[0]
    found = await _client(role, OPENAI, HEALTH).status()
    if found.ready:
        _remember(role, ServedModels(found.models, found.dialect))
    else:
        forget(role)
    if not _is_local(role):
        _status[url] = (found, monotonic())
    return found


async def metrics(role: EngineRole) -> str:
    """The figures of the settings' engine, if it is on this machine."""
    return await _client(role, OPENAI, HEALTH).metrics() if _is_local(role) else ""


def forget(role: EngineRole) -> None:
    """Ask anew next time: the server failed, and another may come back in its place."""
    _known.pop(address(role), None)


def _remember(role: EngineRole, served: ServedModels) -> tuple[ServedModels, float]:
    """Keep what the server has just said of itself. One that serves nothing yet is still loading, and is asked again
    the next time."""
    if not served.models and not _is_configured(role):
        served = ServedModels((), OURS)
    found = (served, monotonic())
    if served.models:
        _known[address(role)] = found
    return found


def _client(role: EngineRole, dialect: Dialect, cause: Cause) -> EngineClient:
    url = address(role)
    transport: Transport
    if _is_local(role):
        transport, url = transport_to(url)
    else:
        # the operator named this host: it may well be a container beside this one
        transport = OutboundTransport(cause, urlsplit(url).hostname or "", in_network=True)
    return EngineClient(url, settings.ENGINE_TOKEN, dialect, transport)


def _is_local(role: EngineRole) -> bool:
    return own_endpoint().is_local if role == "llm" else encoder_destination().is_local


def _is_configured(role: EngineRole) -> bool:
    """Whether the operator named a server of their own."""
    environment = settings.ENVIRONMENT
    return bool(environment.llm_url if role == "llm" else environment.encoder_url)
