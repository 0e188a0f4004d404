"""Whole characters only, and nothing of a stop string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.inference.engines.llamacpp.output_text import OutputText


def shown(pieces: list[bytes], *stop: str) -> tuple[str, bool]:
    output = OutputText(stop)
    return "".join([*(output.feed(piece) for piece in pieces), output.finish()]), output.stopped


@given(st.text(), st.lists(st.integers(1, 5)))
def test_text_cut_anywhere_comes_out_whole(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", errors="replace")
    output, pieces, at = OutputText(), [], 0
    for size in [*cuts, len(data)]:
        pieces.append(data[at : at + size])
        at += size
    parts = [output.feed(piece) for piece in pieces]
    assert "".join(parts) + output.finish() == data.decode()
    for part in parts:
        assert "\ufffd" not in part or "\ufffd" in text


def test_half_a_character_is_never_shown() -> None:
    output = OutputText()
    face = "😀".encode()
    assert output.feed(face[:3]) == ""
    assert output.feed(face[3:]) == "😀"
    assert output.feed("中".encode()[:2]) + output.finish() == ""


@pytest.mark.parametrize(
    ("pieces", "stop", "expected"),
    [
        ([b"one STOP two"], ["STOP"], "one "),
        ([b"one ST", b"OP two"], ["STOP"], "one "),
        ([b"one S", b"T", b"O", b"P"], ["STOP"], "one "),
        ([b"one ST", b"AR"], ["STOP"], "one STAR"),
        ([b"a\n", b"\nb"], ["\n\n"], "a"),
        ([b"one two three"], ["three", "two"], "one "),
        ([b"aab"], ["ab"], "a"),
        (["天气。".encode()[:4], "天气。".encode()[4:], b"x"], ["。"], "天气"),
    ],
)
def test_stop_strings_end_the_text(pieces: list[bytes], stop: list[str], expected: str) -> None:
    text, stopped = shown(pieces, *stop)
    assert text == expected
    assert stopped == (expected != "one STAR")


def test_nothing_comes_after_a_stop() -> None:
    output = OutputText(["END"])
    assert output.feed(b"xEND") == "x"
    assert output.feed(b"more") + output.finish() == ""


@given(
    st.text(alphabet="ab", max_size=30), st.lists(st.text(alphabet="ab", min_size=1, max_size=4), max_size=3)
)
def test_held_back_text_is_not_lost(text: str, stops: list[str]) -> None:
    result, _ = shown([letter.encode() for letter in text], *stops)
    ends = [text.find(stop) for stop in stops if stop in text]
    # fed letter by letter, the stop that is complete first ends the text
    first = min((text.find(stop) + len(stop) for stop in stops if stop in text), default=None)
    if first is None:
        assert result == text
    else:
        assert text.startswith(result)
        assert len(result) <= first
        assert ends
