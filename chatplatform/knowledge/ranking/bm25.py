"""Lexical scores by BM25, from postings of hashes.

For a query's terms t and a passage p of |p| terms, where the mean passage has m, n of N passages have t, and t comes
f times in p:

    score(p) = sum of  rarity(t) * f * (k1 + 1) / (f + k1 * (1 - b + b * |p| / m))
    rarity(t) = ln(1 + (N - n + 0.5) / (n + 0.5))

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), with the rarity of Lucene, which
is never negative. A term that a query repeats counts once.

`coverage` is the same score as a share of what the query could have at most: of every term, those too that no passage
has, as if it came without end. It lies from 0 to 1 and means the same for every query, so it can be fused and held
against a threshold. A Chinese query finds next to nothing in an English passage, and its coverage says so.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Id = TypeVar("Id")

K1: Final = 1.2
B: Final = 0.75


@dataclass(frozen=True, slots=True)
class Posting(Generic[Id]):
    """That a term comes `count` times in a passage of `length` terms."""

    passage: Id
    count: int
    length: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of all passages that are searched: how many, and the mean of their lengths in terms."""

    passages: int
    mean_length: float


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """BM25 of a passage, from 0 without bound, and its coverage of the query, from 0 to 1."""

    bm25: float
    coverage: float


def rarity(passages: int, having: int) -> float:
    """How much a term tells that `having` of `passages` have; above 0."""
    return math.log(1 + (passages - having + 0.5) / (having + 0.5))


def bm25(
    query: Collection[bytes],
    postings: Mapping[bytes, Iterable[Posting[Id]]],
    statistics: Statistics,
    *,
    k1: float = K1,
    b: float = B,
) -> dict[Id, LexicalScore]:
    """The score of every passage that has a term of the query.

    `query` is hashes; `postings` has all postings of each of them, and none or nothing for a term that no passage has.
    """
    scores: dict[Id, float] = {}
    most = 0.0
    mean = statistics.mean_length or 1.0
    for term in dict.fromkeys(query):
        found = list(postings.get(term, ()))
        weight = rarity(max(statistics.passages, len(found)), len(found)) * (k1 + 1)
        most += weight
        for posting in found:
            share = posting.count / (posting.count + k1 * (1 - b + b * posting.length / mean))
            scores[posting.passage] = scores.get(posting.passage, 0.0) + weight * share
    return {passage: LexicalScore(score, score / most) for passage, score in scores.items()}
