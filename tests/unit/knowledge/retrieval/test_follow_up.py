"""Questions that point back to the one before, and those that stand for themselves."""

from __future__ import annotations

import pytest

from chatplatform.knowledge.retrieval.follow_up import asked_for, is_follow_up
from tests.unit.knowledge.retrieval.follow_ups import (
    CHINESE_NEEDS,
    CHINESE_NEEDS_NOTHING,
    ENGLISH_NEEDS,
    ENGLISH_NEEDS_NOTHING,
    HELD_OUT_NEEDS,
    HELD_OUT_NEEDS_NOTHING,
)


@pytest.mark.parametrize(("before", "question"), [*ENGLISH_NEEDS, *CHINESE_NEEDS])
def test_these_point_back(before: str, question: str) -> None:
    assert asked_for(question, ["", before, "  "]) == f"{question}\n{before}"
    assert asked_for(question, []) == question


@pytest.mark.parametrize(("before", "question"), [*ENGLISH_NEEDS_NOTHING, *CHINESE_NEEDS_NOTHING])
def test_these_stand_for_themselves(before: str, question: str) -> None:
    assert asked_for(question, [before]) == question


@pytest.mark.parametrize(
    "question", ["what about children", "这个多少钱", "黑色的呢", "How much does it cost?"]
)
def test_marks_and_case_do_not_matter(question: str) -> None:
    assert is_follow_up(question)
    assert is_follow_up(f"  {question.upper()} ?")


@pytest.mark.parametrize("question", ["tent", "thanks", "ISO-9001", "保修", "", "?", "  "])
def test_a_word_alone_is_a_topic(question: str) -> None:
    assert not is_follow_up(question)


def test_questions_that_shaped_no_rule_are_told_apart_too() -> None:
    right = sum(map(is_follow_up, HELD_OUT_NEEDS))
    assert right >= 0.9 * len(HELD_OUT_NEEDS)
    assert not any(map(is_follow_up, HELD_OUT_NEEDS_NOTHING))


def test_one_that_points_back_to_one_that_points_back_reaches_the_topic() -> None:
    history = ["Who pays for taxis?", "How do I clean a tent?", "And boots?"]
    assert asked_for("And in winter?", history) == "And in winter?\nAnd boots?\nHow do I clean a tent?"
    endless = ["How do I clean a tent?", *["And then?"] * 9]
    assert asked_for("Why?", endless) == "Why?" + "\nAnd then?" * 3


def test_of_a_long_question_the_beginning_is_taken_along() -> None:
    assert len(asked_for("And then?", ["How is it? " + "x" * 10_000])) < 600
