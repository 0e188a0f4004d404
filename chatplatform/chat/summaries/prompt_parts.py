"""Summaries as a source of prompt parts. Which one a prompt holds is chosen where the history is cut
(chat/prompt_building.py); here only an earlier prompt's text is found again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chatplatform.chat.summaries.content import in_prompt, text_of_summary
from chatplatform.chat.summaries.models import Summary
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.parts import Origin, Part, PartRef, PartsRequest


class SummaryTexts:
    @property
    def origins(self) -> tuple[Origin, ...]:
        return ("summary",)

    async def parts(self, request: PartsRequest) -> Sequence[Part]:
        return ()

    def text_again(self, part: PartRef, *, owner_id: UUID) -> str | None:
        row = Summary.objects.filter(id=part.ref, conversation__owner_id=owner_id, removed_at=None).first()
        return in_prompt(text_of_summary(row, Subject.person(owner_id))) if row is not None else None
