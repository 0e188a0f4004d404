"""What counts as found, and that the index never misses any of it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatplatform.common.errors import InvalidInput
from chatplatform.text_search import packing
from chatplatform.text_search.folding import folded
from chatplatform.text_search.snippets import snippet, spans
from chatplatform.text_search.terms import MOST_CHARS, parse
from chatplatform.text_search.tokens import tokens_of, tokens_of_term

TENT = (
    "The two-person tent weighs 1.9 kg; content is King.\nSee\n  the  Größe table — "
    "ﬁt for 登山帐篷和睡袋。ＡＢＣ Ελλάς"
)


@pytest.mark.parametrize(
    "query",
    [
        "tent",
        "TENT weig",
        "two-person",
        '"two-person tent"',
        '"see the größe"',
        "größe",
        "GRÖSSE",
        "fit",
        "帐篷",
        "山帐",
        "登山帐篷和",
        "abc",
        "ελλάσ",
        "1.9",
        "kg;",
        "ki con",
        '"tent wei',
        "“content is”",
    ],
)
def test_what_is_found(query: str) -> None:
    assert parse(query).matches(folded(TENT))


@pytest.mark.parametrize("query", ["ntent", "wo", "睡帐", '"tent weighs 19"', "tent boat", "erson tentx"])
def test_what_is_not_found(query: str) -> None:
    assert not parse(query).matches(folded(TENT))


def test_a_word_may_begin_later_than_the_first_place_of_its_letters() -> None:
    assert parse("art").matches("start, part, art")
    assert not parse("art").matches("start part")


def test_what_nobody_sees_makes_no_difference() -> None:
    assert parse("cooperate").matches(folded("co\u00adop\u200berate"))
    assert parse("👩\u200d🚀").matches(folded("Ask the 👩🚀"))


def test_an_empty_query_is_empty_and_a_long_one_refused() -> None:
    assert parse(' "" \u200b ').is_empty
    with pytest.raises(InvalidInput):
        parse("x" * (MOST_CHARS + 1))


# letters of every kind that is told apart, and a few of them, so that they meet again
letters = st.text(
    st.one_of(
        st.sampled_from("abcAB 01_-.,\n帐篷登山睡袋のテท์ßﬁÅ\u030a\u0301\u200d\u00adΣς한국۱हिक"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(text=letters, query=letters)
@example(text="ab帐篷cd", query="篷cd")
@example(text="e\u0301tat", query="état")
def test_a_text_that_answers_has_every_token_that_is_looked_up(text: str, query: str) -> None:
    wanted = parse(query)
    whole = folded(text)
    if wanted.matches(whole):
        for term in wanted.terms:
            assert tokens_of_term(term) <= tokens_of(whole)


@settings(max_examples=400, deadline=None)
@given(text=letters.filter(str.strip), data=st.data())
def test_any_part_of_a_text_that_begins_a_word_finds_it(text: str, data: st.DataObject) -> None:
    whole = folded(text)
    words = whole.split(" ")
    first = data.draw(st.integers(0, len(words) - 1))
    part = words[first][: data.draw(st.integers(1, 8))]
    query = parse(part)
    if query.terms == (part,):  # a quotation mark is a query's own
        assert query.matches(whole)
        assert tokens_of_term(part) <= tokens_of(whole)


@settings(max_examples=200, deadline=None)
@given(text=letters, query=letters)
@example(text="0\x1b\xad", query="\x1b")
@example(text="0¸", query="¸")
def test_a_snippet_is_made_of_the_text(text: str, query: str) -> None:
    wanted = parse(query)
    pieces = snippet(text, wanted)
    shown = "".join(piece.text for piece in pieces).strip("…").strip()
    assert " ".join(shown.split()) in " ".join(text.split())
    for start, end in spans(text, wanted):
        assert 0 <= start < end <= len(text)


def test_a_snippet_marks_what_was_found() -> None:
    pieces = snippet(TENT * 3, parse("帐篷 größ"))
    assert {piece.text for piece in pieces if piece.is_hit} == {"帐篷", "Größ"}
    assert pieces[-1].text == "…"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from([f"t{n}" for n in range(300)]), max_size=40), min_size=1, max_size=90)
)
def test_a_pack_gives_back_who_holds_what(texts: list[set[str]]) -> None:
    key = b"k" * 32
    buckets = packing.buckets(iter(texts), key)
    for token in {"t0", "t7", "other", *texts[0]}:
        number, value = packing.hashed(token, key)
        bits = packing.holders(buckets[number], value, len(texts)) if number in buckets else 0
        assert [n for n in range(len(texts)) if bits >> n & 1] == [
            n for n, of_text in enumerate(texts) if token in of_text
        ]
