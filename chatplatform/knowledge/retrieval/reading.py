"""The texts of passages that were chosen, and what stands around them. Synchronous: reads the database.

What stands around a passage is put together from the chunks beside it, so no document is opened for a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.chunk_text import ChunkText, chunk_text
from chatplatform.knowledge.content import Field, field_of
from chatplatform.knowledge.models import Chunk, Document
from chatplatform.knowledge.retrieval.found import Passage, Score
from chatplatform.knowledge.retrieval.living import Living, in_parts


@dataclass(frozen=True, slots=True)
class Read:
    """A chunk with its words."""

    row: Chunk
    said: ChunkText = field(repr=False)


def read(workspace_id: UUID, chunk_ids: Iterable[UUID]) -> dict[UUID, Read]:
    """Raises KeysUnavailable, ContentErased, ContentUnreadable."""
    with workspace_scope(workspace_id):
        return {
            row.id: Read(row, chunk_text(row))
            for part in in_parts(chunk_ids)
            for row in Chunk.objects.filter(id__in=part)
        }


def passages(
    workspace_id: UUID, chosen: Sequence[tuple[Living, Score]], read_chunks: Mapping[UUID, Read]
) -> list[Passage]:
    """The chosen as people read them, in their order; without those that went away meanwhile."""
    with workspace_scope(workspace_id):
        documents = {
            row.id: row for row in Document.objects.filter(id__in={one.document_id for one, _ in chosen})
        }
        kept = [
            (one, score)
            for one, score in chosen
            if one.document_id in documents and one.chunk_id in read_chunks
        ]
        beside = _beside([read_chunks[one.chunk_id].row for one, _ in kept])
        return [_passage(one, score, read_chunks[one.chunk_id], documents, beside) for one, score in kept]


def _passage(
    one: Living,
    score: Score,
    chunk: Read,
    documents: Mapping[UUID, Document],
    beside: Mapping[UUID, Sequence[Chunk]],
) -> Passage:
    row, document = chunk.row, documents[one.document_id]
    around = [each for each in beside.get(document.id, ()) if each.parent_start == row.parent_start]
    return Passage(
        chunk_id=row.id,
        document_id=document.id,
        collection_id=one.collection_id,
        number=row.number,
        title=field_of(document, Field.TITLE) or field_of(document, Field.NAME),
        origin=field_of(document, Field.ORIGIN),
        context=chunk.said.context,
        text=chunk.said.text,
        before=_joined([each for each in around if each.number < row.number], row.parent_start, row.start),
        after=_joined([each for each in around if each.number > row.number], row.end, row.parent_end),
        start=row.start,
        end=row.end,
        page=row.page,
        tokens=row.tokens,
        score=score,
    )


def _beside(rows: Sequence[Chunk]) -> dict[UUID, list[Chunk]]:
    """Chunks of the same parents, by document, in their order."""
    wanted = [row for row in rows if row.parent_start < row.start or row.end < row.parent_end]
    found: dict[UUID, list[Chunk]] = {}
    if wanted:
        # chunks of one parent have its beginning in common; of other documents' parents there are few too many
        others = Chunk.objects.filter(
            index_id__in={row.index_id for row in wanted},
            document_id__in={row.document_id for row in wanted},
            parent_start__in={row.parent_start for row in wanted},
        )
        for other in others.order_by("number"):
            found.setdefault(other.document_id, []).append(other)
    return found


def _joined(chunks: Sequence[Chunk], start: int, end: int) -> str:
    """The text from `start` to `end`, of chunks that follow one another and may repeat a little of the one before."""
    pieces: list[str] = []
    at = start
    for row in chunks:
        if row.end <= at or row.start >= end:
            continue
        text = chunk_text(row).text
        if len(text) == row.end - row.start:
            text = text[max(0, at - row.start) : end - row.start]
        if row.start > at and pieces:
            pieces.append("\n" if row.start - at > 1 else " ")
        pieces.append(text)
        at = row.end
    return "".join(pieces)
