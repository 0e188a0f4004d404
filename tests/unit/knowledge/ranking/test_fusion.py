"""Two orders become one, and neither spoils the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.ranking.bm25 import LexicalScore
from chatplatform.knowledge.ranking.fusion import by_rank, weighted
from chatplatform.knowledge.ranking.query_kind import reading_of
from chatplatform.knowledge.ranking.weights import lexical_weight

ENCODERS = ("multilingual-e5-small", "all-minilm-l6-v2", "one of somebody's own")
SHARE = st.floats(0, 1)
DENSE = st.dictionaries(st.integers(0, 20), st.floats(-1, 1), max_size=12)
LEXICAL = st.dictionaries(
    st.integers(0, 20), SHARE.map(lambda share: LexicalScore(9 * share, share)), max_size=12
)


def words(**coverage: float) -> dict[str, LexicalScore]:
    return {passage: LexicalScore(10 * share, share) for passage, share in coverage.items()}


def order(dense: dict[str, float], lexical: dict[str, LexicalScore], weight: float) -> list[str]:
    return [one.passage for one in weighted(dense, lexical, weight)]


def test_what_both_find_comes_before_what_one_finds() -> None:
    assert order({"meant": 0.9, "both": 0.88, "far": 0.7}, words(said=0.6, both=0.58), 0.5)[0] == "both"


def test_a_few_words_of_another_language_change_nothing() -> None:
    dense = {"right": 0.90, "near": 0.84, "far": 0.80}
    assert order(dense, words(near=0.04, other=0.05), 0.4)[0] == "right"
    assert order(dense, words(near=0.7, other=0.3), 0.4)[0] == "near"


def test_one_side_alone_is_the_order() -> None:
    assert order({"a": 0.8, "b": 0.9}, {}, 0.4) == ["b", "a"]
    assert order({}, words(a=0.2, b=0.1), 0.4) == ["a", "b"]
    assert order({}, {}, 0.4) == []
    assert weighted({"a": 0.8, "b": 0.9}, {}, 0.4)[0].score == 1


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        weighted({"a": 1.0}, {}, weight)


@given(DENSE, LEXICAL, SHARE)
def test_every_passage_once_and_every_score_explained(
    dense: dict[int, float], lexical: dict[int, LexicalScore], weight: float
) -> None:
    found = weighted(dense, lexical, weight)
    assert sorted(one.passage for one in found) == sorted(dense.keys() | lexical.keys())
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert 0 <= one.score <= 1
        assert (one.cosine, one.words) == (dense.get(one.passage), lexical.get(one.passage))
        if dense and lexical:
            assert one.score == pytest.approx((1 - weight) * one.dense_level + weight * one.lexical_level)


@given(DENSE, LEXICAL)
def test_the_ends_of_the_weight_are_the_sides_alone(
    dense: dict[int, float], lexical: dict[int, LexicalScore]
) -> None:
    found = [one.passage for one in weighted(dense, lexical, 0.0) if one.passage in dense]
    assert [dense[passage] for passage in found] == pytest.approx(sorted(dense.values(), reverse=True))
    found = [one.passage for one in weighted(dense, lexical, 1.0) if one.passage in lexical]
    assert [lexical[one].coverage for one in found] == pytest.approx(
        sorted((score.coverage for score in lexical.values()), reverse=True)
    )


def test_ranks_fused_by_hand() -> None:
    assert by_rank([["a", "b"], ["b", "c"]]) == [
        ("b", pytest.approx(1 / 62 + 1 / 61)),
        ("a", pytest.approx(1 / 61)),
        ("c", pytest.approx(1 / 62)),
    ]


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=4))
def test_what_all_put_first_is_first(orders: list[list[int]]) -> None:
    with_one = [[99, *order] for order in orders]
    assert by_rank(with_one)[0][0] == 99
    assert {passage for passage, _ in by_rank(with_one)} == {*range(6), 99}


@pytest.mark.parametrize(
    ("query", "language", "kind"),
    [
        ("How long may tents be returned?", "en", "sentence"),
        ("tent return", "en", "keywords"),
        ("ISO-9001", "en", "exact"),
        ("the “late parcel” rule", "en", "exact"),
        ("2014", "other", "keywords"),
        ("帐篷可以退货多久？", "zh", "sentence"),
        ("帐篷退货", "zh", "keywords"),
        ("什么是IL-6", "zh", "exact"),
        ("Kawann Short在2015年有多少次擒杀？", "zh", "sentence"),
        ("what does 退货 mean in this contract", "en", "sentence"),
        ("テントの返品", "other", "keywords"),
        ("Когда приедет посылка", "other", "keywords"),
        ("", "other", "keywords"),
        ("?!", "other", "sentence"),
    ],
)
def test_queries_are_read(query: str, language: str, kind: str) -> None:
    reading = reading_of(query)
    assert (reading.language, reading.kind) == (language, kind)


@given(st.text(), st.sampled_from(ENCODERS), st.booleans())
def test_every_query_has_a_weight(query: str, encoder: str, is_translated: bool) -> None:
    assert 0 <= lexical_weight(reading_of(query), encoder, is_translated=is_translated) <= 1


@pytest.mark.parametrize("encoder", ENCODERS)
def test_codes_trust_words_more(encoder: str) -> None:
    code, sentence = reading_of("error E-4711"), reading_of("what is this error")
    assert lexical_weight(code, encoder) > lexical_weight(sentence, encoder)


def test_words_count_more_beside_a_light_encoder() -> None:
    sentence = reading_of("What is this error?")
    assert lexical_weight(sentence, "all-minilm-l6-v2") > lexical_weight(sentence, "multilingual-e5-small")
