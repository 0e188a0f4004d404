"""Thinking and answer are told apart, whatever the pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.inference.engines.llamacpp.answer_text import AnswerText
from chatplatform.inference.engines.llamacpp.generation import Text
from chatplatform.inference.engines.llamacpp.reasoning_text import ReasoningText
from chatplatform.inference.engines.llamacpp.told_tokens import TokenLogprob
from chatplatform.inference.engines.llamacpp.tool_text import ToolOutput, written_call


def _split(text: str, cuts: list[int], *, begun: bool = False, goes_on: bool = False) -> tuple[str, str]:
    reasoning = ReasoningText(begun=begun, goes_on=goes_on)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    parts = [reasoning.feed(text[start:end]) for start, end in itertools.pairwise(places)]
    parts.append(reasoning.finish())
    return "".join(thought for thought, _said in parts), "".join(said for _thought, said in parts)


CUTS = st.lists(st.integers(min_value=0, max_value=1000), max_size=30)


@given(CUTS)
def test_thinking_is_told_apart(cuts: list[int]) -> None:
    text = "<think>\nIs 3 < 4? 是的。\n</think>\n\nYes, </think> 3 < 4."
    assert _split(text, cuts) == ("Is 3 < 4? 是的。\n", "Yes, </think> 3 < 4.")


@given(CUTS)
def test_thinking_that_the_template_opened_is_told_apart(cuts: list[int]) -> None:
    assert _split("Hm.</think>Yes.", cuts, begun=True) == ("Hm.", "Yes.")


@given(CUTS)
def test_thinking_that_is_gone_on_with_loses_no_space(cuts: list[int]) -> None:
    assert _split(" and on.\n</think>\n\nYes.", cuts, begun=True, goes_on=True) == (" and on.\n", "Yes.")


@given(CUTS)
def test_thinking_that_never_ends_is_no_answer(cuts: list[int]) -> None:
    assert _split("<think>Hm </thin", cuts) == ("Hm </thin", "")


@pytest.mark.parametrize("text", ["", " \n", "Yes.", "  Yes <think>no</think>", "<thin", "<thinking>x"])
@given(cuts=CUTS)
def test_an_answer_without_thinking_stays_as_it_is(text: str, cuts: list[int]) -> None:
    assert _split(text, cuts) == ("", text)


def test_tokens_of_thinking_are_counted() -> None:
    answer = AnswerText(reasoning=ReasoningText())
    for piece in ("<think>", "a", "b", "</think>", "\n", "Yes", "."):
        answer.feed(Text(piece))
    answer.finish()
    assert answer.reasoning_tokens == 4


def test_calls_come_after_thinking_and_end_the_answer() -> None:
    answer = AnswerText(reasoning=ReasoningText(), tools=ToolOutput({"time"}))
    told = answer.feed(Text("<think>I need <tool_call> now.</think>Well.")) + answer.feed(
        Text(written_call("time", "{}"))
    )
    told += answer.finish()
    assert told.reasoning == "I need <tool_call> now."
    assert told.content == "Well."
    assert [call.name for call in told.calls] == ["time"]
    assert answer.reason("stop") == "tool_calls"
    assert answer.reason("length") == "length"


def test_probabilities_wait_for_something_to_show() -> None:
    answer = AnswerText(tools=ToolOutput({"time"}))
    one, two = TokenLogprob(1, -0.5), TokenLogprob(2, -0.7)
    assert answer.feed(Text("<tool", logprobs=(one,))).is_empty
    assert answer.feed(Text("box", logprobs=(two,))).logprobs == (one, two)
    assert answer.feed(Text("<tool", logprobs=(one,))).is_empty
    assert answer.finish().logprobs == (one,)
