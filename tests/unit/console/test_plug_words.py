"""Counting lost words: what was shown must stand, in its place, in what is stored."""

from __future__ import annotations

import pytest

from chatplatform.console.plug import lost_words, words

STORED = "<p>The <strong>keeper</strong> lit the lamp.</p><ol><li>First, he waited.</li></ol>"


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "The keep",  # cut in the middle of a word
        "The **keeper** lit the lamp.",  # the open end, before its markup was made
        "The keeper lit the lamp.\n1. First, he",
        "The keeper lit the lamp. First, he waited.",
    ],
)
def test_a_beginning_of_what_is_stored_has_lost_nothing(shown: str) -> None:
    assert lost_words(shown, STORED) == 0


@pytest.mark.parametrize(
    ("shown", "lost"),
    [
        ("The keeper lit a lamp", 2),
        ("The keeper lit the lamp. First, he waited. Then it rained.", 3),
        ("The keep lit the", 3),
        ("Something else", 2),
    ],
)
def test_what_is_not_in_its_place_is_lost(shown: str, lost: int) -> None:
    assert lost_words(shown, STORED) == lost


def test_everything_is_lost_when_nothing_is_stored() -> None:
    assert lost_words("The keeper", "") == 2


def test_chinese_is_counted_by_characters() -> None:
    assert words("守塔人 lit 灯。") == ["守", "塔", "人", "lit", "灯"]
    assert lost_words("守塔人点", "<p>守塔人点亮了灯。</p>") == 0
    assert lost_words("守塔人灭", "<p>守塔人点亮了灯。</p>") == 1


def test_what_only_looks_like_markup_is_text() -> None:
    assert lost_words("a &amp; b", "<p>a &amp; b</p>") == 0
