"""Gaps as editors see them: questions without names. In a workspace scope; that they were read is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, Sum

from chatplatform.audit.services import record
from chatplatform.common.actors import Actor
from chatplatform.common.scope import current_workspace_id
from chatplatform.knowledge import rights
from chatplatform.knowledge.gaps import audit_events as events
from chatplatform.knowledge.gaps.content import question_of
from chatplatform.knowledge.gaps.models import Gap
from chatplatform.knowledge.models import AssistantCollection, Collection

MOST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class GapView:
    """A question that several people may have asked: `id` names one of the rows, `people` counts who asked it, `times`
    how often, `cause` is the one of that row. `confidence` is of the closest passage when it was asked first."""

    id: UUID
    assistant_id: UUID
    assistant: str
    question: str = field(repr=False)
    language: str
    people: int
    times: int
    cause: str
    state: str
    confidence: float | None
    document_id: UUID | None
    first_asked_at: datetime
    asked_at: datetime


def editable_assistants(person_id: UUID) -> list[UUID]:
    """Assistants that answer from a collection whose documents this person may change."""
    place = rights.place_of(person_id)
    editable = Collection.objects.filter(rights.editable_by(place), deleted_at=None)
    links = AssistantCollection.objects.filter(collection__in=editable)
    return list(links.values_list("assistant_id", flat=True).distinct())


def open_gaps(person_id: UUID) -> int:
    """How many different questions wait for this person."""
    rows = Gap.objects.filter(state=Gap.State.OPEN, assistant_id__in=editable_assistants(person_id))
    return rows.values("assistant_id", "likeness").distinct().count()


def read_gaps(
    *, state: str = Gap.State.OPEN, assistant_id: UUID | None = None, limit: int = MOST_SHOWN, actor: Actor
) -> list[GapView]:
    """Those that the actor may answer: what most people asked first, then the newest. What cannot be opened any more,
    because the person was erased, is left out."""
    allowed = editable_assistants(UUID(actor.id))
    rows = Gap.objects.filter(state=state, assistant_id__in=allowed)
    if assistant_id is not None:
        rows = rows.filter(assistant_id=assistant_id)
    groups = (
        rows.values("assistant_id", "likeness")
        .annotate(people=Count("id"), asked=Sum("times"), last=Max("asked_at"), first=Min("created_at"))
        .order_by("-people", "-last")[: min(limit, MOST_SHOWN)]
    )
    found = []
    for group in groups:
        alike = rows.filter(assistant_id=group["assistant_id"], likeness=group["likeness"])
        for gap in alike.select_related("assistant").order_by("created_at", "id"):
            question = question_of(gap)
            if question is not None:
                found.append(
                    _view(gap, question, group["people"], group["asked"], group["first"], group["last"])
                )
                break
    if found:
        with transaction.atomic():
            record(
                events.GAPS_READ,
                actor=actor,
                workspace_id=current_workspace_id(),
                details={"items": len(found)},
            )
    return found


def _view(gap: Gap, question: str, people: int, times: int, first: datetime, last: datetime) -> GapView:
    return GapView(
        id=gap.id,
        assistant_id=gap.assistant_id,
        assistant=gap.assistant.name,
        question=question,
        language=gap.language,
        people=people,
        times=times,
        cause=gap.cause,
        state=gap.state,
        confidence=gap.confidence,
        document_id=gap.document_id,
        first_asked_at=first,
        asked_at=last,
    )
