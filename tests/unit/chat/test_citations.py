"""`[1]` in an answer is a citation where there is a source of that number, and text where there is none."""

from __future__ import annotations

import pytest

from chatplatform.chat.markdown import render
from chatplatform.chat.streaming_markdown import StreamingMarkdown

CITED = '<button class="citation" type="button" data-citation="1">1</button>'


def test_a_number_with_a_source_is_a_citation() -> None:
    assert render("Light [1].", {1}) == f'<p dir="auto">Light {CITED}.</p>\n'
    assert render("Light [1][2].", {1, 2}).count("citation") == 4


@pytest.mark.parametrize(
    "text",
    [
        "Light [2].",
        "[01]",
        "[ 1]",
        "[1 ]",
        "[x]",
        "[-1]",
        "[①]",
        "[1",
        "`[1]`",
        "```\n[1]\n```",
        r"\[1]",
        "[1000]",
    ],
)
def test_other_numbers_stay_text(text: str) -> None:
    assert "citation" not in render(text, {1})


def test_without_sources_nothing_is_cited() -> None:
    assert "citation" not in render("a[1] and [1]")


def test_a_model_cannot_make_a_link_of_a_citation() -> None:
    for text in (
        "[1](https://evil.example)",
        "[1]: https://evil.example\n\n[1]",
    ):
        assert "href" not in render(text, {1}).replace("https://evil.example</", "")
        assert CITED in render(text, {1})


def test_a_button_cannot_be_written() -> None:
    html = render('<button class="citation" data-citation="1">x</button>', {1})
    assert "<button" not in html


def test_while_it_streams_too() -> None:
    stream = StreamingMarkdown(frozenset({1}))
    for letter in "Light [1].\n\nHeavy [2].\n\nend\n":
        stream.feed(letter)
    assert CITED in stream.blocks[0]
    assert "[2]" in stream.blocks[1]
