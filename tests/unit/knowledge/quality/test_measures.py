"""Figures of a run, against values computed by hand."""

from __future__ import annotations

import pytest

from chatplatform.knowledge.quality.matching import says
from chatplatform.knowledge.quality.measures import Outcome, figures


def answerable(rank: int | None, *, refused: bool = False, ms: float = 10) -> Outcome:
    return Outcome(is_unanswerable=False, rank=rank, is_refused=refused, time_ms=ms)


def unanswerable(*, refused: bool, ms: float = 10) -> Outcome:
    return Outcome(is_unanswerable=True, rank=None, is_refused=refused, time_ms=ms)


def test_figures_of_known_ranks() -> None:
    found = figures(
        [
            answerable(1, ms=30),
            answerable(3, refused=True, ms=10),
            answerable(7, ms=20),
            answerable(None, refused=True, ms=90),
            unanswerable(refused=True, ms=40),
            unanswerable(refused=False, ms=50),
            unanswerable(refused=True, ms=60),
        ]
    )
    assert (found.questions, found.unanswerable) == (7, 3)
    assert (found.recall_1, found.recall_5, found.recall_10) == (0.25, 0.5, 0.75)
    # (1 + 1/3 + 1/7 + 0) / 4
    assert found.mrr == pytest.approx(0.369048, abs=1e-6)
    # (1 + 1/log2(4) + 1/log2(8) + 0) / 4 = (1 + 1/2 + 1/3) / 4
    assert found.ndcg_10 == pytest.approx(0.458333, abs=1e-6)
    assert found.refused_rightly == pytest.approx(2 / 3)
    assert found.refused_wrongly == 0.5
    assert found.median_ms == 40


def test_the_tenth_counts_and_no_later_one() -> None:
    tenth = figures([answerable(10)])
    assert (tenth.recall_5, tenth.recall_10, tenth.mrr) == (0, 1, 0.1)
    assert tenth.ndcg_10 == pytest.approx(0.289065, abs=1e-6)  # 1 / log2(11)


def test_what_no_question_is_about_has_no_figure() -> None:
    only = figures([unanswerable(refused=True)])
    assert (only.recall_1, only.ndcg_10, only.mrr, only.refused_wrongly) == (None, None, None, None)
    assert (only.refused_rightly, only.median_ms) == (1, 10)
    assert figures([answerable(1)]).refused_rightly is None
    assert figures([]).median_ms is None


@pytest.mark.parametrize(
    ("found", "wanted", "is_it"),
    [
        ("Unused goods may be returned within thirty days.", "", True),
        ("Unused goods may be returned within thirty days.", "RETURNED  within\nthirty", True),
        ("Unused goods may be returned within thirty days.", "We pay the postage.", False),
        (
            "within thirty days. We pay",
            "Unused goods may be returned within thirty days. We pay it all.",
            True,
        ),
        ("未使用的商品可在三十天内退货，运费由我们承担。", "运费由我们承担", True),
        ("未使用的商品可在三十天内退货。", "运费由我们承担", False),
        ("", "thirty", False),
        ("no", "thirty", False),
    ],
)
def test_a_passage_is_known_by_its_words(found: str, wanted: str, is_it: bool) -> None:
    assert says(found, wanted) is is_it


def test_of_a_passage_that_two_chunks_share_one_is_right() -> None:
    passage = "The first half of what was said stands here, and the other half of it stands over there."
    middle = len(passage) // 2
    before, after = "Much else was said before this. " * 3, " And after it came this and that." * 3
    assert says(before + passage[: middle + 4], passage) or says(passage[middle - 4 :] + after, passage)
    assert not says(before + passage[:12], passage)
