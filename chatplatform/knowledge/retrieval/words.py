"""Candidates by words. Synchronous: reads the database."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chatplatform.common.scope import workspace_scope
from chatplatform.knowledge.index.queries import lexical_scores
from chatplatform.knowledge.models import Index
from chatplatform.knowledge.ranking.bm25 import LexicalScore


def by_words(
    workspace_id: UUID, indexes: Sequence[Index], wordings: Sequence[str], *, most: int
) -> dict[UUID, LexicalScore]:
    """The best of all indexes together, by coverage: BM25 of two indexes cannot be compared. Of several wordings of a
    question each chunk has the score of the one that it fits better: as one they would share the coverage.

    Raises KeysUnavailable, ContentErased, ContentUnreadable.
    """
    with workspace_scope(workspace_id):
        found: dict[UUID, LexicalScore] = {}
        for index in indexes:
            for wording in wordings:
                for chunk_id, score in lexical_scores(index, wording, most=most).items():
                    if chunk_id not in found or score.coverage > found[chunk_id].coverage:
                        found[chunk_id] = score
    return dict(sorted(found.items(), key=lambda one: -one[1].coverage)[:most])
