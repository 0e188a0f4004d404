"""The rows that keep what questions were given. In a workspace scope; every read is of one person's own.

What was given is theirs to read only as long as the documents are there and they may search the collections: both are
asked of the rows each time.
"""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import F

from chatplatform.accounts.queries import membership_of
from chatplatform.chat.knowledge.given import Given, GivenPassage, given_of, sealed_given
from chatplatform.chat.knowledge.models import AnswerEvidence, GivenPassages
from chatplatform.chat.models import Turn
from chatplatform.chat.sources.models import SourceKind, TurnSource
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.common.scope import all_workspaces, current_workspace_id
from chatplatform.knowledge import rights
from chatplatform.knowledge.models import Collection, Document
from chatplatform.privacy.errors import ContentUnreadable
from chatplatform.privacy.subjects import Subject


@dataclass(frozen=True, slots=True)
class GivenRow:
    """What one question was given."""

    id: UUID
    message_id: UUID
    assistant_id: UUID
    version: int
    given: Given = field(repr=False)

    @property
    def ref(self) -> str:
        return f"{self.id}:{self.version}"


def of_messages(owner_id: UUID, message_ids: Sequence[UUID]) -> list[GivenRow]:
    """What these messages were given and the person may still read, in the order of the messages."""
    places = {message_id: place for place, message_id in enumerate(message_ids)}
    rows = [row for row in (_row(one) for one in _rows(owner_id, message_ids)) if row is not None]
    documents = readable(owner_id, {passage.document_id for row in rows for passage in row.given.passages})
    kept = [row for row in rows if all(one.document_id in documents for one in row.given.passages)]
    return sorted(kept, key=lambda row: places[row.message_id])


def readable(person_id: UUID, document_ids: Many[UUID]) -> frozenset[UUID]:
    """Of these documents, those that are there and that the person may search now."""
    place = membership_of(person_id, current_workspace_id()) if document_ids else None
    if place is None or not place.is_active:
        return frozenset()
    collections = Collection.objects.filter(rights.searchable_by(place), deleted_at=None)
    rows = Document.objects.filter(id__in=list(document_ids), collection__in=collections)
    return frozenset(rows.values_list("id", flat=True))


def keep(owner_id: UUID, message_id: UUID, assistant_id: UUID, given: Given) -> GivenRow | None:
    """Store what a question is given, in the place of what it was given before. None for a message that is gone."""
    owner = Subject.person(owner_id)
    with transaction.atomic():
        row = GivenPassages.objects.select_for_update().filter(message_id=message_id).first()
        if row is None:
            row = GivenPassages(
                workspace_id=current_workspace_id(), message_id=message_id, assistant_id=assistant_id
            )
            row.content, row.document_ids = sealed_given(owner, row.id, given), _documents(given)
            GivenPassages.objects.bulk_create([row], ignore_conflicts=True)
        else:
            row.assistant_id = assistant_id
            row.content, row.document_ids = sealed_given(owner, row.id, given), _documents(given)
            row.version = F("version") + 1
            row.save(update_fields=["assistant_id", "content", "document_ids", "version"])
        # where another process was quicker, what it stored is taken
        stored = _rows(owner_id, [message_id])
    return _row(stored[0]) if stored else None


def give_all_again(messages: Mapping[UUID, UUID], *, owner_id: UUID) -> None:
    """Give copies of messages what the copied ones were given: by the copied one's id, the copy's."""
    owner = Subject.person(owner_id)
    copies = []
    for row in of_messages(owner_id, list(messages)):
        copy = GivenPassages(
            workspace_id=current_workspace_id(),
            message_id=messages[row.message_id],
            assistant_id=row.assistant_id,
        )
        copy.content, copy.document_ids = sealed_given(owner, copy.id, row.given), _documents(row.given)
        copies.append(copy)
    GivenPassages.objects.bulk_create(copies)


