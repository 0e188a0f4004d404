"""Reading the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chatplatform.audit.models import AuditEvent, Leaf
from chatplatform.audit.proofs import EventProof, event_proof
from chatplatform.audit.search import OVERLAP, Search
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.errors import NotFound

__all__ = [
    "EventFilter",
    "EventPage",
    "EventProof",
    "EventView",
    "event",
    "event_page",
    "event_proof",
    "find_events",
    "newest_id",
    "platform_event_page",
]

Detail = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What events to show; None means any. `code` matches itself and what begins with it and a dot."""

    code: str | None = None
    outcome: str | None = None
    actor_id: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventView:
    """An event for reading. `index` is its place in the tree, None until it has one; `erased` means that its
    address and details were erased."""

    id: int
    at: datetime
    code: str
    outcome: str
    actor: Actor
    workspace_id: UUID | None
    target_kind: str
    target_id: str
    details: Mapping[str, Detail]
    erased: bool
    index: int | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first. `go_on_before` is where to look on, None at the end of the log; a page may
    hold few events, or none, and still not be the last: `is_partly_searched` says so."""

    events: list[EventView]
    go_on_before: int | None
    is_partly_searched: bool


_NO_FILTER = EventFilter()


def event_page(
    workspace_id: UUID, *, matching: EventFilter = _NO_FILTER, before: int | None = None, limit: int = 50
) -> list[EventView]:
    """A workspace's events, newest first; `before` is the id of the last one seen."""
    return _page(AuditEvent.objects.filter(workspace_id=workspace_id), matching, before, limit)


def platform_event_page(
    *, matching: EventFilter = _NO_FILTER, before: int | None = None, limit: int = 50
) -> list[EventView]:
    """The same across workspaces and outside any, for whoever runs the machine."""
    return _page(AuditEvent.objects.all(), matching, before, limit)


def find_events(
    workspace_id: UUID | None,
    *,
    matching: EventFilter = _NO_FILTER,
    before: int | None = None,
    limit: int = 50,
) -> EventPage:
    """A workspace's events (none: those outside any), newest first, in a time that does not grow with the log."""
    search = Search(
        workspace_id, code=matching.code, conditions=_conditions(matching), bounds=_time_bounds(matching)
    )
    ids, further = search.newest_ids(before=before, limit=limit)
    rows = AuditEvent.objects.filter(id__in=ids).select_related("leaf").order_by("-id")
    return EventPage([_view(row) for row in rows], further, further is not None and len(ids) < limit)


def event(event_id: int, workspace_id: UUID | None) -> EventView:
    """One event of a workspace (none: outside any). Raises NotFound, for another workspace's event too."""
    row = AuditEvent.objects.filter(id=event_id, workspace_id=workspace_id).select_related("leaf").first()
    if row is None:
        raise NotFound("audit_event_not_found", _("There is no such event."))
    return _view(row)


def newest_id() -> int:
    """The id of the newest event of all; 0 in an empty log."""
    return AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0


def _conditions(matching: EventFilter) -> list[Q]:
    conditions = []
    if matching.target_id is not None:
        conditions.append(Q(target_id=matching.target_id))
    if matching.actor_id is not None:
        conditions.append(Q(actor_id=matching.actor_id))
    if matching.outcome is not None:
        conditions.append(Q(outcome=matching.outcome))
    if matching.target_kind is not None:
        conditions.append(Q(target_kind=matching.target_kind))
    return conditions


def _time_bounds(matching: EventFilter) -> Q:
    """Times as times, and as ids, which are what the indexes have in order."""
    bounds = Q()
    if matching.since is not None:
        bounds &= Q(at__gte=matching.since)
        earlier = AuditEvent.objects.filter(at__lt=matching.since - OVERLAP).order_by("-at")
        bounds &= Q(id__gt=earlier.values_list("id", flat=True).first() or 0)
    if matching.until is not None:
        bounds &= Q(at__lt=matching.until)
        later = AuditEvent.objects.filter(at__gte=matching.until + OVERLAP).order_by("at")
        last = later.values_list("id", flat=True).first()
        bounds &= Q(id__lt=last) if last is not None else Q()
    return bounds


def _page(
    events: QuerySet[AuditEvent], matching: EventFilter, before: int | None, limit: int
) -> list[EventView]:
    if matching.code is not None:
        events = events.filter(code=matching.code) | events.filter(code__startswith=f"{matching.code}.")
    wanted = {
        "outcome": matching.outcome,
        "actor_id": matching.actor_id,
        "target_kind": matching.target_kind,
        "target_id": matching.target_id,
        "at__gte": matching.since,
        "at__lt": matching.until,
        "id__lt": before,
    }
    events = events.filter(**{name: value for name, value in wanted.items() if value is not None})
    return [_view(event) for event in events.select_related("leaf").order_by("-id")[:limit]]


def _view(event: AuditEvent) -> EventView:
    leaf: Leaf | None = getattr(event, "leaf", None)
    return EventView(
        id=event.id,
        at=event.at,
        code=event.code,
        outcome=event.outcome,
        actor=Actor(ActorKind(event.actor_kind), event.actor_id, event.ip),
        workspace_id=event.workspace_id,
        target_kind=event.target_kind,
        target_id=event.target_id,
        details=json.loads(event.details) if event.details else {},
        erased=event.salt is None,
        index=leaf.index if leaf else None,
    )
