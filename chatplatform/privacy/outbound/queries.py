"""What left this machine, inside a workspace scope: for one conversation, one person, or everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, QuerySet, Sum

from chatplatform.privacy.outbound.models import OutboundRequest


@dataclass(frozen=True, slots=True)
class OutboundView:
    """One request: when, where to and why. `sent_bytes` is None where the length was not known."""

    id: int
    at: datetime
    host: str
    purpose: str
    sent_bytes: int | None
    person_id: UUID | None
    conversation_id: UUID | None


@dataclass(frozen=True, slots=True)
class HostUse:
    """How much went to one host."""

    host: str
    requests: int
    sent_bytes: int
    last_at: datetime


def left_for(conversation_id: UUID) -> int:
    """How many requests left for a conversation. The caller knows that it may ask."""
    return OutboundRequest.objects.filter(conversation_id=conversation_id).count()


def outbound_page(
    *,
    conversation_id: UUID | None = None,
    person_id: UUID | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[OutboundView]:
    """The newest first, before the one with the number `before`."""
    rows = _of(conversation_id, person_id).order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [
        OutboundView(
            row.id, row.at, row.host, row.purpose, row.sent_bytes, row.person_id, row.conversation_id
        )
        for row in rows[:limit]
    ]


def outbound_count(*, conversation_id: UUID | None = None, person_id: UUID | None = None) -> int:
    return _of(conversation_id, person_id).count()


def by_host(*, since: datetime | None = None) -> list[HostUse]:
    """Where things went, most requests first."""
    rows = OutboundRequest.objects.all()
    if since is not None:
        rows = rows.filter(at__gte=since)
    grouped = rows.values("host").annotate(requests=Count("id"), sent=Sum("sent_bytes"), last=Max("at"))
    return [
        HostUse(row["host"], row["requests"], row["sent"] or 0, row["last"])
        for row in grouped.order_by("-requests", "host")
    ]


def _of(conversation_id: UUID | None, person_id: UUID | None) -> QuerySet[OutboundRequest]:
    rows = OutboundRequest.objects.all()
    if conversation_id is not None:
        rows = rows.filter(conversation_id=conversation_id)
    if person_id is not None:
        rows = rows.filter(person_id=person_id)
    return rows
