"""What is shown while an answer arrives, whatever the pieces."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.parser_block import ParserBlock

from chatplatform.chat.markdown import render
from chatplatform.chat.streaming_markdown import StreamingMarkdown

ANSWER = """# Tents

Two of them, *light* and **warm**:

1. Ridge
2. Fell

   with a porch

> A quote
goes on

```python
def area(width, length):
    return width * length

# ``` is not the end
```

| size | price |
|:-----|------:|
| S    | 10    |

帐篷很轻。Done `code`.
"""

pieces = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def view(stream: StreamingMarkdown) -> str:
    return "".join(stream.blocks) + "|" + stream.tail_text


@given(pieces)
@settings(max_examples=150, deadline=None)
def test_the_pieces_do_not_matter(sizes: list[int]) -> None:
    stream, at, turn = StreamingMarkdown(), 0, 0
    while at < len(ANSWER):
        size = sizes[turn % len(sizes)]
        stream.feed(ANSWER[at : at + size])
        at, turn = at + size, turn + 1
    assert stream.text == ANSWER
    whole = StreamingMarkdown()
    for line in ANSWER.splitlines(keepends=True):
        whole.feed(line)
    assert _words("".join(stream.blocks) + stream.tail_text) == _words(
        "".join(whole.blocks) + whole.tail_text
    )


@given(st.text(alphabet=st.sampled_from("ab `~#*_-\n\r>|1.<&[]()!中"), max_size=300), st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_a_client_that_applies_changes_shows_the_view(text: str, size: int) -> None:
    stream = StreamingMarkdown()
    blocks: list[str] = []
    tail = ""
    for at in range(0, len(text), size):
        change = stream.feed(text[at : at + size])
        blocks += change.blocks
        tail = change.tail_text if change.tail_replaced else tail + change.tail_text
    assert stream.text == text
    assert "".join(blocks) + "|" + tail == view(stream)


def test_finished_blocks_equal_the_whole_rendering() -> None:
    stream = StreamingMarkdown()
    for character in ANSWER + "\n\nend":
        stream.feed(character)
    shown = "".join(stream.blocks).replace("\n", "")
    assert len(stream.blocks) == 6
    assert render(ANSWER + "\n\nend").replace("\n", "").startswith(shown)
    assert stream.tail_text.endswith("end")


def test_code_is_shown_as_code_while_it_is_open() -> None:
    stream = StreamingMarkdown()
    stream.feed("Look:\n\n```py\nprint(1)\nprint(")
    assert (stream.tail_kind, stream.tail_language, stream.tail_text) == ("code", "py", "print(1)\nprint(")
    stream.feed("2)\n```\n")
    assert (stream.tail_kind, stream.tail_text) == ("text", "")
    assert 'data-language="Python"' in stream.blocks[-1]


LONG = {
    "table": "| a | b |\n| --- | --- |\n" + "| 1 | 2 |\n" * 400,
    "list": "- one\n- two\n  and more\n\n  1. three\n" * 150,
    "steps": "1. one\n2) two\n\n   and more\n" * 100,
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("after", ["Then.\n", "# Then\n", "```\nthen\n", "| then |\n| --- |\n", "> then\n"])
def test_a_long_block_is_shown_as_soon_as_another_begins(name: str, after: str) -> None:
    stream = StreamingMarkdown()
    for line in LONG[name].splitlines(keepends=True):
        stream.feed(line)
    stream.feed("\n")
    for line in after.splitlines(keepends=True):
        stream.feed(line)
    assert render(LONG[name]).strip() == "".join(stream.blocks).strip()
    assert stream.text == LONG[name] + "\n" + after


def test_lines_of_an_open_block_are_parsed_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they look like an end and are none: a cell without bars, a line that hangs on."""
    parsed: list[int] = []
    parse = ParserBlock.parse

    def counted(block: ParserBlock, src: str, *rest: Any) -> Any:
        parsed.append(len(src))
        return parse(block, src, *rest)

    monkeypatch.setattr(ParserBlock, "parse", counted)
    for lines in ("| 1 | 2 |\nx\n", "- one\ntwo\n", "-\tone\n\n\ttwo\n", " - one\n\n   two\n \n", "a\nb\n"):
        parsed.clear()
        stream = StreamingMarkdown()
        if "|" in lines:
            stream.feed("| a | b |\n| --- | --- |\n")
        for line in (lines * 3_000).splitlines(keepends=True):
            stream.feed(line)
        late = [size for size in parsed if size > 4_000]
        assert len(late) < 40, (lines, len(late))


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_a_shorter_or_other_fence_does_not_close(fence: str) -> None:
    stream = StreamingMarkdown()
    stream.feed(f"{fence}\n``\n~~~\nx\n")
    assert stream.tail_kind == "code"
    stream.feed(f"{fence}\nafter\n")
    assert stream.tail_kind == "text"
    assert stream.tail_text == "after\n"


def _words(html: str) -> list[str]:
    return re.findall(r"\w+", unescape(re.sub(r"<[^>]*>", " ", html)))
