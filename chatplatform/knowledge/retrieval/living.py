"""Of candidates, those that may be shown: rows decide, whatever vectors and words say. Reads the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import UUID

from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.models import Chunk, Collection, Index
from chatplatform.knowledge.rights import SearchScope

BY_IDS_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Living:
    """A candidate with a row. `name` is the same for the same words in one collection."""

    chunk_id: UUID
    index_id: UUID
    document_id: UUID
    collection_id: UUID
    name: str


def live_indexes(scope: SearchScope, of_index: UUID | None = None) -> list[Index]:
    """The indexes that answer for the scope's collections now; where one is named, that one alone."""
    with workspace_scope(scope.workspace_id):
        if of_index is not None:
            named = Index.objects.filter(
                id=of_index, collection_id__in=scope.collection_ids, collection__deleted_at=None
            )
            return list(named.select_related("collection"))
        collections = Collection.objects.filter(
            id__in=scope.collection_ids, deleted_at=None, live_index__isnull=False
        ).select_related("live_index")
        return [_index_of(collection) for collection in collections.order_by("id")]


def living(
    scope: SearchScope, indexes: Sequence[Index], chunk_ids: Sequence[UUID], *, enough: int
) -> dict[UUID, Living]:
    """Of candidates in their order, the first `enough` or some more whose chunk is there, in one of these indexes. A
    chunk goes with its document, in one transaction."""
    collection_of = {index.id: index.collection_id for index in indexes}
    found: dict[UUID, Living] = {}
    with workspace_scope(scope.workspace_id):
        for some in in_parts(chunk_ids):
            rows = Chunk.objects.filter(id__in=some).values_list("id", "index_id", "document_id", "name")
            for id, index_id, document_id, name in rows:
                if index_id in collection_of:
                    found[id] = Living(id, index_id, document_id, collection_of[index_id], name)
            if len(found) >= enough:
                break
    return found


def in_parts(chunk_ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """So few at a time that SQLite looks each up: asked for a hundred, it goes through all of the workspace's."""
    rest = iter(chunk_ids)
    while part := list(islice(rest, BY_IDS_AT_ONCE)):
        yield part


def _index_of(collection: Collection) -> Index:
    index = collection.live_index
    assert index is not None  # asked for
    index.collection = collection
    return index
