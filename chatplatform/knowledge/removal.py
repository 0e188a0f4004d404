"""Takes away what was made of documents: rows and terms at once, files and vectors right after the commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction

from chatplatform.common.actors import Actor
from chatplatform.knowledge import content, work
from chatplatform.knowledge.index import services as lexical
from chatplatform.knowledge.models import Chunk, Document, Index, IndexEntry, VectorRemoval

AT_ONCE: Final = 500


def remove_document(document: Document, actor: Actor) -> int:
    """Everything of a document, inside the caller's transaction; gives how many chunks it had."""
    removed = 0
    for index in Index.objects.filter(entries__document=document):
        ids = list(
            Chunk.objects.filter(index=index, document=document)
            .order_by("number")
            .values_list("id", flat=True)
        )
        remove_chunks(index, ids, actor)
        removed += len(ids)
    document.delete()
    return removed


def remove_chunks(index: Index, chunk_ids: Sequence[UUID], actor: Actor) -> None:
    """Chunks of an index with their terms, and their vectors soon after; inside the caller's transaction."""
    if chunk_ids:
        forget_chunks(index, chunk_ids)
        remove_vectors(index, chunk_ids, actor)


def forget_chunks(index: Index, chunk_ids: Sequence[UUID]) -> None:
    """Chunks of an index with their terms, whatever becomes of their vectors; inside the caller's transaction."""
    lexical.remove_chunks(index, chunk_ids)
    for part in _parts(chunk_ids):
        Chunk.objects.filter(index=index, id__in=part).delete()


def remove_vectors(index: Index, chunk_ids: Sequence[UUID] | None, actor: Actor) -> None:
    """Have vectors removed from the store, None: the whole of the index; inside the caller's transaction."""
    parts = [None] if chunk_ids is None else [[str(each) for each in part] for part in _parts(chunk_ids)]
    VectorRemoval.objects.bulk_create(
        VectorRemoval(workspace_id=index.workspace_id, vectors_name=index.vectors_name, chunk_ids=part)
        for part in parts
    )
    work.have_vectors_removed(index.workspace_id, actor)


def remove_index(index: Index, actor: Actor) -> None:
    """An index with what is left in it; its terms go by cascade, its vectors as a whole."""
    with transaction.atomic():
        remove_vectors(index, None, actor)
        index.delete()


def forget_file(file_id: UUID) -> None:
    """A file and its text go with the commit. A process that dies in between leaves them to the chore for orphans."""
    transaction.on_commit(partial(_remove_unless_used, file_id), robust=True)


def _remove_unless_used(file_id: UUID) -> None:
    """The text that an index was made of stays until the index is made of another one."""
    if Document.objects.filter(file_id=file_id).exists():
        return
    if IndexEntry.objects.filter(text_id=file_id).exists():
        content.path_of(file_id).unlink(missing_ok=True)
        return
    content.remove_parts(file_id)


def _parts(chunk_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for at in range(0, len(chunk_ids), AT_ONCE):
        yield chunk_ids[at : at + AT_ONCE]
