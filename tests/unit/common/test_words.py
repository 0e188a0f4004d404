"""Sentences that travel between processes and are read in the reader's language."""

from __future__ import annotations

import json

import pytest
from django.utils.translation import override

from chatplatform.common.words import NO_WORDS, Words


def test_a_sentence_survives_the_journey() -> None:
    words = Words("Port %(port)s is taken by another program.", port=8000)
    arrived = Words.parsed(json.loads(json.dumps(words.as_json())))
    assert arrived == words
    assert str(arrived) == "Port 8000 is taken by another program."


def test_it_is_read_in_the_readers_language() -> None:
    words = Words("Scan the book")
    with override("zh-hans"):
        assert str(words) == "Scan the book", "what has no translation stays as it was written"
    with override("zh-hans"):
        assert str(Words("Save")) == "保存"


@pytest.mark.parametrize(
    "value", [None, 1, [], {}, {"text": 1}, {"values": {}}, {"text": "", "values": "no"}]
)
def test_nonsense_is_no_sentence(value: object) -> None:
    assert not Words.parsed(value)
    assert str(Words.parsed(value)) == ""


def test_values_that_do_not_fit_leave_the_source() -> None:
    assert str(Words("All of %(this)s", that=1)) == "All of %(this)s"
    assert str(Words.parsed({"text": "100%% %(y)s", "values": {"x": 1}})) == "100%% %(y)s"
    assert str(Words.parsed("50 % done")) == "50 % done"


def test_nothing_is_said_with_no_words() -> None:
    assert not NO_WORDS
    assert str(NO_WORDS) == ""
