"""The sources of answers, inside a workspace scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.chat.knowledge.rows import readable
from chatplatform.chat.models import Turn
from chatplatform.chat.sources.content import source_of
from chatplatform.chat.sources.models import SourceKind, TurnSource
from chatplatform.chat.sources.passages import Source
from chatplatform.common.errors import NotFound
from chatplatform.privacy.subjects import Subject


def sources_of_turn(person_id: UUID, turn_id: UUID) -> list[Source]:
    """All that may still be read, by number. Raises NotFound for a turn that is not the person's."""
    if not Turn.objects.filter(id=turn_id, owner_id=person_id).exists():
        raise NotFound("turn_not_found", _("This answer does not exist, or it is not yours."))
    return sources_of_turns(person_id, [turn_id]).get(turn_id, [])


def source_of_turn(person_id: UUID, turn_id: UUID, number: int) -> Source:
    """Raises NotFound for a turn that is not the person's, and for a number that it has no source of."""
    for source in sources_of_turn(person_id, turn_id):
        if source.number == number:
            return source
    raise NotFound("source_not_found", _("This answer has no source of that number."))


def sources_of_turns(owner_id: UUID, turn_ids: Collection[UUID]) -> dict[UUID, list[Source]]:
    """Those of several turns of one person, by turn and number; nothing for a turn without."""
    found: dict[UUID, list[Source]] = defaultdict(list)
    if turn_ids:
        rows = TurnSource.objects.filter(turn_id__in=turn_ids, turn__owner_id=owner_id).order_by("number")
        owner = Subject.person(owner_id)
        for row in _still_readable(owner_id, list(rows)):
            found[row.turn_id].append(source_of(row, owner))
    return found


def _still_readable(owner_id: UUID, rows: list[TurnSource]) -> list[TurnSource]:
    """But for passages of documents that are gone, or that the person may not search any more."""
    named = {row.document_id for row in rows if row.kind == SourceKind.DOCUMENT and row.document_id}
    there = readable(owner_id, named) if named else frozenset()
    return [row for row in rows if row.document_id not in named or row.document_id in there]


def source_numbers(turn_id: UUID) -> frozenset[int]:
    """Which numbers of an answer are citations."""
    return frozenset(TurnSource.objects.filter(turn_id=turn_id).values_list("number", flat=True))
