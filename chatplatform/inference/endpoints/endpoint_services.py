"""Adding, changing and removing engines. Each act is on record, and the key is never told again."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.catalogue import AuditEventType
from chatplatform.audit.services import Target, record
from chatplatform.common.actors import Actor
from chatplatform.common.clock import now
from chatplatform.common.errors import Conflict, InvalidInput, NotFound
from chatplatform.inference.endpoints import registry
from chatplatform.inference.endpoints.endpoint_address import parsed_address
from chatplatform.inference.endpoints.engine_audit_events import (
    ENGINE_ADDED,
    ENGINE_CHANGED,
    ENGINE_REMOVED,
    ENGINE_SWITCHED,
    ENGINE_TESTED,
)
from chatplatform.inference.models import EngineEndpoint
from chatplatform.privacy.sealed_secrets import seal_secret

MOST_ENDPOINTS = 32
NAME_CHARS, MODEL_CHARS, KEY_CHARS = 60, 255, 2000
MOST_CONTEXT = 10_000_000
DETAIL_CHARS = 200


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What somebody says of an engine. `key` None leaves the one that is there; empty takes it away."""

    name: str
    url: str
    kind: str
    place: str
    order: str = EngineEndpoint.Order.BEFORE.value
    chat_model: str = ""
    quick_model: str = ""
    context_tokens: int = 0
    key: str | None = field(default=None, repr=False)


def add_endpoint(spec: EndpointSpec, *, actor: Actor) -> EngineEndpoint:
    """Add an engine. One on this machine is used from now on; any other is off until it is switched on.

    Raises InvalidInput; Conflict for a name that is taken or too many engines; KeysUnavailable.
    """
    row = EngineEndpoint(is_on=spec.place == EngineEndpoint.Place.MACHINE)
    with transaction.atomic():
        if EngineEndpoint.objects.count() >= MOST_ENDPOINTS:
            raise Conflict("engines_too_many", _("There are too many engines. Remove one first."))
        _fill(row, spec)
        _save(row)
        _record(ENGINE_ADDED, row, actor)
    return row


def change_endpoint(endpoint_id: UUID, spec: EndpointSpec, *, actor: Actor) -> EngineEndpoint:
    """Change an engine. Another address or place switches off what is not on this machine, and drops the key
    unless a new one is given: neither the permission nor the key was meant for it. Raises NotFound, and as adding.
    """
    with transaction.atomic():
        row = _row(endpoint_id)
        before = (row.url, row.place)
        _fill(row, spec)
        if (row.url, row.place) != before:
            row.is_on = row.place == EngineEndpoint.Place.MACHINE
            if spec.key is None:
                row.sealed_key = None
        _save(row)
        _record(ENGINE_CHANGED, row, actor)
    return row


def switch_endpoint(
    endpoint_id: UUID, on: bool, *, prompts_may_leave: bool = False, actor: Actor
) -> EngineEndpoint:
    """Use an engine, or stop using it. Raises NotFound; InvalidInput for one that is not on this machine unless
    `prompts_may_leave` says that this is meant."""
    with transaction.atomic():
        row = _row(endpoint_id)
        if on and row.place != EngineEndpoint.Place.MACHINE and not prompts_may_leave:
            raise InvalidInput(
                "engine_leaving_not_confirmed",
                _("Confirm that what people write may leave this machine for this engine."),
            )
        row.is_on = on
        _save(row)
        _record(ENGINE_SWITCHED, row, actor)
    return row


def remove_endpoint(endpoint_id: UUID, *, actor: Actor) -> None:
    """Remove an engine with its key; answers under way end there. Raises NotFound."""
    with transaction.atomic():
        row = _row(endpoint_id)
        _record(ENGINE_REMOVED, row, actor)
        row.delete()
    registry.forget()


def _row(endpoint_id: UUID) -> EngineEndpoint:
    row = EngineEndpoint.objects.select_for_update().filter(id=endpoint_id).first()
    if row is None:
        raise NotFound("engine_unknown", _("There is no such engine."))
    return row


def _fill(row: EngineEndpoint, spec: EndpointSpec) -> None:
    row.name = _text(spec.name, NAME_CHARS)
    if not row.name:
        raise InvalidInput("engine_name_missing", _("Give the engine a name."))
    row.kind = _one_of(spec.kind, EngineEndpoint.Kind.values)
    row.place = _one_of(spec.place, EngineEndpoint.Place.values)
    row.order = _one_of(spec.order, EngineEndpoint.Order.values)
    row.url = parsed_address(spec.url, row.place)
    row.chat_model = _text(spec.chat_model, MODEL_CHARS)
    row.quick_model = _text(spec.quick_model, MODEL_CHARS)
    if not row.chat_model and not row.quick_model:
        raise InvalidInput("engine_model_missing", _("Name the model that it answers with."))
    if not 0 <= spec.context_tokens <= MOST_CONTEXT:
        raise InvalidInput("engine_context_wrong", _("The context is a number of tokens, or 0."))
    row.context_tokens = spec.context_tokens
    if spec.key is not None:
        key = spec.key.strip()
        if len(key) > KEY_CHARS or not key.isascii() or not (key.isprintable()):
            raise InvalidInput("engine_key_invalid", _("This is no key: it has letters that no key has."))
        row.sealed_key = seal_secret(key, context=registry.key_context(row)) if key else None


def _text(typed: str, most: int) -> str:
    text = typed.strip()
    if len(text) > most or not text.isprintable():
        raise InvalidInput("engine_text_invalid", _("This is too long, or has letters that cannot be shown."))
    return text


def _one_of(typed: str, known: list[str]) -> str:
    if typed not in known:
        raise InvalidInput("engine_choice_unknown", _("Choose one of what is offered."))
    return typed


def _save(row: EngineEndpoint) -> None:
    row.changed_at = now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict("engine_name_taken", _("Another engine has this name.")) from error
    transaction.on_commit(registry.forget)


def note_test(row: EngineEndpoint, *, actor: Actor) -> None:
    """Record that an engine is about to be asked for its models."""
    with transaction.atomic():
        _record(ENGINE_TESTED, row, actor)


def _record(event: AuditEventType, row: EngineEndpoint, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        workspace_id=None,
        target=Target("engine", str(row.id)),
        details={
            "kind": row.kind,
            "place": row.place,
            "host": (urlsplit(row.url).hostname or "")[:DETAIL_CHARS],
            "is_on": row.is_on,
            "has_key": bool(row.sealed_key),
            "chat_model": row.chat_model[:DETAIL_CHARS],
            "quick_model": row.quick_model[:DETAIL_CHARS],
        },
    )
