"""How a document is cut into chunks, with the sizes of its collection or others: no model is asked, nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from chatplatform.common.actors import Actor
from chatplatform.documents.kinds import ending_of
from chatplatform.documents.reading import read_document
from chatplatform.knowledge import document_acts, document_queries
from chatplatform.knowledge.chunk_sizes import DEFAULT_TOKENS, sizes_of
from chatplatform.knowledge.chunking.chunks import Sizes, chunked
from chatplatform.knowledge.chunking.preview import Preview, preview
from chatplatform.knowledge.ingestion import planning
from chatplatform.knowledge.ingestion.reading import LIMITS
from chatplatform.knowledge.ingestion.token_estimate import tokens_of
from chatplatform.knowledge.models import Collection


@dataclass(frozen=True, slots=True)
class DocumentPreview:
    """Cut to `chunk_tokens` tokens at most; `present_tokens` is what its collection is indexed with."""

    chunk_tokens: int
    present_tokens: int
    made: Preview


def present_tokens(collection_id: UUID) -> int:
    """What a chunk of this collection has at most, in the index that answers or will be made."""
    return _present(Collection.objects.select_related("live_index").get(id=collection_id)).most


def document_preview(
    person_id: UUID,
    document_id: UUID,
    chunk_tokens: int | None = None,
    *,
    after: int = -1,
    limit: int = 50,
    actor: Actor,
) -> DocumentPreview:
    """As far as the person may read it; the present sizes where none are chosen. `actor` is recorded as who opened it.

    Raises NotFound, also while there is no text, and InvalidInput.
    """
    collection, document = document_queries.readable_document(person_id, document_id)
    present = _present(collection)
    # the present sizes need not be those that would be chosen now
    sizes = present if chunk_tokens in (None, present.most) else sizes_of(chunk_tokens or 0)
    read = document_queries.text_of(person_id, document_id)
    document_acts.note_opened(document, "text", actor=actor)
    made = planning.cut(document, read, sizes)
    return DocumentPreview(sizes.most, present.most, preview(made, sizes, after=after, limit=limit))


def file_preview(
    parts: Iterable[bytes], name: str, chunk_tokens: int = DEFAULT_TOKENS, *, limit: int = 50
) -> Preview:
    """Of a file that is in no collection. Raises InvalidInput and DocumentUnreadable."""
    sizes = sizes_of(chunk_tokens)
    read = read_document(parts, ending=ending_of(name), limits=LIMITS)
    return preview(chunked(read, tokens_of, sizes), sizes, limit=limit)


def _present(collection: Collection) -> Sizes:
    return planning.sizes_of(collection.live_index) if collection.live_index else Sizes()
