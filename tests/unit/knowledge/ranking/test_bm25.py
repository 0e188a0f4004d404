"""Lexical scores are those of the formula, and their coverage means the same for every query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.ranking.bm25 import LexicalScore, Posting, Statistics, bm25
from chatplatform.knowledge.ranking.term_hashes import TermHasher
from chatplatform.knowledge.ranking.terms import terms

Id = TypeVar("Id")

HASHER = TermHasher(bytes(32))
TEXTS = st.dictionaries(
    st.integers(0, 9), st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12), min_size=1
)


def scores(query: str, texts: Mapping[str, str]) -> dict[str, LexicalScore]:
    return scored(list(terms(query)), {passage: list(terms(text)) for passage, text in texts.items()})


def scored(query: list[str], texts: Mapping[Id, list[str]]) -> dict[Id, LexicalScore]:
    postings: dict[bytes, list[Posting[Id]]] = {}
    for passage, text in texts.items():
        counted = HASHER.count(text)
        for term, count in counted.counts.items():
            postings.setdefault(term, []).append(Posting(passage, count, counted.length))
    mean = sum(map(len, texts.values())) / len(texts)
    return bm25([HASHER.hashed(term) for term in query], postings, Statistics(len(texts), mean))


def test_the_formula_by_hand() -> None:
    found = scored(["wet"], {"one": ["wet", "wet", "tent"], "other": ["dry"]})
    rarity = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    expected = rarity * 2 * 2.2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 2))
    assert found.keys() == {"one"}
    assert found["one"].bm25 == pytest.approx(expected)
    assert found["one"].coverage == pytest.approx(expected / (rarity * 2.2))


def test_the_rarer_word_decides() -> None:
    found = scores(
        "wet stove",
        {
            "common": "a wet tent, wet boots",
            "rare": "a stove in the rain",
            "third": "wet socks",
            "fourth": "wet maps",
        },
    )
    assert max(found, key=lambda passage: found[passage].bm25) == "rare"


def test_a_question_in_another_language_covers_next_to_nothing() -> None:
    english = {"one": "Kawann Short led the team in sacks with 11.", "other": "The stadium opened in 2014."}
    own = scores("Who led the team in sacks?", english)
    across = scores("哪位球员以11次擒杀领先全队？", english)
    assert own["one"].coverage >= 0.4
    assert 0 < across["one"].coverage < 0.1


def test_nothing_in_common_finds_nothing() -> None:
    assert scores("stove", {"one": "wet tent"}) == {}
    assert bm25([], {}, Statistics(0, 0.0)) == {}


@given(TEXTS, st.lists(st.sampled_from("abcdefgh"), max_size=8))
def test_coverage_is_a_share_and_orders_as_the_score_does(
    texts: dict[int, list[str]], query: list[str]
) -> None:
    found = scored(query, texts)
    assert found.keys() == {passage for passage, text in texts.items() if set(text) & set(query)}
    assert all(0 < score.coverage < 1 and score.bm25 > 0 for score in found.values())
    assert sorted(found, key=lambda one: found[one].bm25) == sorted(
        found, key=lambda one: found[one].coverage
    )
    assert scored(query + query, texts) == found


@given(TEXTS, st.sampled_from("abcdef"))
def test_more_of_what_was_asked_is_never_worse(texts: dict[int, list[str]], term: str) -> None:
    length = max(map(len, texts.values()))
    even = {passage: text + ["x"] * (length - len(text)) for passage, text in texts.items()}
    found = scored([term], even)
    for one, first in found.items():
        for other, second in found.items():
            if even[one].count(term) > even[other].count(term):
                assert first.bm25 > second.bm25
