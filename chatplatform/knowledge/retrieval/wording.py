"""What is looked up for a question: itself, and where the encoder reads English only, its translation beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from chatplatform.common.actors import Actor
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.retrieval.encoders import present_encoder, reads_english_only
from chatplatform.knowledge.retrieval.translation import in_english, needs_english
from chatplatform.knowledge.rights import SearchScope


@dataclass(frozen=True, slots=True)
class Wording:
    """`english` is empty where none is needed, or where nobody translated: then it `is_unread` by the encoder."""

    asked: str = field(repr=False)
    english: str = field(default="", repr=False)
    is_unread: bool = False

    @property
    def for_meaning(self) -> str:
        """What the encoder is given; nothing where its vector would be near to anything."""
        return "" if self.is_unread else self.english or self.asked

    @property
    def for_words(self) -> tuple[str, ...]:
        return (self.asked, self.english) if self.english else (self.asked,)


async def worded(
    asked: str,
    scope: SearchScope,
    indexes: Sequence[Index],
    *,
    actor: Actor,
    turn_id: UUID | None,
    apart: UUID | None,
) -> Wording:
    """Raises PrivacyRefused, QuotaExceeded."""
    if not needs_english(asked) or not reads_english_only(await present_encoder() or indexes[0].encoder):
        return Wording(asked)
    if not settings.ENVIRONMENT.translate_questions:
        return Wording(asked, is_unread=True)
    english = await in_english(
        asked,
        person_id=scope.person_id,
        workspace_id=scope.workspace_id,
        actor=actor,
        turn_id=turn_id,
        apart=apart,
    )
    return Wording(asked, english, is_unread=not english)
