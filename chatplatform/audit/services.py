"""Writing the audit log: `record` in the transaction of the act, the rest by periodic jobs and erasure."""

from __future__ import annotations

import ipaddress
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from chatplatform.audit.audit_events import DETAILS_ERASED
from chatplatform.audit.catalogue import AuditEventType, is_declared
from chatplatform.audit.checkpoints import checkpoint
from chatplatform.audit.encoding import details_digest
from chatplatform.audit.errors import AuditUnavailable, NotInTransaction
from chatplatform.audit.models import AuditEvent
from chatplatform.audit.sequencer import sequence_pending
from chatplatform.common.actors import Actor, ActorKind

__all__ = ["DETAIL_CHARS", "Outcome", "Target", "checkpoint", "erase_details", "record", "sequence_pending"]

Outcome = Literal["ok", "refused", "failed"]
Detail = str | int | float | bool | None

DETAIL_CHARS = 400
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Target:
    """What was acted upon: a kind such as `conversation`, and its id; never a name or a title."""

    kind: str
    id: str


def record(
    event: AuditEventType,
    *,
    actor: Actor,
    workspace_id: UUID | None,
    target: Target | None = None,
    details: Mapping[str, Detail] | None = None,
    outcome: Outcome = "ok",
) -> None:
    """Write that `actor` did this, with one insert in the transaction of the act.

    Raises NotInTransaction outside `transaction.atomic`; ValueError for an event that was not declared, a
    detail that its type does not name, or free text; and AuditUnavailable when the row cannot be written, in
    which case the transaction can only roll back, whatever the caller does with the error.
    """
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction(f"{event.code} must be recorded in the transaction of its act")
    if not is_declared(event):
        raise ValueError(f"the event {event.code!r} is not in the catalogue")
    salt = secrets.token_bytes(SALT_BYTES)
    ip = _address(actor.ip)
    text = _encode_details(event, details) if details else ""
    try:
        AuditEvent(
            code=event.code,
            outcome=outcome,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            workspace_id=workspace_id,
            target_kind=target.kind if target else "",
            target_id=target.id if target else "",
            digest=details_digest(salt, ip, text),
            salt=salt,
            ip=ip,
            details=text,
        ).save()
    except DatabaseError as error:
        transaction.set_rollback(True)
        raise AuditUnavailable from error


def _address(ip: str) -> str:
    """`ip` in its usual spelling, or nothing when it is no address: a header may say anything."""
    try:
        return str(ipaddress.ip_address(ip)) if ip else ""
    except ValueError:
        return ""


def _encode_details(event: AuditEventType, details: Mapping[str, Detail]) -> str:
    for name, value in details.items():
        if name not in event.fields:
            raise ValueError(f"{event.code} declares no detail {name!r}")
        if isinstance(value, str):
            if len(value) > DETAIL_CHARS or not value.isprintable():
                raise ValueError(f"the detail {name!r} of {event.code} is free text: record a code or an id")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError(f"the detail {name!r} of {event.code} is not a finite number")
        elif value is not None and not isinstance(value, int):
            raise ValueError(f"the detail {name!r} of {event.code} has a type that cannot be recorded")
    return json.dumps(dict(details), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def erase_details(person_id: UUID, *, actor: Actor) -> int:
    """Empty address and details of every event that this person caused or was the target of; how many.

    The events stay, with the opaque id; the tree still proves them. An event says that it was done, and only
    that makes the verifier accept the empty details.
    """
    concerned = Q(actor_kind=ActorKind.PERSON, actor_id=str(person_id)) | Q(
        target_kind="person", target_id=str(person_id)
    )
    with transaction.atomic():
        # past the append-only manager on purpose; the triggers let exactly this change through
        rows: QuerySet[AuditEvent] = QuerySet(AuditEvent).filter(concerned, salt__isnull=False)
        rows = rows.exclude(code=DETAILS_ERASED.code)
        erased = rows.update(salt=None, ip="", details="")
        record(
            DETAILS_ERASED,
            actor=actor,
            workspace_id=None,
            target=Target("person", str(person_id)),
            details={"events": erased},
        )
    return erased
