"""Numbers with their units, denials, clauses and claims; and that a changed number is never called supported.

How well all of it together tells is measured with the encoder: `python -m tests.benchmarks evidence`.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.knowledge.evidence import agreement, numbers, opposites
from chatplatform.knowledge.evidence.claims import MOST_CLAIMS, Claim, claims
from chatplatform.knowledge.evidence.clauses import reading

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "sentences.toml").read_text())["case"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("for 4 weeks", "借期四周"),
        ("€4.90", "4.9 欧元"),
        ("40,000 bees", "4 万只"),
        ("twelve months", "12 个月"),
        ("twenty-five people", "25 人"),
        ("on Monday", "周一"),
        ("until the end of March", "3 月底"),
        ("at 09:00", "9:00"),
        ("the third one", "第三个"),
    ],
)
def test_the_same_number_is_the_same_however_it_is_written(one: str, other: str) -> None:
    found = numbers.quantities(one)
    assert found, "no number was found"
    assert numbers.agree(found, numbers.quantities(other))
    assert numbers.agree(numbers.quantities(other), found)


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("30 days", "30 euros"),
        ("€9.90", "€4.90"),
        ("每日 2 次", "每次 2 片，每日 3 次"),
        ("12 more days", "3 more days for each child under 12"),
        ("周日", "周一"),
        ("until 18:30", "16:30"),
    ],
)
def test_another_number_or_another_unit_is_not(stated: str, known: str) -> None:
    assert not numbers.agree(numbers.quantities(stated), numbers.quantities(known))


def test_an_article_is_no_number() -> None:
    assert numbers.quantities("You get one box and 一个盒子") == []
    assert numbers.quantities("4 万只工蜂")[0].value == Decimal(40_000)


@pytest.mark.parametrize(
    ("text", "denies"),
    [
        ("We do not deliver abroad.", True),
        ("We deliver abroad.", False),
        ("不支持 32 位系统", True),
        ("这是不锈钢做的", False),
        ("Not only tents are sold.", False),
        ("No bicycle may travel without a ticket.", False),  # twice
        ("You can't return it.", True),
    ],
)
def test_denials_are_counted(text: str, denies: bool) -> None:
    assert opposites.denies(text) is denies


def test_opposites_are_seen_on_both_sides() -> None:
    assert opposites.opposed("Take it before the meal", "Take it after the meal")
    assert not opposites.opposed("Take it before the meal", "Take it before you eat")


def test_clauses_are_cut_where_something_else_is_said() -> None:
    texts = [clause.text for clause in reading("Books are lent for 4 weeks, films for 7 days.").clauses]
    assert texts == ["Books are lent for 4 weeks,", "films for 7 days."]
    whole = reading("No bicycles are carried between 06:30 and 09:00 on weekdays.")
    assert len(whole.clauses) == 1


def test_claims_are_what_states_something() -> None:
    answer = (
        "# Returns\n\nSure, here you go! You have **30 days**.[1] The label is in the box [2][3].\n\n"
        "- Sale items cannot be refunded [4].\n\n```\nprint('30 days of code')\n```\nDo you need anything else?\n"
        "| a | b |\n|---|---|\n您可以在 30 天内退货。[1] 希望这能帮到您。"
    )
    assert claims(answer) == [
        Claim("You have 30 days.", (1,)),
        Claim("The label is in the box.", (2, 3)),
        Claim("Sale items cannot be refunded.", (4,)),
        Claim("您可以在 30 天内退货。", (1,)),
    ]


def test_a_long_answer_has_so_many_claims_and_no_more() -> None:
    assert len(claims("The tent weighs two kilograms. " * 100)) == MOST_CLAIMS


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_number_that_no_passage_has_is_never_supported(case: dict[str, Any]) -> None:
    """Even where every two texts are said to mean the same."""
    passages = [reading(passage) for passage in case["passages"]]
    known = [one for passage in case["passages"] for one in numbers.quantities(passage)]
    for text in case["numbers"]:
        if not numbers.agree(numbers.quantities(text), known):
            assert not agreement.found(reading(text), passages, lambda _one, _other: 1.0).is_supported


def test_without_vectors_nothing_is_called_supported() -> None:
    for case in CASES:
        passages = [reading(passage) for passage in case["passages"]]
        for text in case["numbers"] + case["absent"]:
            assert not agreement.found(reading(text), passages, lambda _one, _other: None).is_supported


def test_there_are_two_hundred_labelled_sentences() -> None:
    kinds = ("numbers", "negations", "names", "absent")
    assert sum(len(case["supported"]) for case in CASES) == 100
    assert sum(len(case[kind]) for case in CASES for kind in kinds) == 100


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_text_breaks_it(answer: str, passage: str) -> None:
    read = reading(passage)
    for claim in claims(answer):
        agreement.found(reading(claim.text), [read], lambda _one, _other: 0.9)
