"""The mark before a call is found whatever the pieces, and put right where it was only meant."""

from __future__ import annotations

import pytest

from chatplatform.inference.engines.llamacpp.opening_mark import OpeningMark, may_begin_call

MARK = "<tool_call>"


def _written(pieces: list[str], *, thinks: bool = False) -> tuple[str, bool]:
    """What is written when a model would like to write `pieces`, up to the mark, and whether that came."""
    mark, text = OpeningMark(MARK, thinks=thinks), ""
    for piece in pieces:
        wanted = mark.instead_of(piece.encode()).decode() or piece
        text += wanted
        if mark.feed(wanted.encode()):
            return text, True
    return text, False


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        (["<tool_call>"], "<tool_call>"),
        (["Well. <", "tool", "_", "call", ">"], "Well. <tool_call>"),
        (["<tool_call", ">\n{"], "<tool_call>"),
        (["a<tool_call>b"], "a<tool_call>"),
        (["<<tool_call>"], "<<tool_call>"),
        # what small models write instead
        (["<", "tool", "_response", ">"], "<tool_call>"),
        (["Well. <tools>"], "Well. <tool_call>"),
        (["<tool_c", "ode>"], "<tool_call>"),
        (["{", '"name"'], "<tool_call>"),
        (['\n{"name"'], "<tool_call>"),
        (["```", "json", "\n", '{"name"'], "```json\n<tool_call>"),
        (["```json\n{"], "<tool_call>"),
        (
            ["<think>", "I could <tool_call>", "</think>", "\n\n", "{"],
            "<think>I could <tool_call></think>\n\n<tool_call>",
        ),
    ],
)
def test_the_mark_is_met(pieces: list[str], written: str) -> None:
    assert _written(pieces) == (written, True)


@pytest.mark.parametrize(
    "pieces",
    [
        ["Use a <t", "able>."],
        ["3 <", " 4 {"],
        ["The set {", "1}"],
        ["```", "python", "\n", "{"],
        ["<think>", "<tool_call>", " or {"],
        ["<thin", "ner> {"],
    ],
)
def test_an_answer_stays_as_it_is(pieces: list[str]) -> None:
    assert _written(pieces) == ("".join(pieces), False)


def test_thinking_that_the_template_opened_is_left_alone() -> None:
    assert _written(["Or <tool_call>", "{", "</thi", "nk>", "<tool_call>"], thinks=True) == (
        "Or <tool_call>{</think><tool_call>",
        True,
    )


@pytest.mark.parametrize("piece", ["<", " <tool", "{{", '{"', "[", "```", "<tool_call>"])
def test_a_call_begins_in_many_forms(piece: str) -> None:
    assert may_begin_call(piece.encode())


@pytest.mark.parametrize("piece", ["", " ", "Yes", "`x`", "<think>", "(", "3 <"])
def test_words_and_thinking_are_no_call(piece: str) -> None:
    assert not may_begin_call(piece.encode())


def test_the_beginning_is_over_with_the_first_word_and_comes_again_after_thinking() -> None:
    mark = OpeningMark(MARK)
    assert mark.at_beginning
    mark.feed(b"\n")
    assert mark.at_beginning
    mark.feed(b"<think>")
    assert not mark.at_beginning
    mark.feed(b"Hm.</think>\n")
    assert mark.at_beginning
    mark.feed(b"Yes")
    assert not mark.at_beginning
