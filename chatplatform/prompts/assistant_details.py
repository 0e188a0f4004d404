"""Assistants with everything that makes them, for who may manage them; in the open workspace scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.common.errors import NotFound
from chatplatform.prompts.models import Assistant
from chatplatform.prompts.queries import may_use
from chatplatform.prompts.sampling import SamplingSettings, parse_sampling


@dataclass(frozen=True, slots=True)
class AssistantDetails:
    """An assistant as it is stored. `group_ids` None means everybody; `model` empty is the chat model."""

    id: UUID
    name: str
    description: str
    translations: Mapping[str, Mapping[str, str]]
    starters: Mapping[str, list[str]]
    prompt_id: UUID
    model: str
    sampling: SamplingSettings
    group_ids: frozenset[UUID] | None
    is_default: bool
    is_demo: bool
    created_at: datetime
    archived_at: datetime | None


def assistant_list(*, archived: bool = False) -> list[AssistantDetails]:
    """Every assistant in use, or every archived one, the default first."""
    rows = Assistant.objects.filter(archived_at__isnull=not archived).order_by("-is_default", "name")
    return [_details(row) for row in rows.prefetch_related("audience_groups")]


def assistant_details(assistant_id: UUID, *, reader_id: UUID | None = None) -> AssistantDetails:
    """One assistant. With `reader_id`, only one in use that is open to this person. Raises NotFound."""
    row = Assistant.objects.filter(id=assistant_id).prefetch_related("audience_groups").first()
    if row is None or (reader_id is not None and not may_use(assistant_id, reader_id=reader_id)):
        raise NotFound("assistant_unknown", _("This assistant is no longer here. Choose another one."))
    return _details(row)


def _details(row: Assistant) -> AssistantDetails:
    return AssistantDetails(
        id=row.id,
        name=row.name,
        description=row.description,
        translations=row.translations,
        starters=row.starters,
        prompt_id=row.prompt_id,
        model=row.model,
        sampling=parse_sampling(row.sampling),
        group_ids=(
            None
            if row.audience == Assistant.Audience.EVERYBODY
            else frozenset(place.group_id for place in row.audience_groups.all())
        ),
        is_default=row.is_default,
        is_demo=row.is_demo,
        created_at=row.created_at,
        archived_at=row.archived_at,
    )
