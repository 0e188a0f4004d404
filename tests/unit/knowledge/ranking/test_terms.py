"""Texts become the same terms however they are written, and an index of them holds no words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.ranking.stemming import stem
from chatplatform.knowledge.ranking.term_hashes import HASH_BYTES, TermHasher
from chatplatform.knowledge.ranking.terms import terms

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32


def found_by(query: str, text: str) -> bool:
    """Whether every term of the query is one of the text's."""
    asked = list(terms(query))
    return bool(asked) and set(asked) <= set(terms(text))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("returning tents", "A tent may be returned."),
        ("CAFÉ", "the cafes of the town"),
        ("cafe\u0301", "CAFÉ"),
        ("iso 9001", "certified by ISO-9001"),
        ("ISO-9001", "certified by iso 9001 and ISO-9001"),
        ("il6", "levels of IL-6 rose"),
        ("IL-6", "levels of IL6, of IL 6, of IL-6"),
        ("1000 tents", "1,000 tents"),
        ("３.５", "version 3.5."),
        ("well known", "a well-known shop"),
        ("the shop's rules", "rule of shops"),
        ("退货", "如何退货？"),
        ("货", "如何退货？"),
        ("退货政策 ISO-9001", "我们的退货政策符合ISO-9001标准"),
        ("Kawann Short", "防守截锋Kawann Short以11分领先"),
    ],
)
def test_what_is_written_in_another_way_is_found(query: str, text: str) -> None:
    assert found_by(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("3.5", "3 of 5"),
        ("9001", "19001"),
        ("货退", "退货"),
        ("2.5", "2,5"),
        ("car", "carpet"),
        ("v12", "v1.3"),
    ],
)
def test_what_only_looks_alike_is_not(query: str, text: str) -> None:
    assert not found_by(query, text)


def test_words_that_every_text_has_are_no_terms() -> None:
    assert list(terms("What is it that they don't have, and why isn't this the one?")) == ["one"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("consistency", "consist"), ("relational", "relat"), ("generously", "generous"), ("knightly", "knight"),
        ("dying", "die"), ("skies", "sky"), ("hopping", "hop"), ("hoping", "hope"), ("egging", "egg"),
        ("agreed", "agre"), ("happy", "happi"), ("by", "by"), ("say", "say"), ("ties", "tie"), ("gas", "gas"),
        ("kiwis", "kiwi"), ("controll", "control"), ("adoption", "adopt"), ("communism", "communism"),
        ("apologist", "apolog"), ("youth", "youth"), ("proceed", "proceed"),
    ],
)  # fmt: skip
def test_stems_are_those_of_snowball(word: str, expected: str) -> None:
    assert stem(word) == expected


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    found = list(terms(text))
    assert all(0 < len(term) <= 64 for term in found)
    assert list(terms(text)) == found
    assert TermHasher(KEY).count(found).length == len(found)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", max_size=30))
def test_a_stem_is_no_longer_than_its_word(word: str) -> None:
    assert len(stem(word)) <= max(len(word), 1) + 1  # hoping, hop, hope


@given(st.text(), st.text())
def test_terms_of_two_texts_are_those_of_both(one: str, other: str) -> None:
    assert sorted(terms(f"{one}\n。\n{other}")) == sorted([*terms(one), *terms(other)])


def test_hashes_tell_nothing_without_their_key() -> None:
    text = "The parcel came late, and the parcel was wet."
    mine = TermHasher(KEY).count(terms(text))
    again = TermHasher(KEY).count(terms(text))
    theirs = TermHasher(OTHER_KEY).count(terms(text))
    assert mine == again
    assert mine.counts[TermHasher(KEY).hashed("parcel")] == 2
    assert mine.length == 5
    assert not mine.counts.keys() & theirs.counts.keys()
    assert all(len(told) == HASH_BYTES for told in mine.counts)
    assert "parcel" not in repr(mine)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        TermHasher(key)
