"""Confidence is a probability that holds, and the threshold refuses no more than it was allowed to."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.ranking.confidence import Calibration, Evidence, calibrated, threshold_for

SEEN = st.lists(
    st.tuples(st.builds(Evidence, st.floats(-1, 1), st.floats(0, 1)), st.booleans()), min_size=2, max_size=60
).filter(lambda seen: len({answered for _, answered in seen}) == 2)


def drawn(truth: Calibration, count: int, seed: int) -> list[tuple[Evidence, bool]]:
    chance = random.Random(seed)
    evidence = [Evidence(chance.uniform(0.7, 0.95), chance.random()) for _ in range(count)]
    return [(one, chance.random() < truth.confidence(one)) for one in evidence]


def test_what_was_true_is_found_again() -> None:
    truth = Calibration(-17.0, 20.0, 2.0)
    found = calibrated(drawn(truth, 4000, seed=1))
    fresh = [one for one, _ in drawn(truth, 500, seed=2)]
    assert max(abs(found.confidence(one) - truth.confidence(one)) for one in fresh) < 0.06


def test_confidence_is_as_often_right_as_it_says() -> None:
    truth = Calibration(-17.0, 20.0, 2.0)
    found = calibrated(drawn(truth, 2000, seed=3))
    fresh = drawn(truth, 2000, seed=4)
    for low in (0.2, 0.4, 0.6):
        told = [(found.confidence(one), answered) for one, answered in fresh]
        here = [(sure, answered) for sure, answered in told if low <= sure < low + 0.2]
        mean = sum(sure for sure, _ in here) / len(here)
        assert abs(sum(answered for _, answered in here) / len(here) - mean) < 0.09


@given(SEEN)
def test_any_mixture_can_be_calibrated(seen: list[tuple[Evidence, bool]]) -> None:
    found = calibrated(seen)
    assert all(0 < found.confidence(one) < 1 for one, _ in seen)
    # the mean confidence is the share of right ones, within what the targets take off the ends
    share = sum(answered for _, answered in seen) / len(seen)
    assert abs(sum(found.confidence(one) for one, _ in seen) / len(seen) - share) < 0.35


def test_questions_that_part_perfectly_do_not_make_it_certain() -> None:
    seen = [(Evidence(0.9, 0.8), True)] * 5 + [(Evidence(0.7, 0.1), False)] * 5
    found = calibrated(seen)
    assert 0.8 < found.confidence(Evidence(0.9, 0.8)) < 0.9
    assert 0.1 < found.confidence(Evidence(0.7, 0.1)) < 0.2


@pytest.mark.parametrize("answered", [True, False])
def test_one_kind_of_question_calibrates_nothing(answered: bool) -> None:
    with pytest.raises(ValueError, match="not"):
        calibrated([(Evidence(0.9, 0.5), answered)] * 3)


def test_extremes_stay_probabilities() -> None:
    steep = Calibration(0.0, 1e6, 0.0)
    assert steep.confidence(Evidence(1.0, 0.0)) == 1.0
    assert 0 < steep.confidence(Evidence(-1.0, 0.0)) < 1e-9


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50), st.floats(0, 1))
def test_a_threshold_refuses_no_more_than_allowed(seen: list[tuple[float, bool]], share: float) -> None:
    least = threshold_for(seen, share)
    right = [confidence for confidence, answered in seen if answered]
    assert sum(confidence < least for confidence in right) <= math.floor(len(right) * share)
