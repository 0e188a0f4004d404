"""How a document is cut into passages, with the sizes of its collection or others."""

from __future__ import annotations

from uuid import UUID

from ninja import Field, Query, Router, Schema

from chatplatform.accounts.permissions import Permission
from chatplatform.api.callers import Access, ApiRequest
from chatplatform.api.cursors import at_number, cursor
from chatplatform.api.documentation import FINDS, answers
from chatplatform.api.resources.knowledge_documents import DOCUMENT
from chatplatform.api.schemas import NextCursor, Page
from chatplatform.knowledge.chunk_preview import document_preview
from chatplatform.knowledge.chunk_sizes import LEAST_TOKENS, MOST_TOKENS

router = Router(tags=["Knowledge"])
READ = Access(Permission.KNOWLEDGE_READ)


class ChunkOut(Schema):
    """A passage as it would be. `context` is what it stands under, `part` counts the parts that are read together;
    `start` and `end` are characters of the document's text, `page` counts from 1, 0 where there are none."""

    number: int
    context: str
    text: str
    start: int
    end: int
    page: int
    tokens: int
    part: int
    is_overlong: bool


class ChunksOut(Schema):
    """Passages of `chunk_tokens` tokens at most; the collection is indexed with `present_tokens`. `overlong` have more
    all the same, and `is_cut` says that there is more than is indexed of one document. The figures are of all."""

    chunk_tokens: int
    present_tokens: int
    chunks: int
    parts: int
    tokens: int
    mean: float
    largest: int
    overlong: int
    is_cut: bool
    items: list[ChunkOut]
    next: NextCursor


class ChunksPage(Page):
    chunk_tokens: int | None = Field(
        None, ge=LEAST_TOKENS, le=MOST_TOKENS, description="Null: as the collection is indexed."
    )


@router.get(
    f"{DOCUMENT}/chunks",
    response=answers(ChunksOut, errors=FINDS),
    auth=READ,
    summary="Preview a document's passages",
)
def preview_chunks(request: ApiRequest, document_id: UUID, page: Query[ChunksPage]) -> ChunksOut:
    """Computed from the text that was read; no model is asked and nothing is kept."""
    after = at_number(page.after)
    found = document_preview(
        request.caller.id,
        document_id,
        page.chunk_tokens,
        after=-1 if after is None else after,
        limit=page.limit,
        actor=request.caller.actor,
    )
    made = found.made
    return ChunksOut(
        chunk_tokens=found.chunk_tokens,
        present_tokens=found.present_tokens,
        chunks=made.chunks,
        parts=len(made.parents),
        tokens=made.tokens,
        mean=made.mean,
        largest=made.largest,
        overlong=made.overlong,
        is_cut=made.is_cut,
        items=[
            ChunkOut(
                number=chunk.number,
                context=chunk.context,
                text=chunk.text,
                start=chunk.start,
                end=chunk.end,
                page=chunk.first_page,
                tokens=chunk.tokens,
                part=chunk.parent,
                is_overlong=chunk.tokens > made.most,
            )
            for chunk in made.shown
        ],
        next=cursor(made.next) if made.next is not None else None,
    )
