"""The benchmark of answers judges them as SQuAD does."""

from __future__ import annotations

import pytest

from tests.benchmarks.answers import Outcome, Question, is_right, normalised, outcome_of

ASKED = Question(
    "1", "Where is it?", frozenset({"the Seine", "Seine"}), "Rouen lies on the Seine, in France."
)
NOTHING = Question("2", "Who drained it?", frozenset(), "Rouen lies on the Seine, in France.")


@pytest.mark.parametrize(
    ("question", "said", "outcome"),
    [
        (ASKED, "It lies on the *Seine* [1].", "right"),
        (ASKED, "The passages do not say, but Seine is near.", "right"),
        (ASKED, "It lies on the Rhine.", "wrong"),
        (ASKED, "It lies on the Seineette.", "wrong"),
        (ASKED, "The passages don’t mention where.", "wrongly refused"),
        (ASKED, "", "wrongly refused"),
        (NOTHING, "", "rightly refused"),
        (NOTHING, "That is not mentioned in the passages.", "rightly refused"),
        (NOTHING, "The Romans did [1].", "wrong"),
    ],
)
def test_an_answer_is_judged(question: Question, said: str, outcome: Outcome) -> None:
    assert outcome_of(said, question) == outcome


def test_marks_numbers_and_articles_do_not_count() -> None:
    assert normalised("The  “Seine”, [2] a river.") == "seine river"


def test_a_passage_has_to_be_of_the_paragraph() -> None:
    assert is_right("Rouen lies on the Seine, in France.", ASKED)
    assert not is_right("Paris was built beside the Seine by others, much later than that.", ASKED)
    assert not is_right("Rouen lies on a river, in France.", ASKED)
