"""Trying an engine on somebody's wish: which models it says it has. No prompt is sent."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatplatform.common.actors import Actor
from chatplatform.common.errors import NotFound, PlatformError
from chatplatform.inference.endpoints.endpoint_choice import heard
from chatplatform.inference.endpoints.endpoint_services import note_test
from chatplatform.inference.endpoints.endpoint_watch import ask
from chatplatform.inference.endpoints.outbound import Cause
from chatplatform.inference.endpoints.registry import from_row
from chatplatform.inference.models import EngineEndpoint

MODELS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Trial:
    """`error` is empty when it answered; `missing` are models that its row names and that it does not list."""

    models: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    error: str | Promise = ""
    code: str = ""


def try_endpoint(endpoint_id: UUID, *, actor: Actor) -> Trial:
    """Ask an engine for its models, whether it is switched on or not: somebody with the right wants to know. It goes
    on record, as does the request where it leaves this machine. Raises NotFound, AuditUnavailable."""
    row = EngineEndpoint.objects.filter(id=endpoint_id).first()
    if row is None:
        raise NotFound("engine_unknown", _("There is no such engine."))
    note_test(row, actor=actor)
    endpoint = from_row(row)
    if endpoint is None:
        return Trial(error=_("Its key cannot be opened. Type it again."), code="engine_key_unreadable")
    try:
        found = async_to_sync(ask)(endpoint, Cause("engine.test", actor, None))
    except PlatformError as error:
        return Trial(error=error.message, code=error.code)
    heard(endpoint)
    wanted = [name for name in (row.chat_model, row.quick_model) if name]
    # our own engines answer to aliases beside the names that they list
    known = set(found) | ({"chat", "quick"} if row.kind == EngineEndpoint.Kind.OURS else set())
    missing = dict.fromkeys(name for name in wanted if name not in known)
    return Trial(tuple(found[:MODELS_SHOWN]), tuple(missing))
