"""Not the same thing ten times: orders made more varied, at a price in relevance that the caller names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, TypeVar

Id = TypeVar("Id", bound=Hashable)
Document = TypeVar("Document", bound=Hashable)

RELEVANCE: Final = 0.7


def varied(
    scores: Mapping[Id, float],
    similarity: Callable[[Id, Id], float],
    count: int,
    *,
    relevance: float = RELEVANCE,
) -> list[Id]:
    """`count` passages by maximal marginal relevance: each next one has the most of

        relevance * score - (1 - relevance) * similarity to the most similar one that was taken before

    Carbonell and Goldstein, The Use of MMR (1998). Scores and similarities lie from 0 to 1. Looks at most at
    `count` times as many pairs as there are passages. Raises ValueError for a `relevance` that is not within [0, 1].
    """
    if not 0 <= relevance <= 1:
        raise ValueError("relevance lies from 0 to 1")
    nearest = dict.fromkeys(scores, 0.0)
    taken: list[Id] = []
    while nearest and len(taken) < count:
        best = max(nearest, key=lambda one: relevance * scores[one] - (1 - relevance) * nearest[one])
        taken.append(best)
        del nearest[best]
        for one, most in nearest.items():
            nearest[one] = max(most, similarity(one, best))
    return taken


def spread(order: Iterable[Id], document_of: Callable[[Id], Document], most: int) -> list[Id]:
    """The same order, in which no document has more than `most` passages before all others have had their turn: those
    above come at the end, in their order. Nothing is lost."""
    seen: Counter[Document] = Counter()
    first: list[Id] = []
    later: list[Id] = []
    for one in order:
        document = document_of(one)
        seen[document] += 1
        (first if seen[document] <= most else later).append(one)
    return first + later
