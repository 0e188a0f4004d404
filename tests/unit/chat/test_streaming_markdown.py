"""What is shown while an answer arrives, whatever the pieces."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
