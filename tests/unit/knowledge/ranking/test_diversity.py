"""Orders become more varied, and nothing that was asked for is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.ranking.diversity import spread, varied

SCORES = st.dictionaries(st.integers(0, 30), st.floats(0, 1), max_size=15)


def alike(one: str, other: str) -> float:
    return 1.0 if one[0] == other[0] else 0.0


def test_a_copy_makes_room() -> None:
    scores = {"a1": 1.0, "a2": 0.99, "b1": 0.7}
    assert varied(scores, alike, 2, relevance=0.5) == ["a1", "b1"]
    assert varied(scores, alike, 2, relevance=1.0) == ["a1", "a2"]
    assert varied(scores, alike, 3, relevance=0.5) == ["a1", "b1", "a2"]


@pytest.mark.parametrize("relevance", [-1, 2, float("nan")])
def test_a_relevance_that_is_none_is_refused(relevance: float) -> None:
    with pytest.raises(ValueError, match="relevance"):
        varied({}, alike, 1, relevance=relevance)


@given(SCORES, st.integers(0, 20), st.floats(0, 1))
def test_as_many_as_asked_for_and_none_twice(scores: dict[int, float], count: int, relevance: float) -> None:
    taken = varied(scores, lambda one, other: 1 / (1 + abs(one - other)), count, relevance=relevance)
    assert len(taken) == len(set(taken)) == min(count, len(scores))
    if taken and relevance > 0:
        assert relevance * scores[taken[0]] == relevance * max(scores.values())


def test_documents_take_turns() -> None:
    order = ["a1", "a2", "a3", "b1", "a4", "c1"]
    assert spread(order, lambda passage: passage[0], 2) == ["a1", "a2", "b1", "c1", "a3", "a4"]


@given(st.lists(st.integers(), unique=True), st.integers(1, 4))
def test_spreading_loses_nothing(order: list[int], most: int) -> None:
    found = spread(order, lambda passage: passage % 3, most)
    assert sorted(found) == sorted(order)
    head = found[: sum(min(most, sum(one % 3 == document for one in order)) for document in range(3))]
    assert all(sum(one % 3 == document for one in head) <= most for document in range(3))
