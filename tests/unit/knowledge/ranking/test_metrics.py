"""Figures of orders, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.ranking.metrics import ndcg, recall, reciprocal_rank

JUDGED = st.dictionaries(st.integers(0, 15), st.integers(1, 3), min_size=1, max_size=8)
ORDER = st.lists(st.integers(0, 15), unique=True, max_size=16)


def test_by_hand() -> None:
    judged = {"a": 3, "b": 1, "absent": 2}
    order = ["x", "a", "b"]
    assert recall(order, judged, 2) == pytest.approx(1 / 3)
    assert recall(order, judged, 3) == pytest.approx(2 / 3)
    assert reciprocal_rank(order, judged) == pytest.approx(1 / 2)
    assert reciprocal_rank(order, judged, k=1) == 0
    gained = 3 / math.log2(3) + 1 / math.log2(4)
    best = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(order, judged, 10) == pytest.approx(gained / best)


@given(ORDER, JUDGED, st.integers(1, 12))
def test_every_figure_is_a_share(order: list[int], judged: dict[int, int], k: int) -> None:
    for figure in (recall(order, judged, k), ndcg(order, judged, k), reciprocal_rank(order, judged, k)):
        assert -1e-9 <= figure <= 1 + 1e-9


@given(JUDGED, st.integers(1, 12))
def test_the_best_order_has_all_there_is(judged: dict[int, int], k: int) -> None:
    best = sorted(judged, key=lambda passage: -judged[passage])
    assert ndcg(best, judged, k) == pytest.approx(1)
    assert reciprocal_rank(best, judged) == 1
    assert recall(best, judged, len(best)) == 1


def test_a_passage_that_comes_twice_counts_once() -> None:
    assert ndcg(["a", "a"], {"a": 1}, 2) == 1


@pytest.mark.parametrize("judged", [{}, {"a": 0}])
def test_without_judgements_there_is_no_figure(judged: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="relevant"):
        recall(["a"], judged, 1)
