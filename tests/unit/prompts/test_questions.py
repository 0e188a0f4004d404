"""The question set is complete, balanced and about what the prompt says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from chatplatform.prompts.evaluation.language import written_in
from chatplatform.prompts.evaluation.questions import Kind, Question, question_set
from chatplatform.prompts.shipped import OUTDOOR_SHOP, shipped_assistant
from chatplatform.prompts.text_format import opening_messages

SET = question_set()


def test_there_are_thirty_questions_in_each_language_of_every_kind() -> None:
    assert Counter(question.group for question in SET.questions) == {"en": 30, "zh": 30}
    for kind in Kind:
        groups = Counter(question.group for question in SET.questions if question.kind is kind)
        assert groups["en"] == groups["zh"] >= 6


def test_they_are_about_the_demo_shop() -> None:
    assert SET.assistant == shipped_assistant(OUTDOOR_SHOP).name


@pytest.mark.parametrize("question", SET.questions, ids=lambda question: question.id)
def test_each_question_demands_what_its_kind_promises(question: Question) -> None:
    assert question.id.startswith(f"{question.group}-")
    if question.kind is not Kind.LANGUAGE:
        assert written_in(question.question, question.group)
        assert question.answer_language == question.group
        assert question.numbers or question.all or question.any or question.refusal
    assert bool(question.history) is (question.kind is Kind.FOLLOW_UP) or question.kind is Kind.LANGUAGE
    assert question.refusal is (question.kind is Kind.REFUSAL)


def test_no_question_is_an_example_of_the_prompt() -> None:
    opening = opening_messages(shipped_assistant(OUTDOOR_SHOP).system_text)
    examples = {message.content for message in opening if message.role == "user"}
    assert examples
    assert not examples & {question.question for question in SET.questions}


def test_they_can_be_narrowed() -> None:
    assert len(SET.narrowed([])) == 60
    assert {question.group for question in SET.narrowed(["zh-"])} == {"zh"}
    assert SET.narrowed(["nothing"]) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        'question = "What?"\nanny = ["x"]',
        'question = ""',
        'question = "What?"\nall = ["("]',
        'question = "What?"\nhistory = ["Hello"]',
        'question = "What?"\nkind = "riddle"',
    ],
)
def test_a_mistake_in_the_file_is_an_error(tmp_path: Path, wrong: str) -> None:
    kind = "" if "kind" in wrong else 'kind = "fact"\n'
    file = tmp_path / "questions.toml"
    file.write_text(
        f'assistant = "A"\n[refusals]\nen = ["no"]\n[[questions]]\nid = "x"\ngroup = "en"\n{kind}{wrong}\n'
    )
    with pytest.raises(ValidationError):
        question_set(file)
