"""The help centre says the same in both languages, and what the demo's assistant is told."""

from __future__ import annotations

import re

import pytest

from chatplatform.knowledge.evidence.numbers import quantities
from chatplatform.knowledge.help_centre.articles import LANGUAGES, Article, articles
from chatplatform.prompts.shipped import OUTDOOR_SHOP, shipped_assistant

FACT = re.compile(r"€\d+(?:\.\d+)?|\d+(?:\.\d+)? (?:kg|litres|years)|-5 °C|555-0142|hello@larkfell\.example")


def of(language: str) -> dict[str, Article]:
    return {article.id: article for article in articles() if article.language == language}


def test_there_are_thirty_articles_in_each_language() -> None:
    english, chinese = (of(language) for language in LANGUAGES)
    assert len(english) == 30
    assert list(english) == list(chinese)
    assert len({article.text for article in articles()}) == 60


@pytest.mark.parametrize("key", list(of("en")))
def test_both_languages_state_the_same_amounts(key: str) -> None:
    english, chinese = of("en")[key], of("zh-hans")[key]
    money, days = (
        [
            {one.value for one in quantities(article.text) if one.unit == unit}
            for article in (english, chinese)
        ]
        for unit in ("eur", "day")
    )
    assert money[0] == money[1]
    assert days[0] == days[1]


def test_the_assistant_is_told_nothing_else() -> None:
    """Every amount in the assistant's facts stands in an article too."""
    facts = shipped_assistant(OUTDOOR_SHOP).system_text.partition("[user]")[0]
    told = " ".join(article.text for article in of("en").values())
    found = set(FACT.findall(facts))
    assert len(found) > 12
    assert {fact for fact in found if fact not in told} == set()


def test_no_article_claims_the_shop_to_be_real() -> None:
    for article in articles():
        assert not re.search(r"https?://|www\.", article.text)
        assert all(
            address.endswith("@larkfell.example")
            for address in re.findall(r"[\w.]+@[a-z.]+[a-z]", article.text)
        )
