"""The shipped assistants: short enough to be read fast, in both languages, and invented."""

from __future__ import annotations

import pytest
from django.conf import settings

from chatplatform.inference.protocol.token_estimate import estimate_tokens
from chatplatform.prompts.shipped import DEMO, GENERAL, OUTDOOR_SHOP, shipped_assistant
from chatplatform.prompts.text_format import opening_messages

ALL = (GENERAL, *DEMO)


@pytest.mark.parametrize("shipped_id", ALL)
def test_people_are_greeted_in_every_language_of_the_interface(shipped_id: str) -> None:
    shipped = shipped_assistant(shipped_id)
    codes = {code for code, _ in settings.LANGUAGES}
    assert set(shipped.starters) == codes
    assert set(shipped.translations) == codes - {"en"}
    assert all(3 <= len(lines) <= 4 for lines in shipped.starters.values())
    assert shipped.translations["zh-hans"].name
    assert shipped.translations["zh-hans"].description


@pytest.mark.parametrize(
    ("shipped_id", "rules", "everything"), [(GENERAL, 130, 130), (OUTDOOR_SHOP, 620, 1150)]
)
def test_system_texts_are_short_because_reading_is_slow(shipped_id: str, rules: int, everything: int) -> None:
    """In tokens by our estimate, which counts half as many again as the default model's tokenizer."""
    opening = opening_messages(shipped_assistant(shipped_id).system_text)
    assert estimate_tokens(opening[:1]) <= rules
    assert estimate_tokens(opening) <= everything


@pytest.mark.parametrize("shipped_id", ALL)
def test_system_texts_are_stable(shipped_id: str) -> None:
    """No date, no place holder: the engine reads the text once and keeps it."""
    text = shipped_assistant(shipped_id).system_text
    assert not any(mark in text for mark in ("{", "}", "%(", "<date>"))


def test_the_shop_cannot_be_reached_by_mistake() -> None:
    """Reserved names and numbers only: nobody real gets the demo's mail or calls."""
    text = shipped_assistant(OUTDOOR_SHOP).system_text
    assert "@larkfell.example" in text
    assert "555-01" in text
