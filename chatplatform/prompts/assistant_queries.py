"""Assistants as those see them who look after them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef

from chatplatform.prompts.models import Assistant, PromptLabel
from chatplatform.prompts.queries import CHAT_MODEL


@dataclass(frozen=True, slots=True)
class AssistantSummary:
    """`groups` is None for an assistant that is everybody's. `has_release` false: it cannot answer."""

    id: UUID
    name: str
    description: str
    prompt_id: UUID
    prompt_name: str
    model: str
    groups: tuple[str, ...] | None
    is_default: bool
    is_demo: bool
    is_archived: bool
    has_release: bool


def assistant_list(*, archived: bool | None = False) -> list[AssistantSummary]:
    """The workspace's assistants, the default first; None for those in use and the archived ones."""
    released = PromptLabel.objects.filter(prompt=OuterRef("prompt"), name=PromptLabel.PRODUCTION)
    rows = Assistant.objects.select_related("prompt").prefetch_related("audience_groups__group")
    if archived is not None:
        rows = rows.filter(archived_at__isnull=not archived)
    rows = rows.annotate(has_release=Exists(released)).order_by("-is_default", "name")
    return [
        AssistantSummary(
            row.id,
            row.name,
            row.description,
            row.prompt_id,
            row.prompt.name,
            row.model or CHAT_MODEL,
            None
            if row.audience == Assistant.Audience.EVERYBODY
            else tuple(sorted(place.group.name for place in row.audience_groups.all())),
            row.is_default,
            row.is_demo,
            row.archived_at is not None,
            row.has_release,
        )
        for row in rows
    ]
