"""How good an order of passages is, given which of them are relevant, and how much.

`order` is ids, best first; `judged` is relevance by id, from 1 up; what is not in it is not relevant. Every figure lies
from 0 to 1. A query for which nothing is relevant has no figure: ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Id = TypeVar("Id", bound=Hashable)


def recall(order: Sequence[Id], judged: Mapping[Id, int], k: int) -> float:
    """Which share of the relevant passages is among the first k."""
    wanted = _relevant(judged)
    return len(wanted.keys() & set(order[:k])) / len(wanted)


def reciprocal_rank(order: Sequence[Id], judged: Mapping[Id, int], k: int | None = None) -> float:
    """1 by the rank of the first relevant passage, 0 where none is among the first k. Its mean is MRR."""
    wanted = _relevant(judged)
    return next((1 / rank for rank, passage in enumerate(order[:k], start=1) if passage in wanted), 0.0)


def ndcg(order: Sequence[Id], judged: Mapping[Id, int], k: int) -> float:
    """Normalised discounted cumulative gain of the first k: relevance by log2(rank + 1), as trec_eval has it.

    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques (2002).
    """
    wanted = _relevant(judged)
    seen = dict.fromkeys(order[:k])
    gained = _discounted([wanted.get(passage, 0) for passage in seen])
    return gained / _discounted(sorted(wanted.values(), reverse=True)[:k])


def _relevant(judged: Mapping[Id, int]) -> dict[Id, int]:
    wanted = {passage: relevance for passage, relevance in judged.items() if relevance > 0}
    if not wanted:
        raise ValueError("nothing is relevant to this query")
    return wanted


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
