"""The engines beside the machine's own, as pages, programs and the command line show them. Never a key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatplatform.common.errors import NotFound
from chatplatform.inference.endpoints.circuit_breaker import BreakerState
from chatplatform.inference.endpoints.endpoint_choice import EndpointState, may_ask, state_of
from chatplatform.inference.endpoints.registry import endpoints, from_row, own_endpoint
from chatplatform.inference.models import EngineEndpoint


@dataclass(frozen=True, slots=True)
class EndpointView:
    """`circuit`, `in_flight` and `error` are what this process has found while it asked; `is_readable` says that its
    key can be opened."""

    row: EngineEndpoint
    circuit: BreakerState
    in_flight: int
    error: str
    is_readable: bool

    @property
    def id(self) -> UUID:
        return self.row.id

    @property
    def has_key(self) -> bool:
        return bool(self.row.sealed_key)

    @property
    def is_elsewhere(self) -> bool:
        return self.row.place != EngineEndpoint.Place.MACHINE


@dataclass(frozen=True, slots=True)
class WayOut:
    """Where answers may come from that are not made on this machine."""

    names: tuple[str, ...]
    is_always: bool


def endpoint_list() -> list[EndpointView]:
    """All of them, by name."""
    return [_view(row) for row in EngineEndpoint.objects.order_by("name")]


def endpoint(endpoint_id: UUID) -> EndpointView:
    """Raises NotFound."""
    row = EngineEndpoint.objects.filter(id=endpoint_id).first()
    if row is None:
        raise NotFound("engine_unknown", _("There is no such engine."))
    return _view(row)


def endpoint_named(name: str) -> EndpointView:
    """Raises NotFound."""
    row = EngineEndpoint.objects.filter(name=name).first()
    if row is None:
        raise NotFound("engine_unknown", _("There is no such engine."))
    return _view(row)


def way_out(model: str) -> WayOut | None:
    """Which engines for `model` are not on this machine; None when all that may answer are. `is_always` says that
    none of those that are asked first is here."""
    serving = [each for each in endpoints() if each.serves(model)]
    elsewhere = [each for each in serving if not each.is_local]
    if not elsewhere:
        return None
    first = min(each.order for each in serving)
    return WayOut(
        tuple(each.name for each in elsewhere),
        not any(each.is_local for each in serving if each.order == first),
    )


def others_may_answer(model: str) -> bool:
    """Whether an engine beside the machine's own serves the model, and is not being left alone."""
    found = [each for each in endpoints() if not each.is_own and each.serves(model)]
    return any(may_ask(each) for each in found)


def hosts_elsewhere() -> set[str]:
    """The names of engines that are switched on and not on this machine."""
    return {each.name for each in endpoints() if not each.is_local and each.id != own_endpoint().id}


def _view(row: EngineEndpoint) -> EndpointView:
    found = from_row(row)
    state = state_of(found) if found is not None else EndpointState()
    return EndpointView(row, state.breaker.state, state.in_flight, state.error, found is not None)
