"""Dense and lexical scores of the same query as one score.

`weighted` is what the platform ranks by:

    score(p) = (1 - w) * dense(p) + w * lexical(p)

with dense(p) the cosine, stretched so that the query's best candidate has 1 and its worst 0, and

    lexical(p) = coverage(p) / max(best coverage, ENOUGH)

so words count in full only for a query whose words the passages have. Of a query in another language they find a name
or a number at most, its best coverage is small, and the order stays that of meaning. Stretching both to [0, 1] is the
usual convex combination (Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, 2023).

`by_rank` is plain reciprocal rank fusion (Cormack, Clarke, Büttcher, 2009), for scores that cannot be compared.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from chatplatform.knowledge.ranking.bm25 import LexicalScore

Id = TypeVar("Id", bound=Hashable)

# from which coverage on a query's words are taken to be words of these passages: docs/adr/0014-fusion-of-scores.md
ENOUGH: Final = 0.3
RANK_CONSTANT: Final = 60


@dataclass(frozen=True, slots=True)
class Ranked(Generic[Id]):
    """A passage with its score, from 0 to 1, and what that was made of; `cosine` and `words` are None where a side did
    not have the passage. Levels are what was weighed, from 0 to 1."""

    passage: Id
    score: float
    cosine: float | None
    words: LexicalScore | None
    dense_level: float
    lexical_level: float


def weighted(
    dense: Mapping[Id, float],
    lexical: Mapping[Id, LexicalScore],
    lexical_weight: float,
    *,
    enough: float = ENOUGH,
) -> list[Ranked[Id]]:
    """All passages of both, best first; equal ones in the order of `dense`, then of `lexical`.

    `dense` is cosines. A passage that it lacks is taken to be as near as the last that it has. Raises ValueError for a
    weight that is not within [0, 1].
    """
    if not 0 <= lexical_weight <= 1:
        raise ValueError("the weight of words lies from 0 to 1")
    if not dense or not lexical:  # one side alone is the whole order
        lexical_weight = 0.0 if dense else 1.0
    nearness = _stretched(dense)
    most = max((score.coverage for score in lexical.values()), default=0.0)
    words = {passage: score.coverage / max(most, enough) for passage, score in lexical.items()}
    found = [
        Ranked(
            passage,
            (1 - lexical_weight) * nearness.get(passage, 0.0) + lexical_weight * words.get(passage, 0.0),
            dense.get(passage),
            lexical.get(passage),
            nearness.get(passage, 0.0),
            words.get(passage, 0.0),
        )
        for passage in dict.fromkeys([*dense, *lexical])
    ]
    return sorted(found, key=lambda one: -one.score)


def by_rank(orders: Iterable[Sequence[Id]], *, constant: int = RANK_CONSTANT) -> list[tuple[Id, float]]:
    """Passages of all orders with the sum of 1 / (constant + rank), best first; ranks begin at 1."""
    scores: dict[Id, float] = {}
    for order in orders:
        for rank, passage in enumerate(order, start=1):
            scores[passage] = scores.get(passage, 0.0) + 1 / (constant + rank)
    return sorted(scores.items(), key=lambda one: -one[1])


def _stretched(scores: Mapping[Id, float]) -> dict[Id, float]:
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    if high <= low:
        return dict.fromkeys(scores, 1.0)
    return {passage: (score - low) / (high - low) for passage, score in scores.items()}
