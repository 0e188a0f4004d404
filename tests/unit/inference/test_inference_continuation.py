"""Joining two halves of an answer: nothing that was shown is doubled, and nothing lost."""

from __future__ import annotations

import pytest

from chatplatform.inference.protocol.continuation import REPEATED_CHARS, AnswerNotContinued, Continuation

SHOWN = "The green tent weighs two kilograms and "
REST = "has room for two."


def joined(shown: str, pieces: list[str], *, must_restart: bool = False) -> str:
    continuation = Continuation(shown, must_restart=must_restart)
    return shown + "".join(continuation.feed(piece) for piece in pieces) + continuation.end()


@pytest.mark.parametrize("must_restart", [False, True])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_a_server_repeats_from_the_beginning_is_left_out(size: int, must_restart: bool) -> None:
    whole = SHOWN + REST
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert joined(SHOWN, pieces, must_restart=must_restart) == whole


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_a_server_adds_follows_at_once(size: int) -> None:
    pieces = [REST[start : start + size] for start in range(0, len(REST), size)]
    assert joined(SHOWN, pieces) == SHOWN + REST
    assert Continuation(SHOWN, must_restart=False).feed("h") == "h"


def test_a_rest_that_begins_like_the_answer_is_no_repetition() -> None:
    assert joined(SHOWN, ["The", " blue one is lighter."]) == SHOWN + "The blue one is lighter."
    assert joined(SHOWN, ["The"]) == SHOWN + "The"


@pytest.mark.parametrize("shown", ["ha ", "The"])
def test_a_server_that_continues_is_believed_where_little_was_shown(shown: str) -> None:
    assert joined(shown, ["ha ", "The", "ha "]) == shown + "ha Theha "


@pytest.mark.parametrize(
    ("said", "must_restart"),
    [
        ("The green tent weighs three", True),
        ("The green tent weighs three", False),
        ("A tent", True),
        ("The", True),
        (SHOWN[:REPEATED_CHARS], False),
        ("", True),
    ],
)
def test_another_answer_is_not_joined_to_the_first(said: str, must_restart: bool) -> None:
    with pytest.raises(AnswerNotContinued):
        joined(SHOWN, list(said), must_restart=must_restart)


def test_without_a_beginning_all_is_new() -> None:
    assert joined("", ["a", "b"], must_restart=True) == "ab"
