"""Which passages a model is asked about: of different documents first, the same ones for the same rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from chatplatform.knowledge.chunk_text import chunk_text
from chatplatform.knowledge.models import Chunk
from chatplatform.knowledge.quality.content import passage_of
from chatplatform.knowledge.quality.matching import says
from chatplatform.knowledge.quality.models import GoldenPlace, Proposal

# a passage that is shorter is a title, a line of a table, a greeting
LEAST_TOKENS: Final = 12


def chosen_passages(collection_id: UUID, index_id: UUID, most: int) -> list[UUID]:
    """Ids of at most so many chunks that no golden question and no proposal is about; documents that have fewer of
    those come first, and passages of which nothing came the last time come last."""
    places = defaultdict(list)
    for place in GoldenPlace.objects.filter(question__collection_id=collection_id):
        places[place.document_id].append(place)
    asked = {
        (document_id, name): state
        for document_id, name, state in Proposal.objects.filter(collection_id=collection_id).values_list(
            "document_id", "chunk_name", "state"
        )
    }
    taken = Counter(document_id for document_id, _name in asked)
    taken.update({document_id: len(found) for document_id, found in places.items()})
    # names are keyed hashes: their order spreads over a document, and over documents
    rows = Chunk.objects.filter(index_id=index_id, tokens__gte=LEAST_TOKENS).order_by("name", "id")
    waiting: list[tuple[bool, int, UUID, UUID]] = []
    for chunk_id, document_id, name in rows.values_list("id", "document_id", "name").iterator(
        chunk_size=2000
    ):
        state = asked.get((document_id, name))
        if state in (None, Proposal.State.LEFT_OUT):
            waiting.append((state is not None, taken[document_id], document_id, chunk_id))
            taken[document_id] += 1
    waiting.sort(key=lambda one: one[:2])
    covering = {document_id: [passage_of(place) for place in found] for document_id, found in places.items()}
    found: list[UUID] = []
    for _again, _taken, document_id, chunk_id in waiting:
        if len(found) == most:
            break
        if not _is_covered(chunk_id, covering.get(document_id, ())):
            found.append(chunk_id)
    return found


def _is_covered(chunk_id: UUID, golden_passages: Sequence[str]) -> bool:
    """Whether a golden question is about this very passage; one that any passage of its document answers is not."""
    wanted = [passage for passage in golden_passages if passage]
    if not wanted:
        return False
    row = Chunk.objects.filter(id=chunk_id).first()
    return row is None or any(says(chunk_text(row).text, passage) for passage in wanted)