def given_again(ref: str, *, owner_id: UUID) -> Given | None:
    """What the part with this ref was made of; None where it was given anew since, is gone, or may not be read."""
    row_id, _colon, version = ref.partition(":")
    try:
        wanted = UUID(row_id), int(version)
    except ValueError:
        return None
    found = GivenPassages.objects.filter(
        id=wanted[0], version=wanted[1], message__conversation__owner_id=owner_id
    ).first()
    row = _row(found, owner_id) if found is not None else None
    if row is None:
        return None
    documents = readable(owner_id, {passage.document_id for passage in row.given.passages})
    return row.given if all(one.document_id in documents for one in row.given.passages) else None


def last_number(owner_id: UUID, message_ids: Many[UUID]) -> int:
    """The highest number that any passage of these messages has, readable or not; 0 without one."""
    rows = (_row(one, owner_id) for one in _rows(owner_id, message_ids))
    return max((passage.number for row in rows if row for passage in row.given.passages), default=0)


def confidences(owner_id: UUID, turn_id: UUID) -> dict[int, float]:
    """How sure it was of each passage of the turn's conversation that it answers its question, by number."""
    conversations = Turn.objects.filter(id=turn_id, owner_id=owner_id).values("conversation_id")
    rows = GivenPassages.objects.filter(message__conversation_id__in=conversations)
    found = (_row(one, owner_id) for one in rows)
    return {one.number: one.confidence for row in found if row for one in row.given.passages}


def looked_up(owner_id: UUID, turn_id: UUID) -> str:
    """What was looked up for the turn's question, where that is more than the question; the person's own words."""
    turn = Turn.objects.filter(id=turn_id, owner_id=owner_id).first()
    rows = _rows(owner_id, [turn.question_id]) if turn is not None else []
    found = _row(rows[0], owner_id) if rows else None
    return found.given.asked if found is not None else ""


def cite(turn_id: UUID, passages: Iterable[GivenPassage]) -> None:
    """Let the answer's numbers open the passages."""
    found: dict[int, Source] = {}
    for passage in passages:
        source = passage.source
        if source is not None:
            found.setdefault(source.number, source)
    keep_sources(turn_id, list(found.values()), kind="document")


def forget_gone() -> int:
    """Remove what was given and cited of documents that are there no more, in every workspace; how many rows."""
    with all_workspaces("documents go in every workspace"), transaction.atomic():
        cited = TurnSource.objects.filter(kind=SourceKind.DOCUMENT, document_id__isnull=False)
        gone = cited.exclude(document_id__in=Document.objects.values("id"))
        ids = {str(document_id) for document_id in gone.values_list("document_id", flat=True)}
        if not ids:
            return 0
        questions = Turn.objects.filter(id__in=gone.values("turn_id")).values("question_id")
        rows = GivenPassages.objects.filter(message_id__in=questions).only("id", "document_ids")
        given = [row.id for row in rows if ids & set(row.document_ids)]
        removed, _by_model = GivenPassages.objects.filter(id__in=given).delete()
        AnswerEvidence.objects.filter(turn_id__in=gone.values("turn_id")).delete()
        sources, _by_model = gone.delete()
    return removed + sources


def _documents(given: Given) -> list[str]:
    return sorted({str(passage.document_id) for passage in given.passages})


def _rows(owner_id: UUID, message_ids: Many[UUID]) -> list[GivenPassages]:
    rows = GivenPassages.objects.filter(
        message_id__in=list(message_ids), message__conversation__owner_id=owner_id
    )
    return list(rows.select_related("message__conversation"))


def _row(row: GivenPassages, owner_id: UUID | None = None) -> GivenRow | None:
    owner = Subject.person(owner_id or row.message.conversation.owner_id)
    try:
        given = given_of(owner, row.id, bytes(row.content))
    except ContentUnreadable:
        return None
    return GivenRow(row.id, row.message_id, row.assistant_id, row.version, given)
