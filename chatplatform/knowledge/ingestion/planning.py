"""What is to be done to have a document in an index: its chunks, and which of them are there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from chatplatform.documents.blocks import Document as ReadDocument
from chatplatform.knowledge import content
from chatplatform.knowledge.chunk_text import ChunkText
from chatplatform.knowledge.chunking.answers import chunked_answers
from chatplatform.knowledge.chunking.chunks import Chunked, Sizes, chunked
from chatplatform.knowledge.content import Field
from chatplatform.knowledge.ingestion.token_estimate import tokens_of
from chatplatform.knowledge.models import Chunk, Document, Index, IndexEntry


@dataclass(frozen=True, slots=True)
class Draft:
    """A chunk as it is to be written. `id` is the one that its row has; without a row it is made of index, document,
    revision and name: the same each time this is planned, and never one whose vector may still be on its way out."""

    id: UUID
    number: int
    name: str
    start: int
    end: int
    parent_start: int
    parent_end: int
    page: int
    tokens: int
    said: ChunkText = field(repr=False)


@dataclass(slots=True)
class Plan:
    """A document on its way into an index. `new` are to be embedded and written, `kept` are there,
    `gone` are those of an earlier revision that have to leave."""

    entry: IndexEntry
    document: Document
    title: str = field(repr=False)
    new: tuple[Draft, ...]
    kept: tuple[Draft, ...]
    gone: tuple[UUID, ...]
    tokens: int
    held: list[Draft] = field(default_factory=list)

    @property
    def is_first(self) -> bool:
        """Whether nothing of the document answers yet: then its chunks may come in one after the other."""
        return self.entry.revision == 0

    @property
    def chunks(self) -> int:
        return len(self.new) + len(self.kept)


def plan(entry: IndexEntry, key: bytes) -> Plan:
    """Read and cut the entry's document. `key` makes names. Raises ContentUnreadable, ContentErased."""
    index, document = entry.index, entry.document
    made = cut(document, content.text_of(document), sizes_of(index), key=key)
    present = dict(Chunk.objects.filter(index=index, document=document).values_list("name", "id"))
    drafts = [
        Draft(
            id=present.get(chunk.id) or uuid5(index.id, f"{document.id}:{document.revision}:{chunk.id}"),
            number=chunk.number,
            name=chunk.id,
            start=chunk.start,
            end=chunk.end,
            parent_start=made.parents[chunk.parent].start,
            parent_end=made.parents[chunk.parent].end,
            page=chunk.first_page,
            tokens=chunk.tokens,
            said=ChunkText(chunk.text, chunk.context),
        )
        for chunk in made.chunks
    ]
    wanted = {draft.name for draft in drafts}
    return Plan(
        entry,
        document,
        content.field_of(document, Field.TITLE) or content.field_of(document, Field.NAME),
        new=tuple(draft for draft in drafts if draft.name not in present),
        kept=tuple(draft for draft in drafts if draft.name in present),
        gone=tuple(chunk_id for name, chunk_id in present.items() if name not in wanted),
        tokens=sum(draft.tokens for draft in drafts),
    )


def cut(document: Document, read: ReadDocument, sizes: Sizes, *, key: bytes = b"") -> Chunked:
    """The chunks of a document's text: pairs of questions and answers stay pairs."""
    way = chunked_answers if document.source == Document.Kind.ANSWERS else chunked
    return way(read, tokens_of, sizes, key=key)


def sizes_of(index: Index) -> Sizes:
    """The lengths of chunks that the index was made with."""
    told: Mapping[str, int] = index.sizes
    return Sizes(**told)
