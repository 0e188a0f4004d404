"""Figures of a run. Each question has one right place, so each formula of ranking.metrics depends on its rank alone:

recall@k    1 where the rank is k or better
MRR         1 / rank (Voorhees, The TREC-8 Question Answering Track Report, 1999)
nDCG@10     1 / log2(rank + 1) (Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002)

and their means are what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from chatplatform.knowledge.ranking import metrics

DEPTH: Final = 10
_RIGHT: Final = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one question. `rank` is of the right passage, from 1, None where it was not found; `is_refused`: nothing was
    sure enough for an answer from passages only."""

    is_unanswerable: bool
    rank: int | None
    is_refused: bool
    time_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares and means from 0 to 1, None where no question is of their kind. `refused_rightly` is the share of those
    that have no answer, `refused_wrongly` of those that have one."""

    questions: int
    unanswerable: int
    recall_1: float | None
    recall_5: float | None
    recall_10: float | None
    ndcg_10: float | None
    mrr: float | None
    refused_rightly: float | None
    refused_wrongly: float | None
    median_ms: float | None


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Of all questions of a run; how long it took is of both kinds."""
    with_answer = [one for one in outcomes if not one.is_unanswerable]
    without = [one for one in outcomes if one.is_unanswerable]

    def mean(formula: Callable[[list[int]], float]) -> float | None:
        return _mean(formula(_order(one.rank)) for one in with_answer)

    right = {_RIGHT: 1}
    return Figures(
        questions=len(outcomes),
        unanswerable=len(without),
        recall_1=mean(lambda order: metrics.recall(order, right, 1)),
        recall_5=mean(lambda order: metrics.recall(order, right, 5)),
        recall_10=mean(lambda order: metrics.recall(order, right, DEPTH)),
        ndcg_10=mean(lambda order: metrics.ndcg(order, right, DEPTH)),
        mrr=mean(lambda order: metrics.reciprocal_rank(order, right, DEPTH)),
        refused_rightly=_mean(float(one.is_refused) for one in without),
        refused_wrongly=_mean(float(one.is_refused) for one in with_answer),
        median_ms=median(one.time_ms for one in outcomes) if outcomes else None,
    )


def _order(rank: int | None) -> list[int]:
    """An order with the right passage at its rank, and nothing known of the others."""
    return [] if rank is None else [*range(1, rank), _RIGHT]


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None
