"""Which summaries hold for a branch, and what they say. In a workspace scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat.models import Message, Turn
from chatplatform.chat.protocol import SummaryView
from chatplatform.chat.summaries.content import in_prompt, text_of_summary
from chatplatform.chat.summaries.models import Summary
from chatplatform.chat.tree import path_before
from chatplatform.common.errors import NotFound
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.parts import Part


@dataclass(frozen=True, slots=True)
class PastSummary:
    """A summary of the messages up to `last_number`, `messages` of them; `skipped` still older ones are in none."""

    id: UUID
    last_number: int
    messages: int
    skipped: int
    text: str = field(repr=False)

    @property
    def part(self) -> Part:
        return Part("summary", in_prompt(self.text), ref=str(self.id))


@dataclass(frozen=True, slots=True)
class SummaryDetails:
    """A summary for its owner. `last_message_id` is where it ends."""

    id: UUID
    conversation_id: UUID
    last_message_id: UUID
    messages: int
    model: str
    created_at: datetime
    text: str = field(repr=False)


def summaries_before(question: Message, owner: Subject) -> list[PastSummary]:
    """The summaries that hold for what was said before this question, the shortest reach first."""
    rows = list(
        Summary.objects.filter(
            conversation_id=question.conversation_id,
            last_number__lt=question.number,
            removed_at=None,
        ).order_by("last_number")
    )
    if not rows:
        return []
    path = path_before(question)
    ends = set(path.filter(id__in=[row.last_message_id for row in rows]).values_list("id", flat=True))
    found = []
    for row in rows:
        if row.last_message_id in ends and not has_changed(row):
            skipped = path.filter(number__lt=row.first_number).count() if row.first_number > 1 else 0
            found.append(
                PastSummary(row.id, row.last_number, row.messages, skipped, text_of_summary(row, owner))
            )
    return found


def summarised_messages(message_ids: Collection[UUID]) -> dict[UUID, SummaryView]:
    """The summaries that end with one of these messages, by message."""
    rows = Summary.objects.filter(last_message_id__in=message_ids, removed_at=None)
    return {
        row.last_message_id: SummaryView(id=row.id, messages=row.messages)
        for row in rows
        if not has_changed(row)
    }


def summary_of(person_id: UUID, summary_id: UUID) -> SummaryDetails:
    """Raises NotFound when it does not exist, was deleted, or is of another person's conversation."""
    row = own_summary(person_id, summary_id)
    return _details(row, person_id)


def summaries_of(person_id: UUID, conversation_id: UUID) -> list[SummaryDetails]:
    """Those of the shown branch, oldest first; none for a conversation that is not the person's."""
    rows = Summary.objects.filter(
        conversation_id=conversation_id,
        conversation__owner_id=person_id,
        last_message__on_path=True,
        removed_at=None,
    ).order_by("last_number")
    return [_details(row, person_id) for row in rows if not has_changed(row)]


def own_summary(person_id: UUID, summary_id: UUID) -> Summary:
    row = (
        Summary.objects.filter(id=summary_id, conversation__owner_id=person_id, removed_at=None)
        .select_related("conversation")
        .first()
    )
    if row is None:
        raise NotFound("summary_not_found", _("This summary does not exist any more."))
    return row


def _details(row: Summary, person_id: UUID) -> SummaryDetails:
    return SummaryDetails(
        id=row.id,
        conversation_id=row.conversation_id,
        last_message_id=row.last_message_id,
        messages=row.messages,
        model=row.model,
        created_at=row.created_at,
        text=text_of_summary(row, Subject.person(person_id)),
    )


def has_changed(row: Summary) -> bool:
    """Whether something that it tells of was put into other words since, or an answer gone on with."""
    past = Message.objects.filter(
        conversation_id=row.conversation_id, on_path=True, number__lte=row.last_number
    )
    if past.filter(created_at__gt=row.created_at).exists():
        return True
    return Turn.objects.filter(answer__in=past, finished_at__gt=row.created_at).exists()
